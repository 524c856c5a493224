import type { Figure } from "./figures.ts";

/** A figure and the suite that has told it. */
export type Told = Figure & { readonly suite: string };

export interface Row {
  readonly count: number;
  readonly of: number;
  readonly counted: string;
  readonly exact: boolean;
}

export function keyOf(figure: Pick<Told, "suite" | "what">): string;
export function counts(figure: Pick<Told, "counted" | "count" | "of" | "exact">): string;
export function format(number: number): string;
export function rowsOf(table: string): ReadonlyMap<string, Row>;
export function judge(table: string, figures: readonly Told[]): readonly string[];
