import * as z from "zod/mini";

/** The address of a runbook, which goes to everybody who is told something. @param longest in characters */
export function runbook(longest: number) {
  return z.url({ protocol: /^https?$/, error: "must be a URL that begins with https:// or http://" }).check(
    z.maxLength(longest, `must have at most ${longest} characters, or its end would be missing where it is told`),
    z.refine(
      (text) => !hasCredentials(text),
      "must not carry credentials, which everybody would read: take the part before the @ out of it",
    ),
  );
}

// --- internal ---

function hasCredentials(text: string): boolean {
  return URL.canParse(text) && (new URL(text).username !== "" || new URL(text).password !== "");
}
