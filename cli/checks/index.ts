import type { Check } from "./check.ts";
import { functions } from "./functions.ts";
import { rules } from "./rules.ts";
import { policyOfSecret, secrets } from "./secrets.ts";
import { subscriptions } from "./subscriptions.ts";
import { trail } from "./trail.ts";
import { truth } from "./truth.ts";

/** A look, what its findings are called, and what it is at. */
interface Look {
  readonly name: string;
  readonly what: string;
  readonly look: Check;
}

/** Every look of `rotor doctor`, in the order in which it tells them. */
export const CHECKS: readonly Look[] = [
  { name: "functions", what: "The functions", look: functions },
  { name: "rules", what: "The rules", look: rules },
  { name: "trail", what: "The heartbeat", look: trail },
  { name: "subscriptions", what: "The subscriptions", look: subscriptions },
  { name: "secrets", what: "What policies name", look: secrets },
  { name: "policy", what: "The secret's policy", look: policyOfSecret },
  { name: "sign-in", what: "Whether AWSCURRENT signs in", look: truth },
];
