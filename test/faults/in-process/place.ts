import type { Answer, Exchange } from "../../../core/dependents/http-exchange.ts";
import type { FakeReply, FakeRequest } from "../../support/fake-target.ts";

/** What a function that runs in this process has around it. Every effect goes through one of these. */
export interface FunctionPlace {
  readonly config: unknown;
  /** The clients and commands of one AWS service, by their names. */
  client(service: string): object;
  askTarget(request: FakeRequest): Promise<FakeReply | undefined>;
  askDependent(request: Exchange): Promise<Answer>;
}

declare global {
  /** A variable of each function's own. */
  const __place: FunctionPlace;
}
