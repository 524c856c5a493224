export function ensureInstalled(): Promise<void>;
export function tooOld(version: string): string | undefined;
export function isInstalled(project: string): boolean;
