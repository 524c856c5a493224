/** An error as an AWS service answers it: `name` is the error code on the wire. */
export class AwsError extends Error {
  override readonly name: string;
  readonly statusCode: number;

  constructor(name: string, message: string, statusCode = 400) {
    super(message);
    this.name = name;
    this.statusCode = statusCode;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an operation parses its own input; the wire hands it whatever was sent
export type Operation = (input: any) => unknown;

/**
 * One emulated service. `operations` are keyed by AWS's operation names ("PutSecretValue"); each takes the request as the
 * SDK's model names its members and returns the response's, with Date objects for timestamps. An operation that is not
 * listed is answered as AWS answers an unknown one.
 */
export interface Service {
  /** "secretsmanager", "states", "events", "sns", "lambda", "sts", "cloudtrail" */
  readonly name: string;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** An event as EventBridge delivers it. */
export interface BusEvent {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: the detail's shape belongs to its source
  readonly detail: any;
}

/** Invoke's answer, as Lambda gives it: `FunctionError` is set when the handler threw or timed out. */
export interface InvokeResult {
  readonly StatusCode: number;
  readonly ExecutedVersion: string;
  readonly FunctionError?: "Unhandled";
  /** The handler's return value, or Lambda's {errorType, errorMessage, trace}. */
  readonly Payload: unknown;
}

/** Where an account lives. */
export interface Place {
  readonly region: string;
  readonly accountId: string;
}

/** The members of a reply without those that are unset, as AWS leaves them out. */
export function defined<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}
