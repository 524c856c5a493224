import type { Call } from "../../local/wire-calls.ts";
import { textsIn } from "./leak-texts.ts";
import type { LeakWatch } from "./leak-watch.ts";

/** Where a value may not be seen. */
export interface Sink {
  /** All that was written there. */
  read(watch: LeakWatch): string | Promise<string>;
  /** A database writes down its own statements, and those carry what it keeps in place of a password. */
  readonly hasHashes?: true;
}

/** Every place of an account and of the run's PostgreSQL but Secrets Manager itself, by what a finding is called. */
export const SINKS = {
  "an execution's name or input": {
    read: ({ account }) =>
      textsIn(
        account.states.executions().map(({ record: { name, input } }) => [name, input]),
        calls(account, "states", "StartExecution"),
      ),
  },
  "an execution history": {
    read: ({ account }) =>
      textsIn(account.states.executions().map(({ events, output, error, cause }) => [events, output, error, cause])),
  },
  "a function's log": { read: ({ account }) => textsIn(account.lambda.logs()) },
  "a function's input": { read: ({ invokedWith }) => textsIn(invokedWith) },
  "a function's reply": { read: ({ replies }) => textsIn(replies) },
  "a message": { read: ({ account }) => textsIn(account.sns.inbox(), calls(account, "sns", "Publish")) },
  "a message over HTTP": { read: (watch) => textsIn(requestsOf(watch, true), watch.account.sns.undelivered()) },
  "an event": { read: ({ account }) => textsIn(account.events.seen(), calls(account, "events", "PutEvents")) },
  "a dead letter": { read: ({ account }) => textsIn(account.events.deadLetters(), account.lambda.deadLetters()) },
  "a request to a dependent": { read: (watch) => textsIn(requestsOf(watch, false)) },
  "another call": { read: ({ account }) => textsIn(account.calls().filter((call) => !hasItsOwn(call))) },
  "PostgreSQL's log": { read: (watch) => watch.databaseLog(), hasHashes: true },
} as const satisfies Record<string, Sink>;

export type SinkName = keyof typeof SINKS;

/** Calls whose inputs are told as what they bring about. */
const OWN = new Set(["states:StartExecution", "lambda:Invoke", "sns:Publish", "events:PutEvents"]);

function hasItsOwn({ service, operation }: Call): boolean {
  return OWN.has(`${service}:${operation}`);
}

function calls(account: LeakWatch["account"], service: string, operation: string): readonly unknown[] {
  return account.calls().filter((call) => call.service === service && call.operation === operation);
}

function requestsOf({ requests }: LeakWatch, bySns: boolean) {
  const isSns = (header: string) => header.toLowerCase() === "x-amz-sns-message-type";
  return requests()
    .filter(({ headers }) => headers.some(isSns) === bySns)
    .map(({ url, headers, body }) => [url, headers, Buffer.concat(body).toString("utf8")]);
}
