import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { ExecutionFile } from "../../../view/wire.ts";
import type { Line } from "../../history/events.ts";
import { wire } from "../model/wire.ts";
import { startView } from "../viewer.ts";
import { chromiumIsMissing, named, useBrowser } from "./chromium.ts";
import { executionFile, serveSynthetic, toldEverywhere } from "./synthetic.ts";

const OTHER = "http://127.0.0.2:9";
const HOSTILE: Readonly<Record<string, string>> = {
  "an image that runs": `<img src=x onerror="window.ran=1"><img src="${OTHER}/a.png">`,
  "the end of a script": `</script><script>window.ran=1</script><script src="${OTHER}/a.js"></script>`,
  "a link that runs": "javascript:window.ran=1",
  "a frame and a form": `<iframe srcdoc="<script>parent.ran=1</script>"></iframe><form action="${OTHER}"><button>Retry …</button></form>`,
  "a style": `<style>@import url("${OTHER}/a.css"); body { display: none }</style><link rel=stylesheet href="${OTHER}/b.css">`,
  "marks that turn the direction": "\u202Egnp.exe\u202C \u2066x\u2069 \u200F\u0000\u001B[31m",
  "one very long word": "x".repeat(20_000),
  "names of prototypes": "__proto__ constructor toString",
};

/** A run in which this text stands wherever a text of somebody's can. */
function hostile(text: string): ExecutionFile {
  const task = { name: "SetSecret", input: JSON.stringify({ [text]: text, Step: text }) };
  const cause = JSON.stringify({ errorType: text, errorMessage: text, trace: [text] });
  const iteration = { name: "ConvergeDependents", index: 0 };
  const lines: readonly Line[] = [
    [1, 0, 0, "ExecutionStarted", { input: JSON.stringify({ secretArn: text }), roleArn: text }],
    [2, 1, 1, "TaskStateEntered", task],
    [3, 2, 1, "TaskScheduled", { resource: text, resourceType: text, region: text, parameters: JSON.stringify(text) }],
    [4, 3, 2, "TaskFailed", { error: text, cause, resource: text, resourceType: text }],
    [5, 4, 3, "TaskScheduled", { resource: text, resourceType: text, region: text, parameters: text }],
    [6, 5, 4, "TaskFailed", { error: text, cause: text }],
    [7, 6, 4, "TaskStateExited", { name: "SetSecret", output: text, assignedVariables: { [text]: text } }],
    [8, 7, 4, "TaskStateEntered", { name: text, input: text }],
    [9, 8, 4, "TaskStateExited", { name: text, output: text }],
    [10, 9, 5, "MapStateEntered", { name: "ConvergeDependents", input: "{}" }],
    [11, 10, 5, "MapStateStarted", { length: 1 }],
    [12, 11, 5, "MapIterationStarted", iteration],
    [13, 12, 5, "TaskStateEntered", { name: "Refresh", input: JSON.stringify({ dependent: text, name: text }) }],
    [14, 13, 5, "TaskScheduled", { resource: text, resourceType: text, region: text, parameters: "{}" }],
    [15, 14, 6, "TaskFailed", { error: text, cause }],
    [16, 15, 6, "MapIterationFailed", iteration],
    [17, 16, 6, "MapStateFailed", {}],
    [18, 17, 7, "ExecutionFailed", { error: text, cause: text }],
  ];
  const base = executionFile();
  return {
    ...base,
    place: { account: text, region: text, stage: text, caller: text },
    run: { ...base.run, secret: { name: text, arn: text }, token: text, mode: text, arn: text },
    verdict: text,
    told: toldEverywhere(text),
    actions: [{ name: "retry", command: text, refusal: text, denied: true }],
    definition: {
      StartAt: "SetSecret",
      States: {
        SetSecret: { Type: "Task", Comment: text, Next: text, Catch: [{ ErrorEquals: [text], Next: text }] },
        [text]: { Type: "Fail", Comment: text },
      },
    },
    events: wire(...lines),
  };
}

describe.skipIf(chromiumIsMissing)(named("hostile texts"), () => {
  const look = useBrowser();

  /** Looks at all that the page has of a run. What must not happen fails the test after it: see `useBrowser`. */
  async function lookAround(page: Page, text: string): Promise<void> {
    const fits = async () =>
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    const start = text.trim().slice(0, 12);
    await page.getByRole("region", { name: "Verdict" }).waitFor();
    expect(await page.getByRole("region", { name: "Verdict" }).locator(".sentence").textContent()).toContain(start);
    await page.locator(".failure").first().waitFor();
    await fits();
    await page.locator(".timeline").getByRole("button", { name: "SetSecret", exact: true }).click();
    const details = page.locator(".details");
    for (const closed of await details.locator("summary").all()) await closed.click();
    expect(await details.locator(".message").first().textContent()).toContain(start);
    await fits();
    await page.locator(".node").last().click();
    await page.getByRole("tab", { name: /^Events/ }).click();
    await page.getByRole("button", { name: "TaskFailed" }).first().click();
    await page.locator(".one-event pre").waitFor();
    await fits();
    const links = await page.locator("a").evaluateAll((all) => all.map((each) => each.getAttribute("href")));
    expect(links.filter((to) => to !== null && !/^(#content$|\/[\w-]{40,}\/)/.test(to))).toEqual([]);
    expect(await page.locator("img, iframe, form, object, embed, style, .panel script").count()).toBe(0);
  }

  for (const [name, text] of Object.entries(HOSTILE)) {
    test(`of a run are shown as they are: ${name}`, async () => {
      const file = hostile(text);
      const row = { ...file.run, secret: text, mode: text };
      const secret = {
        ...{ name: text, arn: text, class: text, owner: text, states: [text], lastRotatedAt: null },
        ...{ policy: { mode: text, strategy: text }, lastRun: { name: text, outcome: "DIED" as const, endedAt: null } },
        ...{ currentSince: null, nextAt: null, overdueSeconds: 1 },
      };
      await using view = await serveSynthetic(file, { runs: [row], secrets: [secret], reading: text, problem: text });
      const page = await look(`${view.url}runs/made`, { viewport: { width: 1000, height: 800 } });
      await lookAround(page, text);
      await page.goto(view.url);
      await page.getByRole("heading", { name: "1 run", exact: true }).waitFor();
      await page.locator(".secrets-rows a").waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      // The same from a file, which nothing has gone over.
      const buffer = Buffer.from(JSON.stringify(file));
      await page.getByLabel("Open a file").setInputFiles({ name: "run.json", mimeType: "application/json", buffer });
      await lookAround(page, text);
    });
  }

  test("lines of a megabyte are shown, and the page goes on", async () => {
    const line = "0123456789abcdef".repeat(65_536);
    const short = hostile("short");
    const events = short.events.map((event) =>
      event.type === "TaskFailed"
        ? { ...event, taskFailedEventDetails: { error: "TooLong", cause: line, resource: "a", resourceType: "b" } }
        : event,
    );
    const failure = { step: "SetSecret", name: "TooLong", message: line, likelyCause: null };
    const told = short.told && { ...short.told, failure };
    await using view = await serveSynthetic({ ...short, events, told, verdict: line });
    const page = await look(`${view.url}runs/made`, { viewport: { width: 1000, height: 800 } });
    await lookAround(page, line);
  });

  test("a file whose links run is refused by the program", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rotor-hostile-"));
    const path = join(folder, "run.json");
    await writeFile(path, JSON.stringify(hostile("javascript:window.ran=1")));
    await expect(startView({}, "--file", path)).rejects.toThrow(/links\.execution/);
    await rm(folder, { recursive: true });
  });
});
