import { readFile } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS } from "../../../cli/commands/index.ts";
import { rotor } from "../../cli/rotor.ts";
import { startView, type Viewer } from "../viewer.ts";
import { chromiumIsMissing, named, useBrowser } from "./chromium.ts";
import { outcome } from "./outcome.ts";
import { STORY_MS, type Story, tellStory } from "./story.ts";

describe.skipIf(chromiumIsMissing)(named("the page of runs that have ended"), () => {
  let story: Story;
  let view: Viewer;
  const look = useBrowser();
  beforeAll(async () => {
    story = await tellStory();
    view = await startView(story.world.account.environment);
  }, STORY_MS);
  afterAll(async () => {
    await view?.[Symbol.asyncDispose]();
    await story?.[Symbol.asyncDispose]();
  });

  const run = (outcome: keyof Story["runs"], query = "") => `${view.url}runs/${story.runs[outcome]}${query}`;

  test("from the list to a run, to a step of it, and back", async () => {
    const page = await look(view.url);
    await page.getByRole("link", { name: story.runs["rolled-back"] }).click();
    await outcome(page, "ROLLED BACK");
    await page.locator(".timeline").getByRole("button", { name: "TestSecret", exact: true }).click();
    const details = page.getByRole("region", { name: "Details of TestSecret" });
    expect(await details.getByRole("listitem").filter({ hasText: "TargetUnavailable" }).count()).toBeGreaterThan(0);
    await details.getByText("2 tries").waitFor();
    await details.getByText("Input", { exact: true }).click();
    await details.locator("pre").filter({ hasText: story.secrets["rolled-back"].arn }).waitFor();
    await page.reload();
    await details.waitFor();
    await details.getByRole("button", { name: "Close" }).click();
    await page.getByRole("region", { name: "Dependents" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "3 runs" }).waitFor();
  });

  test("a node of the graph opens what the timeline's row does, and an iteration has its steps", async () => {
    const page = await look(run("rolled-back"));
    await page.getByRole("button", { name: /^Converge Dependents caught/ }).click();
    await page.getByRole("region", { name: "Details of ConvergeDependents" }).waitFor();
    const worker = page.locator(".timeline tr", { hasText: "billing-worker" }).first();
    await worker.getByRole("button", { name: "Steps of billing-worker" }).click();
    await page.locator(".timeline tr.depth2", { hasText: "Refresh" }).waitFor();
    await worker.getByRole("button", { name: "billing-worker", exact: true }).click();
    await page.getByRole("region", { name: "Details of billing-worker" }).getByText("status 422").first().waitFor();
  });

  test("each filter is in the address, and is there when the page is loaded again", async () => {
    const page = await look(view.url);
    await rows(page, "runs", 3);
    const filter = page.getByRole("searchbox");
    const state = page.getByRole("combobox", { name: "State of secrets" });
    const owner = page.getByRole("combobox", { name: "Owner" });
    const expectShown = async (query: string, secrets: number, runs: number) => {
      for (const isAgain of [false, true]) {
        if (isAgain) await page.reload();
        await rows(page, "secrets", secrets);
        await rows(page, "runs", runs);
        expect(new URL(page.url()).search).toBe(query);
      }
    };
    await state.locator("option", { hasText: "frozen" }).waitFor({ state: "attached" });

    await filter.fill("billing");
    await expectShown("?q=billing", 1, 1);
    expect(await filter.inputValue()).toBe("billing");
    await page.getByRole("button", { name: "Clear" }).click();
    await expectShown("", 3, 3);
    await page.getByRole("button", { name: /rolled back$/ }).click();
    await expectShown("?outcome=ROLLED_BACK", 1, 1);
    expect(await page.getByRole("button", { name: /rolled back$/ }).getAttribute("aria-pressed")).toBe("true");
    await page.getByRole("button", { name: /rolled back$/ }).click();
    await state.selectOption("frozen");
    await expectShown("?state=frozen", 1, 1);
    expect(await state.inputValue()).toBe("frozen");
    await owner.selectOption("orders");
    await expectShown("?state=frozen&owner=orders", 0, 0);
    await page.getByText("No secret is like that.").waitFor();
  });

  test("what is copied is a line that the program takes, and says what the page says", async () => {
    const page = await look(run("rolled-back", "?step=TestSecret"), {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const lines: string[] = [];
    const copy = async (button: Locator) => {
      await button.click();
      await button.getByRole("status").getByText("copied").waitFor();
      lines.push(await page.evaluate("navigator.clipboard.readText()"));
    };
    const name = story.runs["rolled-back"];
    await copy(verdict(page).getByRole("button", { name: "Copy as command" }));
    await copy(page.getByRole("region", { name: "Details of TestSecret" }).getByRole("button", { name: "Copy as" }));
    await copy(verdict(page).getByRole("button", { name: "Copy the export's command" }));
    await page.getByRole("tab", { name: /^Events/ }).click();
    await copy(page.getByRole("tabpanel").getByRole("button", { name: "Copy as command" }));
    await page.goto(`${view.url}?outcome=ROLLED_BACK&owner=billing&state=any`);
    await rows(page, "runs", 1);
    await copy(page.getByRole("button", { name: "rotor secrets" }));
    await copy(page.getByRole("button", { name: "rotor runs" }));
    expect(lines).toEqual([
      `rotor show ${name}`,
      `rotor show ${name} --step TestSecret`,
      `rotor export ${name} --file ${name}.json`,
      `rotor show ${name} --events`,
      "rotor secrets --owner billing",
      "rotor runs --outcome ROLLED_BACK --limit 1000",
    ]);
    for (const line of lines) {
      const [, command = "", ...words] = line.split(" ");
      const known = COMMANDS.find(({ usage }) => usage.split(" ")[0] === command);
      const flags = (known?.options ?? []).flatMap(({ flags }) => /--[\w-]+/.exec(flags) ?? []);
      expect([command, ...flags], line).toEqual(
        expect.arrayContaining([command, ...words.filter((word) => word.startsWith("--"))]),
      );
    }
    const shown = await rotor(story.world.account.environment, ...(lines[0] ?? "").split(" ").slice(1));
    expect([shown.status, shown.stdout]).toEqual([4, expect.stringContaining("ROLLED BACK")]);
    const listed = await rotor(story.world.account.environment, ...(lines[4] ?? "").split(" ").slice(1));
    expect(listed).toMatchObject({ status: 0, stdout: expect.stringContaining("billing/db/app") });
    expect(listed.stdout).not.toContain("orders/db/app");
  });

  test("replay shows what was known at each event, and no more", async () => {
    const page = await look(run("rolled-back"));
    const slider = page.getByRole("slider", { name: "Replay up to event" });
    const versions = page.getByRole("region", { name: "Versions" });
    await outcome(page, "ROLLED BACK");
    const events = Number(await slider.getAttribute("max"));
    await page.getByRole("button", { name: "Retry …" }).waitFor();

    await slider.fill("1");
    await outcome(page, "REPLAY");
    expect(await versions.locator("td").allInnerTexts()).toEqual(["not read", "not read", "not read"]);
    expect(await page.locator(".timeline tbody tr").innerText()).toBe("No state was entered yet.");
    expect(await verdict(page).innerText()).not.toMatch(/ROLLED BACK|refused the refresh/);
    expect(await page.getByRole("region", { name: "To do" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Retry …" }).count()).toBe(0);

    // When each step is done: those after it are not there, nor what they have done to the labels.
    const { history } = await story.world.run(story.secrets["rolled-back"], story.runs["rolled-back"].slice(21));
    const known = new Map<string, string>();
    for (const step of ["SetSecret", "FinishSecret", "RollBack"]) {
      const done = history.findIndex(({ stateExitedEventDetails }) => stateExitedEventDetails?.name === step) + 1;
      await slider.fill(String(done));
      await page.getByText(`${done} events of ${events}`).waitFor();
      expect((await page.locator(".timeline tbody th").last().innerText()).trim()).toBe(step);
      expect(await verdict(page).innerText()).toMatch(new RegExp(`REPLAY ${step} is done`));
      known.set(step, (await versions.locator("tbody").innerText()).replace(/\s+/g, " "));
    }
    expect(known.get("SetSecret")).toMatch(/ old AWSCURRENT not read not read .* new none not read not read /);
    expect(known.get("FinishSecret")).toMatch(/ new none AWSCURRENT/);
    expect(known.get("FinishSecret")).not.toContain("ROTATION_ROLLED_BACK");
    expect(known.get("RollBack")).toContain("ROTATION_ROLLED_BACK");
    await slider.press("End");
    await outcome(page, "ROLLED BACK");

    await slider.press("ArrowLeft");
    await outcome(page, "REPLAY");
    await slider.press("Home");
    await page.getByText(`1 event of ${events}`).waitFor();
    await page.getByRole("button", { name: "One event on" }).click();
    await page.getByText(`2 events of ${events}`).waitFor();
    await page.getByRole("button", { name: "End", exact: true }).click();
    await outcome(page, "ROLLED BACK");
    expect(await slider.inputValue()).toBe(String(events));
  });

  test("the events are those of the history, found by a word and by their kind, and each can be read", async () => {
    const page = await look(run("rolled-back", "?tab=events"));
    const { history } = await story.world.run(story.secrets["rolled-back"], story.runs["rolled-back"].slice(21));
    const panel = page.getByRole("tabpanel");
    await panel.getByText(`${history.length} events`).waitFor();
    await panel.getByRole("searchbox").fill("FinishSecret");
    await expect.poll(() => panel.locator("tbody tr").count(), { timeout: 20_000 }).toBeLessThan(30);
    await panel.getByRole("searchbox").fill("nothing like it");
    await panel.getByText("No event is like that.").waitFor();
    await panel.getByRole("searchbox").fill("");
    await panel.getByRole("button", { name: "ExecutionStarted" }).click();
    await page
      .getByRole("region", { name: "Event 1" })
      .getByText("executionStarted")
      .or(page.getByText('"input"'))
      .first()
      .waitFor();
  });

  test("an exported file has no secret in it, and shows the same, opened in the page and by the program", async () => {
    const page = await look(run("rolled-back"));
    const shownBy = async () => ({
      verdict: (await verdict(page).locator(".sentence").innerText()).trim(),
      facts: await verdict(page).locator("p.quiet").innerText(),
      rows: await page.locator(".timeline tbody tr").allInnerTexts(),
      versions: await page.getByRole("region", { name: "Versions" }).innerText(),
      dependents: await page.getByRole("region", { name: "Dependents" }).innerText(),
      nodes: await page.locator(".node").count(),
    });
    await outcome(page, "ROLLED BACK");
    const live = await shownBy();
    const downloads = page.waitForEvent("download");
    await page.getByRole("link", { name: "Export" }).click();
    const path = await (await downloads).path();
    expect((await downloads).suggestedFilename()).toBe(`${story.runs["rolled-back"]}.json`);
    const text = await readFile(path, "utf8");
    const secret = story.secrets["rolled-back"];
    for (const version of Object.keys(await story.world.labels(secret)))
      expect(text).not.toContain(await story.world.password(secret, version));

    await page.goto(view.url);
    await page.getByLabel("Open a file").setInputFiles(path);
    await page.getByText(/^Opened from a file of/).waitFor();
    expect(await shownBy()).toEqual(live);
    expect(await page.getByRole("button", { name: "Retry …" }).count()).toBe(0);
    await page.getByRole("button", { name: "Close the file" }).click();
    await page.getByRole("heading", { name: "3 runs" }).waitFor();

    await using file = await startView({}, "--file", path);
    const alone = await look(`${file.url}runs/${story.runs["rolled-back"]}`);
    await outcome(alone, "ROLLED BACK");
    expect(await alone.locator(".timeline tbody tr").allInnerTexts()).toEqual(live.rows);
    expect((await verdict(alone).locator(".sentence").innerText()).trim()).toBe(live.verdict);
  });

  test("a file of something else is refused with a sentence, and what was shown stays", async () => {
    const page = await look(run("succeeded"));
    await outcome(page, "SUCCEEDED");
    const open = async (name: string, text: string) => {
      await page
        .getByLabel("Open a file")
        .setInputFiles({ name, mimeType: "application/json", buffer: Buffer.from(text) });
      const said = page.getByRole("alert").filter({ hasText: name });
      await said.waitFor();
      return await said.innerText();
    };
    expect(await open("photo.json", "\u0000\u0001")).toBe("photo.json: it is no JSON");
    expect(await open("list.json", "[1, 2]")).toContain("its schema is undefined, not rotor.execution/1");
    expect(await open("later.json", '{"schema":"rotor.execution/2"}')).toContain("its schema is rotor.execution/2");
    expect(await open("half.json", '{"schema":"rotor.execution/1"}')).toMatch(/its run\.\w+ is no text/);
    const whole = (await view.get(`api/runs/${story.runs.succeeded}`)).json();
    expect(await open("events.json", JSON.stringify({ ...whole, events: [{ id: "1" }] }))).toContain("its events are");
    await outcome(page, "SUCCEEDED");
  });

  test("an address of no run says so, and what to do", async () => {
    const page = await look(`${view.url}runs/nothing`);
    await page.getByText("There is no run nothing in stage local").waitFor();
    await page.getByText("To do: see which there are: rotor runs").waitFor();
  });

  test("everything can be reached and done with the keyboard", async () => {
    const page = await look(view.url);
    await rows(page, "runs", 3);
    const focused = () => page.evaluate("document.activeElement.textContent");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    expect(new URL(page.url()).hash).toBe("#content");
    await page.keyboard.press("/");
    expect(
      await page.getByRole("searchbox").evaluate((element) => element === element.ownerDocument.activeElement),
    ).toBe(true);
    await page.keyboard.type("orders");
    await rows(page, "runs", 1);
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    expect(await focused()).toBe("orders/db/app");
    await page.keyboard.press("j");
    expect(await focused()).toBe(story.runs.succeeded);
    await page.keyboard.press("k");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await outcome(page, "SUCCEEDED");

    await page.keyboard.press("j");
    expect(await focused()).toBe("Plan");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Details of CreateSecret" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("region", { name: "Versions" }).waitFor();
    await page.getByRole("tab", { name: "Timeline" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await focused()).toMatch(/^Events/);
    await page.locator(".events").waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.locator(".timeline").waitFor();
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keys" });
    await help.waitFor();
    expect(await help.innerText()).toContain("to the next row");
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.getByRole("heading", { name: "3 runs" }).waitFor();
  });
});

function verdict(page: Page): Locator {
  return page.getByRole("region", { name: "Verdict" });
}

/** Waits until so many rows are there. */
async function rows(page: Page, table: "runs" | "secrets", count: number): Promise<void> {
  const noun = count === 1 ? table.slice(0, -1) : table;
  await page.getByRole("heading", { name: new RegExp(`^${count} ${noun}$`) }).waitFor();
}
