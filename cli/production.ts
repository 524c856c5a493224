import type { Deployment } from "./deployment.ts";

/** Where what cannot be undone at once has to be confirmed. */
export function isProduction({ stage }: Pick<Deployment, "stage">): boolean {
  return /^prod(uction)?$/i.test(stage);
}
