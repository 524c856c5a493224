/** What the page is made of, as text. */
export interface PageFiles {
  readonly script: string;
  readonly style: string;
}

/**
 * The page's script and style: those that were packed, or in a clone built of its sources.
 * @throws Error in a clone: the page does not compile
 */
export async function pageFiles(): Promise<PageFiles> {
  if (typeof ROTOR_PAGE_SCRIPT === "string" && typeof ROTOR_PAGE_STYLE === "string")
    return { script: ROTOR_PAGE_SCRIPT, style: ROTOR_PAGE_STYLE };
  const { buildPage } = await import("./build-page.mjs");
  const { script, style } = await buildPage();
  return { script, style };
}

// --- internal ---

/** Put in by `cli/build.mjs`. */
declare const ROTOR_PAGE_SCRIPT: string | undefined;
declare const ROTOR_PAGE_STYLE: string | undefined;
