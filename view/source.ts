import type {
  ActionName,
  ActionReply,
  ApiError,
  ExecutionFile,
  ExecutionPart,
  ListPart,
  Place,
  WireEvent,
} from "./wire.ts";

/**
 * What is shown. The CLI implements it, with AWS or with a file. Whatever a person should read of what went wrong is thrown as a
 * ViewError.
 */
export interface ViewSource {
  readPlace(): Promise<Place>;
  /** The first part has what is known already. It ends with the signal only: what cannot be read is told in the parts. */
  watchList(signal: AbortSignal): AsyncIterable<ListPart>;
  /** @param reference an execution's name or ARN, or a secret, for its newest. @throws ViewError */
  readExecution(reference: string): Promise<ExecutionFile>;
  /** It ends with the signal only. @param after the id of the last event that is known; 0: none */
  watchExecution(name: string, after: number, signal: AbortSignal): AsyncIterable<LiveMessage>;
  /** What was refused was not done, and is no error. @param confirm what was typed. @throws ViewError there is no such run */
  act(name: string, action: ActionName, confirm: string): Promise<ActionReply>;
}

export type LiveMessage =
  | { readonly event: "part"; readonly data: ExecutionPart }
  | { readonly event: "events"; readonly data: readonly WireEvent[] }
  | { readonly event: "problem"; readonly data: ApiError };

/** What is told to people, with the status that goes with it. */
export class ViewError extends Error {
  override readonly name = "ViewError";
  readonly status: 404 | 502;
  readonly todo: string | null;

  constructor(status: ViewError["status"], message: string, todo: string | null) {
    super(message);
    this.status = status;
    this.todo = todo;
  }
}
