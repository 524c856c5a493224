/**
 * Spreads calls: each call of what this returns resolves when its turn has come. The first `burst` go at once, those after
 * them at `perSecond`. For APIs whose quota is shared with everything else in the account.
 */
export function createPace({ perSecond, burst }: { readonly perSecond: number; readonly burst: number }) {
  const intervalMs = 1000 / perSecond;
  let turnMs = Number.NEGATIVE_INFINITY;
  return async (): Promise<void> => {
    const now = performance.now();
    turnMs = Math.max(turnMs, now - burst * intervalMs) + intervalMs;
    if (turnMs > now) await new Promise((resolve) => setTimeout(resolve, turnMs - now));
  };
}
