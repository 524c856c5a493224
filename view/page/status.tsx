import { plain } from "../model/words.ts";

/** Each meaning has a sign, a word and a colour: the colour is never alone. */
const SIGNS: Readonly<Record<string, readonly [sign: string, tone: string]>> = {
  succeeded: ["✓", "good"],
  SUCCEEDED: ["✓", "good"],
  good: ["✓", "good"],
  accepted: ["✓", "good"],
  caught: ["!", "warn"],
  weak: ["~", "warn"],
  ROLLED_BACK: ["↩", "warn"],
  NOT_CONVERGED: ["!", "bad"],
  failed: ["✕", "bad"],
  bad: ["✕", "bad"],
  rejected: ["✕", "bad"],
  ROLLBACK_FAILED: ["✕", "bad"],
  DIED: ["✕", "bad"],
  REJECTED: ["⊘", "warn"],
  aborted: ["–", "quiet"],
  IGNORED: ["–", "quiet"],
  "waiting-to-retry": ["↻", "warn"],
  running: ["▸", "live"],
  RUNNING: ["▸", "live"],
};

export function toneOf(status: string): string {
  return SIGNS[status]?.[1] ?? "quiet";
}

export function signOf(status: string): string {
  return SIGNS[status]?.[0] ?? "·";
}

/** A sign and a word. @param says in place of the status' own name */
export function Status({ of, says }: { readonly of: string; readonly says?: string }) {
  return (
    <span class={`status ${toneOf(of)}`}>
      <span class="sign" aria-hidden="true">
        {signOf(of)}
      </span>
      {says ?? plain(of).replaceAll("-", " ")}
    </span>
  );
}
