import type { PageFiles } from "./page-files.ts";

export function buildPage(): Promise<PageFiles & { readonly inputs: readonly string[] }>;
