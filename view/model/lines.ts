import type { Filters } from "./filters.ts";

/** The CLI line for each part of the page: see docs/cli.md. Pure. */
export const LINES = {
  secrets: ({ state, owner }: Filters) =>
    line("rotor secrets", [
      ["--owner", owner],
      ["--state", state === "any" ? "" : state],
    ]),
  runs: ({ words, outcome }: Filters, names: readonly string[]) =>
    line("rotor runs", [
      ["--secret", names.find((name) => name === words.trim()) ?? ""],
      ["--outcome", outcome],
      ["--limit", "1000"],
    ]),
  show: (run: string) => `rotor show ${word(run)}`,
  watch: (run: string) => `rotor watch ${word(run)}`,
  step: (run: string, step: string) => `rotor show ${word(run)} --step ${word(step)}`,
  events: (run: string) => `rotor show ${word(run)} --events`,
  export: (run: string) => `rotor export ${word(run)} --file ${word(`${run}.json`)}`,
} as const;

// --- internal ---

function line(command: string, options: readonly (readonly [flag: string, value: string])[]): string {
  const given = options.filter(([, value]) => value !== "").map(([flag, value]) => `${flag} ${word(value)}`);
  return [command, ...given].join(" ");
}

/** For a shell: no name of AWS's has a quote in it. */
function word(text: string): string {
  return /^[\w/:=.,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "?")}'`;
}
