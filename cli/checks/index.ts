import type { Check } from "./check.ts";
import { functions } from "./functions.ts";
import { rules } from "./rules.ts";
import { policyOfSecret, secrets } from "./secrets.ts";
import { subscriptions } from "./subscriptions.ts";
import { trail } from "./trail.ts";
import { truth } from "./truth.ts";

/** Every look of `rotor doctor`, in the order in which it tells them. */
export const CHECKS: readonly Check[] = [functions, rules, trail, subscriptions, secrets, policyOfSecret, truth];
