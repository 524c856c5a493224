import type { Dependent } from "./dependents.ts";
import type { Scenario } from "./scenario.ts";
import type { Watch } from "./watch.ts";

/** A run that is over, with all that is needed to judge it. */
export interface Played {
  readonly scenario: Scenario;
  readonly secretArn: string;
  readonly older: string;
  readonly base: string;
  readonly dependents: readonly Dependent[];
  readonly watch: Watch;
  /** Tokens that somebody has asked a rotation for. */
  readonly tokens: ReadonlySet<string>;
  /** ConfirmEvidence does not sign in with the candidate: that it opens the door was proved before. Absent: it does. */
  readonly isProvedEarly?: boolean;
  /** What was told of the run's executions, and of anything else. */
  readonly told: readonly Told[];
  readonly incidents: readonly ToldIncident[];
  /** Names and tokens of Secrets Manager's own events about its rotations. */
  readonly rotationEvents: readonly { readonly name: string; readonly token: string }[];
}

export interface Told {
  readonly schema: "rotation.notification/1";
  readonly id: string;
  readonly outcome: string;
  readonly rotation: { readonly executionName: string };
  readonly state: {
    readonly frozen: boolean | null;
    readonly liveVersionId: string | null;
    readonly truthTable: readonly { readonly id: string; readonly signIn: string }[] | null;
  };
}

/** What was told that is no outcome. */
export interface ToldIncident {
  readonly schema: "rotation.incident/1";
  readonly id: string;
  readonly kind: string;
  readonly rotation: { readonly executionName: string | null };
}
