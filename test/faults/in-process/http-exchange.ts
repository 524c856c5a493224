import "./place.ts";
import type { Answer, Exchange } from "../../../core/dependents/http-exchange.ts";

/** Takes the place of `core/dependents/http-exchange.ts` in functions that run in this process. */
export type { Answer, Exchange, VersionPlace } from "../../../core/dependents/http-exchange.ts";

export const BODY_BYTES = 65_536;

export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly why: string;

  constructor(why: string) {
    super(why);
    this.why = why;
  }
}

export async function exchange(request: Exchange): Promise<Answer> {
  const answer = await __place.askDependent(request);
  if (answer.status === 0) throw new NoAnswer("cannot be reached (ECONNRESET)");
  return answer;
}
