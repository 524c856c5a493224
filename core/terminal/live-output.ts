import { printable } from "./printable.ts";

/** Where lines go: process.stdout, or something that behaves like it. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * Lines that stay, and below them a few that change. On a terminal the changing ones are drawn again in place; elsewhere
 * (a file, a pipe, TERM=dumb) they are left out, so that nothing is written twice.
 */
export class LiveOutput {
  readonly #screen: Screen;
  readonly #live: boolean;
  #tail: readonly string[] = [];

  constructor(screen: Screen, term = process.env["TERM"]) {
    this.#screen = screen;
    this.#live = screen.isTTY === true && term !== "dumb";
  }

  /** Writes lines that stay. */
  append(...lines: readonly string[]): void {
    const text = lines.map((line) => `${printable(line)}\n`).join("");
    this.#screen.write(`${this.#erase()}${text}${this.#draw()}`);
  }

  /** Replaces the lines that change. */
  show(lines: readonly string[]): void {
    if (!this.#live) return;
    const erased = this.#erase();
    this.#tail = lines.map((line) => cut(printable(line), (this.#screen.columns ?? 80) - 1));
    this.#screen.write(`${erased}${this.#draw()}`);
  }

  #erase(): string {
    return this.#tail.length === 0 ? "" : `${ESCAPE}[${this.#tail.length}A${ESCAPE}[J`;
  }

  #draw(): string {
    return this.#tail.map((line) => `${line}\n`).join("");
  }
}

const ESCAPE = "\u001b";
const PARTS = new RegExp(`${ESCAPE}\\[[0-9;]*m|[^${ESCAPE}]`, "gu");

/** To a number of visible characters; escape sequences count for none, and all of them stay, so that no colour runs on. */
export function cut(line: string, columns: number): string {
  let visible = 0;
  return (line.match(PARTS) ?? []).filter((part) => part.startsWith(ESCAPE) || ++visible <= columns).join("");
}
