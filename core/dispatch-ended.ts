import type { Dispatched, Dispatcher } from "./dispatch.ts";
import { aboutExecution } from "./execution-incident.ts";
import { describeExecution, type Execution, isRunning, OWN_ENDS } from "./executions.ts";
import type { Incident } from "./incident.ts";
import { AUTOMATIC_REPAIRS, repairAfter } from "./repair-after.ts";
import { reportIncidents } from "./report-incidents.ts";
import { type RotationInput, rotationInput } from "./rotation-input.ts";
import type { RotorEvent } from "./rotor-event.ts";
import { startRepair } from "./start-rotation.ts";
import { isUntold, untoldOutcome } from "./untold-outcome.ts";

/**
 * An execution that was stopped, or that Step Functions itself ended: no Catch ran and nobody was told. Tells it, once by
 * id, and starts the repair that finishes what it left, under the name that everybody derives. Of one that reached its end and
 * could not tell it, only that is told. May be repeated.
 *
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function dispatchEnded(
  dispatcher: Dispatcher,
  event: Extract<RotorEvent, { readonly kind: "execution-ended" }>,
): Promise<Dispatched> {
  const { sfn, stateMachineArn } = dispatcher;
  if (event.stateMachineArn !== stateMachineArn) return ignored("the execution is of another state machine");
  const execution = await describeExecution(sfn, stateMachineArn, event.executionName);
  if (execution === undefined || isRunning(execution)) return ignored("the execution goes on");
  const reachedEnd = execution.status === "SUCCEEDED" || OWN_ENDS.has(execution.error ?? "");
  if (reachedEnd && !isUntold(execution)) return ignored("the execution has told its end itself");
  const parsed = rotationInput.safeParse(execution.input);
  if (!parsed.success) return ignored("the execution's input names no rotation");
  const { secretArn, token } = parsed.data;
  if (reachedEnd) {
    const incident = untoldOutcome(dispatcher.policies, execution, parsed.data);
    await reportIncidents(dispatcher.eventBridge, dispatcher.busName, [incident]);
    return { decision: "reported", reason: "its outcome could not be told", secretArn, token };
  }
  const { repair, running } = await repairAfter(sfn, stateMachineArn, parsed.data, execution);
  const starts = repair <= AUTOMATIC_REPAIRS;
  await reportIncidents(dispatcher.eventBridge, dispatcher.busName, [
    died(dispatcher, execution, parsed.data, starts ? repair : undefined),
  ]);
  if (!starts) return { decision: "reported", reason: `${AUTOMATIC_REPAIRS} repairs have died`, secretArn, token };
  if (running !== undefined) return { decision: "duplicate", reason: `repair ${running.name}`, secretArn, token };
  const { decision, name } = await startRepair(sfn, stateMachineArn, { secretArn, token, repair });
  return { decision, reason: `repair ${name}`, secretArn, token };
}

/** What people are told of it. @param repair the n of the repair that follows; undefined when none does */
export function died(
  { policies }: Pick<Dispatcher, "policies">,
  execution: Execution,
  rotation: Pick<RotationInput, "secretArn" | "token">,
  repair: number | undefined,
): Incident {
  const about = aboutExecution(policies, execution, rotation);
  const how = execution.status === "ABORTED" ? "was stopped" : `ended ${execution.error ?? execution.status}`;
  const { follows, nextSteps } = whatFollows(execution, repair);
  return {
    ...about,
    kind: "execution-died",
    name: execution.status,
    message: `The rotation of ${about.secretName} ${how} half-way: execution ${execution.name} did not reach an outcome. ${follows}`,
    nextSteps,
    severity: repair === undefined ? "critical" : "warning",
  };
}

function whatFollows({ input }: Execution, repair: number | undefined) {
  if (repair === undefined) {
    return {
      follows: "Its repairs died as well, and none is started any more: which version the target accepts is not known.",
      nextSteps: [
        "Find out from the execution's history what ends it.",
        'Then ask for another repair: "Repair Requested".',
      ],
    };
  }
  if (input["mode"] === "observed") {
    return {
      follows: `It followed a rotation of somebody else's. Repair ${repair} finishes what it was taking back, or looks at what it had not come to look at, and tells how that ended; else nothing more is done or told.`,
      nextSteps: ["Check that the dependents use AWSCURRENT."],
    };
  }
  return {
    follows: `Repair ${repair} of it rolls back what it has done, and tells how that ended.`,
    nextSteps: ["Wait for the outcome of the repair. Do not start another rotation before it."],
  };
}

function ignored(reason: string): Dispatched {
  return { decision: "ignored", reason };
}
