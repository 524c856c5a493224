import type { Page } from "playwright-core";

/** Waits until the verdict is this: "ROLLED BACK". States of the workflow are called alike, in small letters. */
export async function outcome(page: Page, says: string): Promise<void> {
  await page.locator(".verdict strong").getByText(new RegExp(says)).waitFor();
}
