export interface Allowed {
  readonly advisory: string;
  readonly reason: string;
  readonly expires: string;
}

export function judge(
  answer: string,
  allowed: readonly Allowed[],
  options: { readonly now: Date; readonly isRequired: boolean },
): { readonly lines: readonly string[]; readonly failed: boolean };
