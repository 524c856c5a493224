import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startView, type Viewer } from "../viewer.ts";
import { chromiumIsMissing, type LookOptions, named, useBrowser } from "./chromium.ts";
import { outcome as outcomeOf } from "./outcome.ts";
import { OUTCOMES, STORY_MS, type Story, tellStory } from "./story.ts";

/** What axe takes for ten pages, beside other files. */
const AXE_MS = 180_000;

describe.skipIf(chromiumIsMissing)(named("the page for everybody"), () => {
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

  /** Opens each of these one after the other, and shows it to `see`, with what it is called. */
  async function see(options: LookOptions, judge: (page: Page, what: string) => Promise<void>): Promise<void> {
    const page = await look(view.url, options);
    await page.getByRole("heading", { name: "3 runs" }).waitFor();
    await page.getByRole("heading", { name: "3 secrets" }).waitFor();
    await judge(page, "list");
    for (const outcome of OUTCOMES) {
      await page.goto(`${view.url}runs/${story.runs[outcome]}`);
      await outcomeOf(page, outcome.replace("-", " ").toUpperCase());
      await judge(page, outcome);
    }
    const run = `${view.url}runs/${story.runs["rolled-back"]}`;
    await page.goto(`${run}?step=TestSecret`);
    for (const summary of await page.locator(".details summary").all()) await summary.click();
    await judge(page, "details");
    await page.getByRole("button", { name: "Retry …" }).click();
    await page.getByRole("dialog").waitFor();
    await judge(page, "dialog");
    await page.keyboard.press("Escape");
    await page.goto(`${run}?tab=events`);
    await page.getByRole("button", { name: "TaskFailed" }).first().click();
    await page.locator(".one-event").waitFor();
    await judge(page, "events");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await judge(page, "help");
    await page.keyboard.press("Escape");
    const buffer = Buffer.from((await view.get(`api/runs/${story.runs["rolled-back"]}`)).text);
    await page.getByLabel("Open a file").setInputFiles({ name: "run.json", mimeType: "application/json", buffer });
    await page.getByText(/^Opened from a file/).waitFor();
    await judge(page, "file");
    const wrong = { name: "wrong.json", mimeType: "application/json", buffer: Buffer.from("{}") };
    await page.getByLabel("Open a file").setInputFiles(wrong);
    await page.getByRole("alert").waitFor();
    await judge(page, "wrong file");
  }

  for (const width of [1440, 360]) {
    test(
      `axe finds nothing wrong at ${width} px, in light and in dark`,
      async () => {
        const found: string[] = [];
        await see({ viewport: { width, height: 900 }, reducedMotion: "reduce" }, async (page, what) => {
          await page.evaluate(axe.source);
          for (const colorScheme of ["light", "dark"] as const) {
            await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
            // In the dark only colours are others, which one of the widths is looked at for as a whole.
            const isWhole = width === 1440 || colorScheme === "light";
            const options = { resultTypes: ["violations"], ...(isWhole ? {} : { runOnly: ["color-contrast"] }) };
            const run = `axe.run(document, ${JSON.stringify(options)})`;
            const { violations } = (await page.evaluate(run)) as AxeResults;
            for (const { id, nodes } of violations)
              found.push(...nodes.map(({ html }) => `${what}, ${colorScheme}: ${id}: ${html.slice(0, 200)}`));
          }
        });
        expect(found).toEqual([]);
      },
      AXE_MS,
    );
  }

  test("from 360 to 2560 px the page is not scrolled sideways", async () => {
    const wider: string[] = [];
    await see({}, async (page, what) => {
      for (const width of [360, 768, 1440, 2560]) {
        await page.setViewportSize({ width, height: 900 });
        const by = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
        if (by > 0) wider.push(`${what}, ${width} px: by ${by} px`);
      }
    });
    expect(wider).toEqual([]);
  });

  for (const outcome of OUTCOMES) {
    test(`at 1440x900 all that matters of a run that has ${outcome.replace("-", " ")} is seen at once`, async () => {
      const page = await look(`${view.url}runs/${story.runs[outcome]}`);
      await outcomeOf(page, outcome.replace("-", " ").toUpperCase());
      const outside: string[] = [];
      const parts = {
        verdict: page.locator(".verdict"),
        node: page.locator(".node"),
        row: page.locator(".timeline tbody tr"),
        version: page.getByRole("region", { name: "Versions" }),
        dependents: page.getByRole("region", { name: "Dependents" }),
      };
      for (const [name, part] of Object.entries(parts)) {
        expect(await part.count(), name).toBeGreaterThan(0);
        for (const [index, each] of (await part.all()).entries()) {
          const box = await each.boundingBox();
          const isInside =
            box !== null && box.x >= 0 && box.y >= 0 && box.x + box.width <= 1440 && box.y + box.height <= 900;
          if (!isInside) outside.push(`${name} ${index}: ${JSON.stringify(box)}`);
        }
      }
      expect(outside).toEqual([]);
      expect(await page.locator(".timeline").evaluate((element) => element.scrollHeight - element.clientHeight)).toBe(
        0,
      );
      if (outcome !== "succeeded") expect(await page.locator(".node.unhappy:not(.untaken)").count()).toBeGreaterThan(2);
    });
  }

  test("a screen reader is told what the page is, its parts, and what changes", async () => {
    const page = await look(view.url);
    await page.getByRole("heading", { name: "3 secrets" }).waitFor();
    expect(await page.title()).toBe("Rotations - Rotor");
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
    for (const table of ["Secrets", "Runs"]) {
      const head = page.getByRole("region", { name: table, exact: true }).getByRole("columnheader");
      expect(await head.count()).toBeGreaterThan(4);
    }
    expect(await page.getByRole("main").count()).toBe(1);
    expect(await page.getByRole("heading", { level: 1 }).allInnerTexts()).toEqual(["Rotations"]);
    await page.getByRole("search").getByRole("searchbox", { name: "Filter by name, owner, class" }).waitFor();

    await page.goto(`${view.url}runs/${story.runs["rollback-failed"]}`);
    await page.getByRole("region", { name: "Verdict" }).waitFor();
    expect(await page.title()).toBe("rollback failed: reports/db/app - Rotor");
    expect(await page.getByRole("heading", { level: 1 }).allInnerTexts()).toEqual(["reports/db/app"]);
    expect(await page.getByRole("main").count()).toBe(1);
    expect(await page.getByRole("banner").count()).toBe(1);
    for (const region of ["Verdict", "Graph", "Replay", "Steps and events", "Versions", "Dependents", "To do"])
      expect(await page.getByRole("region", { name: region, exact: true }).count(), region).toBe(1);
    for (const table of ["Versions", "Dependents", "Timeline"]) {
      const region = page.getByRole("region", { name: table, exact: true });
      expect(await region.getByRole("columnheader").count(), table).toBeGreaterThan(3);
      expect(await region.getByRole("rowheader").count(), table).toBeGreaterThan(1);
    }
    await page.getByRole("button", { name: /^RollBack caught/ }).waitFor();
    await page
      .getByRole("button", { name: /^Show states that were not entered: / })
      .first()
      .waitFor();
    expect(await page.getByRole("status").count()).toBeGreaterThan(0);
    const slider = page.getByRole("slider", { name: "Replay up to event" });
    expect(await slider.getAttribute("aria-valuetext")).toMatch(/^\d+ events of \d+, \+/);
  });

  test("no colour is alone: with it there is always a word or a sign", async () => {
    await see({}, async (page, what) => {
      const alone = await page
        .locator(".status, .node, .count, .label, .verdict strong")
        .evaluateAll((all) => all.filter((each) => each.textContent.trim().length < 2).map((each) => each.outerHTML));
      expect(alone, what).toEqual([]);
      const bars = await page
        .locator(".track")
        .evaluateAll((all) => all.map((each) => each.getAttribute("aria-label")));
      expect(
        bars.filter((says) => !/\w/.test(says ?? "")),
        what,
      ).toEqual([]);
    });
  });

  test("with forced colours what is drawn keeps an outline, and with reduced motion nothing moves", async () => {
    const page = await look(`${view.url}runs/${story.runs["rolled-back"]}`, {
      forcedColors: "active",
      reducedMotion: "reduce",
    });
    const bars = page.locator(".segment, .node");
    await bars.first().waitFor();
    const styles = await bars.evaluateAll((all) =>
      all.map((each) => each.ownerDocument.defaultView.getComputedStyle(each).borderTopStyle),
    );
    expect(styles).not.toContain("none");
    await page.emulateMedia({ forcedColors: "none", reducedMotion: "reduce" });
    await page
      .locator(".node")
      .first()
      .evaluate((element) => element.classList.add("live"));
    expect(await page.evaluate("document.getAnimations().length")).toBe(0);
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await expect.poll(() => page.evaluate("document.getAnimations().length"), { timeout: 20_000 }).toBe(1);
  });
});
