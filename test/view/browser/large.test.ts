import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { RunRow, SecretRow } from "../../../view/wire.ts";
import type { Line } from "../../history/events.ts";
import { wire } from "../model/wire.ts";
import { startView } from "../viewer.ts";
import { chromiumIsMissing, named, useBrowser } from "./chromium.ts";
import { executionFile, serveSynthetic } from "./synthetic.ts";

const ITERATIONS = 4000;
const EVENTS = 25_000;
/** What a page of a dozen rows and the graph has, with room; a row for each event would be ten times that. */
const MOST_NODES = 3000;
/** The longest time in which nothing is drawn, in ms: a few tenths of a second, on a machine with other work much longer. */
const LONGEST_PAUSE_MS = 5000;

/** Notes the longest time between two frames. */
const FRAMES = `window.longest = 0; let last = performance.now();
(function frame() { const now = performance.now(); window.longest = Math.max(window.longest, now - last); last = now; requestAnimationFrame(frame); })();`;

describe.skipIf(chromiumIsMissing)(named("much at once"), () => {
  const look = useBrowser();

  async function expectLight(page: Page): Promise<void> {
    expect(await page.evaluate("document.querySelectorAll('*').length")).toBeLessThan(MOST_NODES);
  }

  test("25,000 events of 4,000 dependents: what is seen is drawn, all can be come to, and nothing freezes", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rotor-large-"));
    const path = join(folder, "run.json");
    const file = executionFile({ events: wire(...largeRun()) });
    expect(file.events).toHaveLength(EVENTS);
    await writeFile(path, JSON.stringify(file));
    await using view = await startView({}, "--file", path);
    const page = await look("about:blank");
    await page.addInitScript(FRAMES);
    await page.goto(`${view.url}runs/${file.run.name}`);

    const table = page.getByRole("region", { name: "Timeline" });
    await table.getByRole("button", { name: "dependent-0001", exact: true }).waitFor();
    await page.getByRole("button", { name: "Show all 4,000" }).waitFor();
    await expectLight(page);
    await table.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await table.getByRole("button", { name: "dependent-3999", exact: true }).waitFor();
    await table.getByRole("button", { name: "Steps of dependent-3999" }).click();
    await table.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await table.getByRole("button", { name: "Refresh", exact: true }).click();
    await page.getByRole("region", { name: /^Details of/ }).waitFor();
    await expectLight(page);

    await page.getByRole("tab", { name: "Events (25,000)" }).click();
    const events = page.getByRole("region", { name: "Events", exact: true });
    await events.getByRole("button", { name: "ExecutionStarted" }).waitFor();
    await events.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await events.getByRole("button", { name: "ExecutionSucceeded" }).waitFor();
    expect(await events.getByRole("table").getAttribute("aria-rowcount")).toBe(String(EVENTS + 1));
    await expectLight(page);
    await page.getByRole("searchbox").fill("MapIterationStarted");
    await page.getByText(`${ITERATIONS.toLocaleString("en")} events`, { exact: true }).waitFor();
    await page.getByRole("searchbox").fill("");

    const slider = page.getByRole("slider");
    await slider.fill("12000");
    await page.getByText("12,000 events of 25,000").waitFor();
    await slider.press("ArrowLeft");
    await page.getByText("11,999 events of 25,000").waitFor();
    await slider.press("End");
    await page.getByText("25,000 events of 25,000").waitFor();
    await expectLight(page);
    expect(await page.evaluate("window.longest")).toBeLessThan(LONGEST_PAUSE_MS);
    await rm(folder, { recursive: true });
  });

  test("1,000 runs of 300 secrets: what is seen is drawn, all can be come to, and nothing freezes", async () => {
    const { runs, secrets } = manyRows();
    await using view = await serveSynthetic(executionFile(), { runs, secrets, more: true });
    const page = await look("about:blank");
    await page.addInitScript(FRAMES);
    await page.goto(view.url);
    await page.getByRole("heading", { name: "1,000 runs of the newest 1,000" }).waitFor();
    await page.getByRole("heading", { name: "300 secrets" }).waitFor();
    await expectLight(page);
    const table = page.getByRole("region", { name: "Runs", exact: true });
    await table.getByText("rot-run-0999").waitFor();
    await table.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await table.getByText("rot-run-0000").waitFor();
    expect(await table.getByRole("table").getAttribute("aria-rowcount")).toBe("1001");
    await expectLight(page);
    await page.getByRole("searchbox").pressSequentially("team-7/app-207");
    await page.getByRole("heading", { name: "1 secret", exact: true }).waitFor();
    await page.getByRole("heading", { name: /^3 runs/ }).waitFor();
    await page.getByRole("searchbox").fill("");
    await page.getByRole("button", { name: /rolled back$/ }).click();
    await page.getByRole("heading", { name: /^200 runs/ }).waitFor();
    expect(await page.evaluate("window.longest")).toBeLessThan(LONGEST_PAUSE_MS);
  });
});

/** As many events as an execution can have: one Map with an iteration for each dependent. */
function largeRun(): readonly Line[] {
  const lines: Line[] = [
    [1, 0, 0, "ExecutionStarted", { input: "{}" }],
    [2, 1, 0, "MapStateEntered", { name: "ConvergeDependents", input: "{}" }],
    [3, 2, 0, "MapStateStarted", { length: ITERATIONS }],
  ];
  const add = (previous: number, type: Line[3], details: object) => {
    const id = lines.length + 1;
    lines.push([id, previous, 1 + lines.length / 50, type, { ...details }]);
    return id;
  };
  const task = { resource: "invoke", resourceType: "lambda", region: "eu-west-1" };
  for (let index = 0; index < ITERATIONS; index += 1) {
    const dependent = `dependent-${String(index).padStart(4, "0")}`;
    const iteration = { name: "ConvergeDependents", index };
    const started = add(3, "MapIterationStarted", iteration);
    const entered = add(started, "TaskStateEntered", { name: "Refresh", input: JSON.stringify({ dependent }) });
    const scheduled = add(entered, "TaskScheduled", { ...task, parameters: "{}" });
    const succeeded = add(scheduled, "TaskSucceeded", { resource: "invoke", resourceType: "lambda", output: "{}" });
    const exited = add(succeeded, "TaskStateExited", { name: "Refresh", output: "{}" });
    add(exited, "MapIterationSucceeded", iteration);
  }
  const after = add(3, "MapStateSucceeded", {});
  let last = add(after, "MapStateExited", { name: "ConvergeDependents", output: "{}" });
  last = add(last, "WaitStateEntered", { name: "Soak", input: "{}" });
  while (lines.length < EVENTS - 2) last = add(last, "WaitStateEntered", { name: "Soak", input: "{}" });
  last = add(last, "WaitStateExited", { name: "Soak", output: "{}" });
  add(last, "ExecutionSucceeded", { output: "{}" });
  return lines;
}

function manyRows(): { readonly runs: readonly RunRow[]; readonly secrets: readonly SecretRow[] } {
  const OUTCOMES = ["SUCCEEDED", "ROLLED_BACK", "SUCCEEDED", "ROLLBACK_FAILED", "SUCCEEDED"] as const;
  const nameOf = (index: number) => `team-${index % 10}/app-${String(index % 300).padStart(3, "0")}`;
  const at = (minutes: number) => new Date(Date.UTC(2026, 10, 1) + minutes * 60_000).toISOString();
  const runs = Array.from({ length: 1000 }, (_, index): RunRow => {
    const outcome = OUTCOMES[index % OUTCOMES.length] ?? "SUCCEEDED";
    return {
      ...{ name: `rot-run-${String(index).padStart(4, "0")}`, secret: nameOf(index), outcome, mode: "native" },
      ...{ status: outcome === "SUCCEEDED" ? "SUCCEEDED" : "FAILED", startedAt: at(index), endedAt: at(index + 1) },
    };
  });
  const secrets = Array.from({ length: 300 }, (_, index): SecretRow => {
    const name = nameOf(index);
    return {
      ...{ name, arn: `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`, class: "ours" },
      ...{ policy: { mode: "native", strategy: "postgres-single-user" }, owner: `team-${index % 10}` },
      lastRun: { name: `rot-run-${String(index).padStart(4, "0")}`, outcome: "SUCCEEDED", endedAt: at(index) },
      ...{
        lastRotatedAt: at(index),
        currentSince: at(index),
        nextAt: at(index + 99_999),
        overdueSeconds: 0,
        states: [],
      },
    };
  });
  return { runs, secrets };
}
