import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rotateOnce, type Situation, situation } from "../../support/situation.ts";
import { beforeEffect, failStep } from "../../support/step-faults.ts";
import { startWorld, type World } from "../../support/world.ts";
import { startView, type Viewer } from "../viewer.ts";
import { chromiumIsMissing, named, useBrowser } from "./chromium.ts";
import { holdAt, holdTime, runOf } from "./held.ts";
import { outcome } from "./outcome.ts";

const TOKEN = "a-token-of-the-tests-that-is-long-enough";

describe.skipIf(chromiumIsMissing)(named("the page while something happens"), () => {
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

  const events = async (secret: Situation) => (await world.run(secret, runOf(secret).slice(21))).history.length;

  test("a rotation is followed through a retry to its end, and what has not changed is left alone", async () => {
    const secret = await situation(world, { dependents: { orders: "reload" } });
    using held = holdAt(world, secret, "SetSecret");
    using _ = failStep(world, secret, "SetSecret", [beforeEffect("TargetUnavailable")]);
    const ended = rotateOnce(world, secret);
    await held.reached;
    const page = await look(`${view.url}runs/${runOf(secret)}`, { viewport: { width: 1200, height: 500 } });
    await verdict(page).getByText("SetSecret is under way").waitFor();
    await page.getByRole("button", { name: /^SetSecret running/ }).waitFor();
    expect(await page.title()).toBe(`running: ${secret.name} - Rotor`);

    // Elements are known again by what was put on them; a page that is loaded again has none of it.
    const kept = [
      row(page, "CreateSecret"),
      page.getByRole("button", { name: /^Plan succeeded/ }),
      page.locator("html"),
    ];
    for (const each of kept) await each.evaluate((element) => Object.assign(element, { isKept: true }));
    await row(page, "CreateSecret").getByRole("button").focus();
    await page.evaluate("scrollTo(0, 100)");
    const scrolled = Number(await page.evaluate("scrollY"));

    const time = holdTime(world);
    held.release();
    await verdict(page)
      .getByText(/SetSecret is under way: next try (now|(in|within) \d+ s)/)
      .waitFor();
    await row(page, "SetSecret")
      .getByText(/next try/)
      .waitFor();
    time.release();
    await ended;
    await outcome(page, "SUCCEEDED");
    await row(page, "SetSecret").getByText("succeeded").waitFor();
    await verdict(page).getByText("1 retry").waitFor();
    expect(await page.title()).toBe(`succeeded: ${secret.name} - Rotor`);

    for (const each of kept) expect(await each.evaluate((element) => Object(element).isKept)).toBe(true);
    expect(await page.evaluate("document.activeElement.textContent")).toBe("CreateSecret");
    // What has grown above moves on what is seen, so that it stays where it is.
    expect(await page.evaluate("scrollY")).toBeGreaterThanOrEqual(scrolled);
    await verdict(page)
      .getByText(`${await events(secret)} events`)
      .waitFor();
  });

  test("a rollback is followed: the lower lane is taken, and the verdict becomes another", async () => {
    const secret = await situation(world, { dependents: { billing: "cache" } });
    const { billing } = secret.dependents;
    if (billing !== undefined) billing.faults.refresh = 422;
    using finish = holdAt(world, secret, "FinishSecret");
    using back = holdAt(world, secret, "RollBack");
    const ended = rotateOnce(world, secret);
    await finish.reached;
    const page = await look(`${view.url}runs/${runOf(secret)}`);
    await verdict(page).getByText("FinishSecret is under way").waitFor();
    expect(await page.locator(".node.unhappy:not(.untaken)").count()).toBe(0);
    await page.locator("html").evaluate((html) => Object.assign(html, { isKept: true }));
    finish.release();
    await back.reached;
    await verdict(page).getByText("RollBack is under way").waitFor();
    await page.getByRole("button", { name: /^RollBack running/ }).waitFor();
    expect(await page.locator(".node.unhappy:not(.untaken)").count()).toBe(2);
    await row(page, "ConvergeDependents").getByText("caught").waitFor();
    back.release();
    await ended;
    await outcome(page, "ROLLED BACK");
    await page.getByRole("button", { name: /^RolledBack failed/ }).waitFor();
    await page.getByRole("region", { name: "Versions" }).getByText("ROTATION_ROLLED_BACK").waitFor();
    expect(await page.locator("html").evaluate((html) => Object(html).isKept)).toBe(true);
  });

  test("the list has a run as soon as it has begun, and how it has ended", async () => {
    const secret = await situation(world);
    const page = await look(`${view.url}?q=${encodeURIComponent(secret.name)}`);
    await page.getByRole("heading", { name: "1 secret" }).waitFor();
    await page.getByText("No run is like that.").waitFor();
    using held = holdAt(world, secret, "TestSecret");
    const ended = rotateOnce(world, secret);
    await held.reached;
    const run = page.locator(".runs-rows tr", { hasText: runOf(secret) });
    await run.getByText("running").waitFor();
    await page.getByRole("button", { name: /^1\s*▸? ?running now/ }).waitFor();
    held.release();
    await ended;
    await run.getByText("succeeded").waitFor();
    await page.locator(".secrets-rows tr", { hasText: secret.name }).getByText("succeeded").waitFor();
  });

  test("two tabs of a run ask AWS no more than one does, and both follow it", async () => {
    const secret = await situation(world);
    using held = holdAt(world, secret, "TestSecret");
    const ended = rotateOnce(world, secret);
    await held.reached;
    const first = await look(`${view.url}runs/${runOf(secret)}`);
    const second = await look(`${view.url}runs/${runOf(secret)}`, { beside: first });
    for (const page of [first, second]) await verdict(page).getByText("TestSecret is under way").waitFor();
    const asked = () =>
      world.account.calls().filter(({ operation, caller, input }) => {
        const { executionArn = "" } = Object(input) as { readonly executionArn?: string };
        return operation === "GetExecutionHistory" && caller === undefined && executionArn.endsWith(runOf(secret));
      }).length;
    const [before, since] = [asked(), Date.now()];
    await expect.poll(asked, { timeout: 40_000, interval: 20 }).toBeGreaterThanOrEqual(before + 6);
    // One reader looks once a second; of two, six looks would take three.
    expect(Date.now() - since).toBeGreaterThan(4500);
    held.release();
    await ended;
    for (const page of [first, second]) await outcome(page, "SUCCEEDED");
  });

  test("where the server is gone what was shown stays; when it is back the page goes on, each event once", async () => {
    const secret = await situation(world);
    const started = { ...world.account.environment, ROTOR_VIEW_TOKEN: TOKEN };
    const server = await startView(started);
    const { port } = new URL(server.url);
    using held = holdAt(world, secret, "TestSecret");
    const ended = rotateOnce(world, secret);
    await held.reached;
    const page = await look(`${server.url}runs/${runOf(secret)}?tab=events`);
    await verdict(page).getByText("TestSecret is under way").waitFor();
    const list = await look(`${server.url}?q=${encodeURIComponent(secret.name)}`, { beside: page });
    await list.getByRole("heading", { name: "1 run", exact: true }).waitFor();
    for (const each of [page, list])
      await each.locator("html").evaluate((html) => Object.assign(html, { isKept: true }));

    await server[Symbol.asyncDispose]();
    for (const each of [page, list]) await each.getByText(/^The server is gone\. What is shown is of/).waitFor();
    await verdict(page).getByText("TestSecret is under way").waitFor();
    await list.getByRole("heading", { name: "1 run", exact: true }).waitFor();
    held.release();
    await ended;

    await using again = await startView(started, "--port", port);
    for (const each of [page, list]) await each.getByText(/^The server is gone/).waitFor({ state: "detached" });
    await outcome(page, "SUCCEEDED");
    await list.locator(".runs-rows").getByText("succeeded").waitFor();
    const all = await events(secret);
    await page.getByRole("tabpanel").getByText(`${all} events`, { exact: true }).waitFor();
    expect(await page.getByRole("region", { name: "Events" }).getByRole("table").getAttribute("aria-rowcount")).toBe(
      String(all + 1),
    );
    await list.getByRole("heading", { name: "1 run", exact: true }).waitFor();
    for (const each of [page, list])
      expect(await each.locator("html").evaluate((html) => Object(html).isKept)).toBe(true);
    expect(again.url).toBe(server.url);
  });

  test("a server that was started anew with another token is not taken for the page's own", async () => {
    const secret = await situation(world);
    await rotateOnce(world, secret);
    const server = await startView(world.account.environment);
    const page = await look(`${server.url}runs/${runOf(secret)}`);
    await outcome(page, "SUCCEEDED");
    await server[Symbol.asyncDispose]();
    await page.getByText(/^The server is gone/).waitFor();
    await using _ = await startView(world.account.environment, "--port", new URL(server.url).port);
    await page.getByText("The server was started anew, and this page is not its own.").waitFor();
    await outcome(page, "SUCCEEDED");
  });
});

function verdict(page: Page): Locator {
  return page.getByRole("region", { name: "Verdict" });
}

/** Of the timeline. */
function row(page: Page, step: string): Locator {
  return page.locator(".timeline tbody tr", { has: page.getByRole("button", { name: step, exact: true }) });
}
