import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AwsError } from "../../../local/services/service.ts";
import { rotateOnce, type Situation, situation } from "../../support/situation.ts";
import { startWorld, type World } from "../../support/world.ts";
import { startView, type Viewer } from "../viewer.ts";
import { chromiumIsMissing, named, useBrowser } from "./chromium.ts";
import { holdAt, runOf } from "./held.ts";
import { outcome } from "./outcome.ts";

describe.skipIf(chromiumIsMissing)(named("what can be asked for from the page"), () => {
  let world: World;
  let view: Viewer;
  const look = useBrowser();
  beforeAll(async () => {
    world = await startWorld({ loses: ({ source }) => source === "aws.states" });
    view = await startView(world.account.environment);
  });
  afterAll(async () => {
    await view?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  async function rolledBack(): Promise<Situation> {
    const secret = await situation(world, { dependents: { api: "reload" } });
    const { api } = secret.dependents;
    if (api !== undefined) api.faults.refresh = 422;
    await rotateOnce(world, secret);
    if (api !== undefined) delete api.faults.refresh;
    return secret;
  }

  /** Opens the dialog, and asks for it under the secret's name. */
  async function ask(page: Page, button: string, secret: Situation): Promise<Locator> {
    await page.getByRole("button", { name: `${button} …` }).click();
    const dialog = page.getByRole("dialog", { name: `${button}: ${secret.name}` });
    await dialog.getByRole("textbox").fill(secret.name);
    await dialog.getByRole("button", { name: button, exact: true }).click();
    return dialog;
  }

  test("nothing is asked for before the secret's name is typed, and Esc leaves it at that", async () => {
    const secret = await rolledBack();
    const page = await look(`${view.url}runs/${runOf(secret)}`);
    await page.getByRole("button", { name: "Retry …" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: `Retry: ${secret.name}` });
    const button = dialog.getByRole("button", { name: "Retry", exact: true });
    await dialog.getByText(`rotor retry ${runOf(secret)}`).waitFor();
    expect(await button.isDisabled()).toBe(true);
    await dialog.getByRole("textbox").fill(secret.name.slice(0, -1));
    expect(await button.isDisabled()).toBe(true);
    await dialog.getByRole("textbox").press("Enter");
    await dialog.getByRole("textbox").fill(`${secret.name}s`);
    expect(await button.isDisabled()).toBe(true);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Retry …");
    expect(await world.executions()).not.toContain(runOf(secret, 2));
  });

  test("a retry begins another attempt, and the page goes to it", async () => {
    const secret = await rolledBack();
    const page = await look(`${view.url}runs/${runOf(secret)}`);
    await ask(page, "Retry", secret);
    await page.waitForURL(`${view.url}runs/${runOf(secret, 2)}`);
    await outcome(page, "SUCCEEDED");
  });

  test("a rollback takes the version back, and another tab sees it", async () => {
    const secret = await situation(world, { dependents: { api: "reload" } });
    await rotateOnce(world, secret);
    const page = await look(`${view.url}runs/${runOf(secret)}`);
    const list = await look(`${view.url}?q=${encodeURIComponent(secret.name)}`, { beside: page });
    await list.locator(".secrets-rows").getByText("succeeded").waitFor();
    const before = secret.firstVersion;
    await ask(page, "Roll back", secret);
    await page.waitForURL((url) => !url.pathname.endsWith(runOf(secret)));
    await outcome(page, "ROLLED BACK");
    await list.locator(".secrets-rows").getByText("rolled back").waitFor();
    expect((await world.labels(secret))[before]).toContain("AWSCURRENT");
    expect(await world.signsIn(secret, before)).toBe(true);
  });

  test("a stop cancels a rotation that is under way, and another tab sees it end", async () => {
    const secret = await situation(world);
    using held = holdAt(world, secret, "TestSecret");
    const ended = rotateOnce(world, secret);
    await held.reached;
    const page = await look(`${view.url}runs/${runOf(secret)}`);
    const other = await look(`${view.url}runs/${runOf(secret)}`, { beside: page });
    await verdict(other).getByText("TestSecret is under way").waitFor();
    const dialog = await ask(page, "Stop", secret);
    await dialog.waitFor({ state: "detached" });
    held.release();
    await ended;
    for (const each of [page, other]) await outcome(each, "ROLLED BACK");
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });

  test("what is refused meanwhile is said in the dialog, and nothing is done", async () => {
    const secret = await rolledBack();
    const page = await look(`${view.url}runs/${runOf(secret)}`);
    await page.getByRole("button", { name: "Retry …" }).waitFor();
    using held = holdAt(world, secret, "TestSecret");
    const ended = rotateOnce(world, secret, 2);
    await held.reached;
    const dialog = await ask(page, "Retry", secret);
    await dialog.getByText("Nothing was done.").waitFor();
    held.release();
    await ended;
    expect(await world.executions()).not.toContain(runOf(secret, 3));
  });

  test("nothing is offered with --read-only, nor to credentials that may not", async () => {
    const secret = await rolledBack();
    await using readOnly = await startView(world.account.environment, "--read-only");
    const page = await look(`${readOnly.url}runs/${runOf(secret)}`);
    await outcome(page, "ROLLED BACK");
    expect(await page.getByRole("button", { name: /…$/ }).count()).toBe(0);

    using _ = world.account.intercept(({ operation, caller, phase }) => {
      if (caller === undefined && phase === "before" && operation === "PutEvents")
        throw new AwsError("AccessDeniedException", "Not you.");
    });
    await using denied = await startView(world.account.environment);
    const other = await look(`${denied.url}runs/${runOf(secret)}`);
    await other.getByText("These credentials may only look.").waitFor();
    expect(await other.getByRole("button", { name: /…$/ }).count()).toBe(0);
  });
});

function verdict(page: Page): Locator {
  return page.getByRole("region", { name: "Verdict" });
}
