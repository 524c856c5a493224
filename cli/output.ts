import pc from "picocolors";
import { printable } from "../core/terminal/printable.ts";
import type { Colors } from "../core/terminal/run-text.ts";

export const FORMATS = ["table", "json", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

export interface OutputOptions {
  readonly format: Format;
  readonly color: boolean;
  readonly quiet: boolean;
  /** Where it is written. Default: this process's streams. */
  readonly to?: Destination;
}

export interface Destination {
  result(text: string): void;
  besides(text: string): void;
}

/** A kind of document that a command prints: its name and version. Changed by additions only. */
export type DocumentSchema = `rotor.${string}/${number}`;

/** What a command prints: its result to standard output, whatever else is for a person to standard error. */
export class Output {
  readonly format: Format;
  readonly colors: Colors;
  readonly #color: boolean;
  readonly #quiet: boolean;
  readonly #to: Destination;

  constructor({ format, color, quiet, to = STREAMS }: OutputOptions) {
    this.format = format;
    this.colors = pc.createColors(color);
    this.#color = color;
    this.#quiet = quiet;
    this.#to = to;
  }

  /** One document, or its lines for people. */
  result(schema: DocumentSchema, data: Readonly<Record<string, unknown>>, lines: () => readonly string[]): void {
    if (this.format === "table") this.#to.result(this.#text(lines()));
    else this.#write(schema, data, this.format === "json");
  }

  /** A list: one document with all items, or a document for each, or its lines for people. */
  list(
    schema: DocumentSchema,
    key: string,
    items: readonly Readonly<Record<string, unknown>>[],
    lines: () => readonly string[],
  ): void {
    if (this.format === "ndjson") for (const item of items) this.#write(schema, item, false);
    else this.result(schema, { [key]: items }, lines);
  }

  /** Lines of a form of its own, such as CSV, whatever --output says. */
  text(lines: readonly string[]): void {
    this.#to.result(toText(lines, false));
  }

  /** For a person: what goes on, and what to do next. Silent with --quiet. */
  say(...lines: readonly string[]): void {
    if (!this.#quiet) this.#to.besides(this.#text(lines));
  }

  /** What has to be seen: it is said with --quiet, too. */
  warn(...lines: readonly string[]): void {
    this.#to.besides(this.#text(lines));
  }

  #write(schema: DocumentSchema, data: Readonly<Record<string, unknown>>, isIndented: boolean): void {
    const text = JSON.stringify({ schema, ...data }, null, isIndented ? 2 : undefined);
    this.#to.result(`${text.replace(UNESCAPED, escaped)}\n`);
  }

  #text(lines: readonly string[]): string {
    return toText(lines, this.#color);
  }
}

/** Whether colours are wanted: NO_COLOR and --no-color say no, FORCE_COLOR says yes, else a terminal that is not dumb has them. */
export function wantsColor(flag: boolean, env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (!flag || (env["NO_COLOR"] ?? "") !== "") return false;
  if ((env["FORCE_COLOR"] ?? "") !== "" && env["FORCE_COLOR"] !== "0") return true;
  return isTerminal && env["TERM"] !== "dumb";
}

const STREAMS: Destination = {
  result: (text) => void process.stdout.write(text),
  besides: (text) => void process.stderr.write(text),
};

/** What JSON may have as it is, and a terminal would obey. */
const UNESCAPED = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }).join("");
}

/** A line may have somebody else's text in it: see `printable`. */
function toText(lines: readonly string[], colors: boolean): string {
  return lines.map((line) => `${printable(line, { colors })}\n`).join("");
}
