import { FUNCTIONS } from "../../core/blueprint.ts";

/** What is read of a message: its facts, and no ids, times or texts. */
interface Message {
  readonly id: string;
  readonly kind?: string;
  readonly name?: string;
  readonly outcome?: string;
  readonly severity: string;
  readonly failure?: Failure | null;
  readonly rollbackFailure?: Failure | null;
  readonly state?: {
    readonly production: string;
    readonly live: string;
    readonly frozen: boolean | null;
    readonly credentialGapMs: number | null;
    /** Absent of an incident. */
    readonly versions?: readonly object[];
    readonly truthTable: readonly { readonly signIn: string }[] | null;
  };
  readonly dependents?: { readonly items: readonly Readonly<Record<string, string | null>>[] };
  readonly remarks?: readonly string[];
}
type Failure = { readonly step: string; readonly name: string };

/** What people were told, one line for each id, and whether by e-mail, too. The same whenever the same code plays it. */
export function whatWasSaid(
  inbox: readonly { readonly TopicArn: string; readonly Message: string }[],
  emailTopicArn: string,
): readonly string[] {
  const lines = new Map<string, string>();
  for (const { TopicArn, Message: text } of inbox) {
    if (TopicArn === emailTopicArn) continue;
    const message = JSON.parse(text) as Message;
    // What a sweep finds depends on whose turn it is.
    if (message.kind !== "finding") lines.set(message.id, factsOf(message));
  }
  const isMailed = inbox.some(({ TopicArn }) => TopicArn === emailTopicArn);
  return [...lines.values(), ...(isMailed || lines.size === 0 ? [] : ["no e-mail"])].sort();
}

function factsOf(message: Message): string {
  const { kind, name, outcome, severity, failure, rollbackFailure, state, dependents, remarks } = message;
  const versions = state?.versions?.map((version) => JSON.stringify({ ...version, id: undefined })).sort();
  const items = dependents?.items.map(({ name: of, before, after, restored }) => [of, before, after, restored]);
  return JSON.stringify([
    ...[kind ?? outcome, name, severity, failure?.step, failure?.name, rollbackFailure?.step, rollbackFailure?.name],
    ...[state?.production, state?.live, state?.frozen, typeof state?.credentialGapMs, versions],
    ...[state?.truthTable?.map(({ signIn }) => signIn).sort(), items, remarks?.length],
  ]);
}

interface Execution {
  readonly record: { readonly name: string };
  readonly stopDate?: Date | undefined;
  readonly status: string;
  readonly events: readonly object[];
}
type Entered = { readonly timestamp: Date | number; readonly stateEnteredEventDetails?: { readonly name: string } };

/** A step of an execution that was stopped may still be at work for as long as its function may take. */
export function tooEarly(executions: readonly Execution[]): readonly string[] {
  const longestMs = Math.max(...[FUNCTIONS.rotate, FUNCTIONS["roll-back"]].map((each) => each.timeoutSeconds)) * 1000;
  return executions.flatMap(({ record: { name }, events }) => {
    const original = executions.find((each) => each.record.name === name.replace(/-r\d+$/, ""));
    const begun = (events as readonly Entered[]).find((each) => each.stateEnteredEventDetails?.name === "RollBack");
    if (!/-r\d+$/.test(name) || begun === undefined || original?.status !== "ABORTED") return [];
    const waitedMs = Number(begun.timestamp) - Number(original.stopDate);
    return waitedMs < longestMs ? [`Repair ${name} began ${waitedMs} ms after what it repairs was stopped.`] : [];
  });
}
