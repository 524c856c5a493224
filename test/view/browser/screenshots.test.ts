import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { inflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startView, type Viewer } from "../viewer.ts";
import { chromiumIsMissing, named, useBrowser } from "./chromium.ts";
import { outcome as outcomeOf } from "./outcome.ts";
import { OUTCOMES, STORY_MS, type Story, tellStory } from "./story.ts";

describe.skipIf(chromiumIsMissing)(named("screenshots of the page"), () => {
  let story: Story;
  let view: Viewer;
  let folder: string;
  const kept = process.env["ROTOR_SCREENSHOTS"];
  const look = useBrowser();
  beforeAll(async () => {
    story = await tellStory();
    view = await startView(story.world.account.environment);
    folder = kept === undefined ? await mkdtemp(join(tmpdir(), "rotor-screenshots-")) : resolve(kept);
    await mkdir(folder, { recursive: true });
  }, STORY_MS);
  afterAll(async () => {
    await view?.[Symbol.asyncDispose]();
    await story?.[Symbol.asyncDispose]();
    if (kept === undefined) await rm(folder, { recursive: true, force: true });
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`show the list, ${colorScheme}`, async () => {
      const page = await look(view.url, { colorScheme, reducedMotion: "reduce" });
      for (const { name } of Object.values(story.secrets))
        await page
          .locator(".secrets-rows tr", { hasText: name })
          .getByText(/SUCCEEDED|ROLLED BACK|ROLLBACK FAILED/i)
          .waitFor();
      await shoot(page, `list-${colorScheme}`);
    });

    for (const outcome of OUTCOMES) {
      test(`show a run that has ${outcome.replace("-", " ")}, ${colorScheme}`, async () => {
        const page = await look(`${view.url}runs/${story.runs[outcome]}`, { colorScheme, reducedMotion: "reduce" });
        await outcomeOf(page, outcome.replace("-", " ").toUpperCase());
        await shoot(page, `${outcome}-${colorScheme}`);
      });
    }
  }

  async function shoot(page: Awaited<ReturnType<typeof look>>, name: string): Promise<void> {
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path });
    const { width, height, rows } = readPng(await readFile(path));
    expect([width, height]).toEqual([1440, 900]);
    expect(rows).toBeGreaterThan(150);
  }
});

/** Its size, and how many of its rows of pixels differ from each other: of a blank one few do. */
function readPng(file: Buffer): { readonly width: number; readonly height: number; readonly rows: number } {
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const parts: Buffer[] = [];
  for (let at = 8; at < file.length; at += file.readUInt32BE(at) + 12)
    if (file.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  const pixels = inflateSync(Buffer.concat(parts));
  const length = pixels.length / height;
  const rows = new Set(
    Array.from({ length: height }, (_, row) => pixels.toString("latin1", row * length, (row + 1) * length)),
  );
  return { width, height, rows: rows.size };
}
