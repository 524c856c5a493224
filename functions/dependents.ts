import * as z from "zod/mini";
import { readEnvironment } from "../core/env.ts";
import { defineHandler } from "../core/handler.ts";
import { forStage, parsePolicies } from "../core/policies.ts";
import { stepDependent } from "../core/steps/dependents.ts";
import config from "../rotation.config.ts";

const input = z.strictObject({
  action: z.enum(["probe", "refresh", "verify"]),
  dependent: z.string(),
  secretArn: z.string().check(z.startsWith("arn:")),
  secretName: z.string(),
  versionId: z.string(),
  final: z.boolean(),
  judged: z.boolean(),
});

/** Probe, refresh and verify of one dependent. Reads no secret, so that a dependent's address leads nowhere near one. */
export const handler = defineHandler(
  "dependents",
  input,
  (step) => ({ ...step }),
  async (step, context) => {
    const signal = AbortSignal.timeout(Math.max(1000, context.getRemainingTimeInMillis() - 2000));
    return stepDependent(forStage(parsePolicies(config), readEnvironment("dependents").STAGE), step, signal);
  },
);
