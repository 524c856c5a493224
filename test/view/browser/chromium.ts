import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";

const PROGRAM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Why what needs a browser is left out; undefined where it is not. Where engines are required, a missing one is an error. */
export const chromiumIsMissing =
  !existsSync(PROGRAM) && process.env["REQUIRE_ENGINES"] !== "1" ? "not run: there is no chromium" : undefined;
if (chromiumIsMissing) console.info(`Chromium: ${chromiumIsMissing}`);

/** Adds to a suite's name why it is left out. */
export function named(name: string): string {
  return chromiumIsMissing ? `${name} (${chromiumIsMissing})` : name;
}

export interface LookOptions extends BrowserContextOptions {
  /** Of each page of a test its own, but for a second tab. */
  readonly beside?: Page;
}

export type Look = (url: string, options?: LookOptions) => Promise<Page>;

/**
 * One browser for the file. A page of it has nothing of another's, and is closed after its test, which fails where the page has thrown,
 * was kept from something by its policy, has asked another server for anything, or has run what is not its own script: `window.ran`.
 */
export function useBrowser(): Look {
  let browser: Browser;
  const strange: string[] = [];
  const opened = new Set<Page>();
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox"] });
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const page of opened) {
      if ((await page.evaluate("window.ran").catch(() => undefined)) !== undefined) strange.push("a script has run");
      await page.context().close();
    }
    opened.clear();
    expect(strange.splice(0)).toEqual([]);
  });

  return async (url, { beside, ...options } = {}) => {
    const context = beside?.context() ?? (await browser.newContext({ viewport: SIZE, ...options }));
    if (beside === undefined) {
      context.setDefaultTimeout(20_000);
      await context.exposeFunction("noteViolation", (what: string) => strange.push(what));
      await context.addInitScript(VIOLATIONS);
      // A page is of one server, the first that it asks.
      let origin: string | undefined;
      context.on("request", (request) => {
        const asked = new URL(request.url());
        if (asked.protocol === "data:" || asked.protocol === "blob:") return;
        origin ??= asked.origin;
        if (asked.origin !== origin) strange.push(asked.href);
      });
    }
    const page = await context.newPage();
    page.on("pageerror", (error) => strange.push(String(error.stack)));
    opened.add(page);
    await page.goto(url);
    return page;
  };
}

// --- internal ---

const SIZE = { width: 1440, height: 900 };

const VIOLATIONS = `addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
  noteViolation([violatedDirective, blockedURI, sourceFile, lineNumber].join(" ")));`;
