import type { Incident } from "./incident.ts";
import type { Policy } from "./policies.ts";
import type { Secret } from "./versions/secret.ts";
import { isYoung } from "./young-event.ts";

/** What one event leads to. At most one effect each. */
export type Decision =
  | { readonly do: "ignore"; readonly reason: string; readonly token?: string }
  /** It would be ignored, but the event is young, and a read that is behind would say the same. */
  | { readonly do: "look-again"; readonly reason: string; readonly token?: string }
  | {
      readonly do: "start";
      readonly mode: "native" | "driven" | "observed";
      readonly token: string;
      /** A further look, at Step Functions, that may make it "ignore". */
      readonly unless?: "recently rolled back" | "our own rollback";
    }
  /** `requester`: who asks, for the incident if Secrets Manager refuses. */
  | { readonly do: "rotate-secret"; readonly token: string; readonly requester?: string | undefined }
  | { readonly do: "repair"; readonly token: string; readonly repair?: number; readonly requester?: string }
  /**
   * `unlessOurs`: the version whose execution tells its end itself. `rehearsed`: what to do instead if that execution was the
   * first part of a rehearsal and proves the rollback.
   */
  | {
      readonly do: "report";
      readonly incident: Incident;
      readonly unlessOurs?: string;
      readonly rehearsed?: Extract<Decision, { readonly do: "rotate-secret" | "look-again" }>;
    };

export interface DecisionPlace {
  readonly gateFunctionArn: string;
  readonly region: string;
  /** For the age of events, and for incidents of those that carry no time, in milliseconds since the epoch. */
  readonly nowMs: number;
}

/** What everything is decided from. */
export interface Known {
  readonly secret: Secret;
  readonly policy: Policy;
  readonly place: DecisionPlace;
  readonly at: Date | undefined;
}

export function start(
  mode: "native" | "driven" | "observed",
  token: string,
  unless?: "recently rolled back" | "our own rollback",
): Decision {
  return { do: "start", mode, token, ...(unless ? { unless } : {}) };
}

/** What one read that is behind would explain as well. */
export function ignoreUnlessYoung({ at, place }: Known, reason: string, token?: string): Decision {
  return isYoung(at, place.nowMs) ? lookAgain(reason, token) : ignore(reason, token);
}

export function lookAgain(reason: string, token?: string): Decision {
  return { do: "look-again", reason, ...(token === undefined ? {} : { token }) };
}

export function ignore(reason: string, token?: string): Decision {
  return { do: "ignore", reason, ...(token === undefined ? {} : { token }) };
}
