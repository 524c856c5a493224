import { randomUUID } from "node:crypto";
import { AwsError, type Operation } from "../../local/services/service.ts";

/** One execution environment: started by the first invocation that finds none. */
export interface FakeEnvironment {
  /** @returns the answer's text. What it throws is a FunctionError, with its `body` as the answer if it has one. */
  handle(event: unknown): Promise<string>;
  close(): Promise<void>;
}

export interface FunctionOptions {
  readonly name: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly start: (fn: FakeFunction) => Promise<FakeEnvironment>;
  /** How an update of the configuration ends. "pending": it does not. */
  readonly update?: "Successful" | "Failed" | "pending";
}

/** One function as Lambda keeps it. Tests may change it, as others do. */
export interface FakeFunction {
  readonly name: string;
  state: "Active" | "Failed" | "Inactive";
  lastUpdateStatus: "Successful" | "Failed" | "InProgress";
  revisionId: string;
  variables: Readonly<Record<string, string>>;
  /** Set where the caller may not use the key that encrypts the variables. */
  variablesError?: { readonly ErrorCode: string; readonly Message: string };
  environment: FakeEnvironment | undefined;
  /** How many updates of its configuration were accepted. */
  updates: number;
}

export interface FakeLambda {
  readonly operations: Readonly<Record<string, Operation>>;
  create(options: FunctionOptions): FakeFunction;
  invoke(name: string, event: unknown): Promise<string>;
  /** Resolves when every update has come to its end. */
  settled(): Promise<void>;
}

/** As much of AWS Lambda as an update of a configuration needs: its status, RevisionId, and environments that are retired by it. */
export function createFakeLambda(): FakeLambda {
  const functions = new Map<string, FakeFunction>();
  const options = new Map<string, FunctionOptions>();
  const updating = new Set<Promise<void>>();

  function find(name: string): [FakeFunction, FunctionOptions] {
    const fn = functions.get(name);
    const given = options.get(name);
    if (fn === undefined || given === undefined)
      throw new AwsError("ResourceNotFoundException", "Function not found", 404);
    return [fn, given];
  }

  async function update(fn: FakeFunction, { update: end = "Successful" }: FunctionOptions): Promise<void> {
    if (end === "pending") return;
    // Until then it is invoked as it was.
    await new Promise((resolve) => setImmediate(resolve));
    const old = fn.environment;
    fn.environment = undefined;
    await old?.close();
    fn.lastUpdateStatus = end;
    fn.revisionId = randomUUID();
  }

  async function invoke(name: string, event: unknown): Promise<string> {
    const [fn, given] = find(name);
    fn.environment ??= await given.start(fn);
    return fn.environment.handle(event);
  }

  return {
    create: (given) => {
      const fn: FakeFunction = {
        name: given.name,
        state: "Active",
        lastUpdateStatus: "Successful",
        revisionId: randomUUID(),
        variables: given.variables ?? {},
        environment: undefined,
        updates: 0,
      };
      functions.set(given.name, fn);
      options.set(given.name, given);
      return fn;
    },
    invoke,
    settled: async () => {
      await Promise.all(updating);
    },
    operations: {
      GetFunctionConfiguration: ({ FunctionName }) => describe(find(FunctionName)[0]),
      UpdateFunctionConfiguration: ({ FunctionName, RevisionId, Environment }) => {
        const [fn, given] = find(FunctionName);
        if (fn.lastUpdateStatus === "InProgress") {
          throw new AwsError("ResourceConflictException", "An update is in progress for resource.", 409);
        }
        if (RevisionId !== undefined && RevisionId !== fn.revisionId) {
          throw new AwsError("PreconditionFailedException", "The RevisionId provided does not match.", 412);
        }
        fn.variables = Environment.Variables;
        fn.revisionId = randomUUID();
        fn.updates += 1;
        fn.lastUpdateStatus = "InProgress";
        const done = update(fn, given);
        updating.add(done);
        void done.finally(() => updating.delete(done));
        return describe(fn);
      },
      Invoke: async ({ FunctionName, Payload }) => {
        find(FunctionName);
        try {
          return { body: await invoke(FunctionName, Payload) };
        } catch (error) {
          const { body = JSON.stringify({ errorMessage: String(error) }) } = error as { readonly body?: string };
          return { FunctionError: "Unhandled", body };
        }
      },
    },
  };
}

function describe({ name, state, lastUpdateStatus, revisionId, variables, variablesError }: FakeFunction) {
  return {
    FunctionName: name,
    State: state,
    ...(state === "Failed" ? { StateReasonCode: "InternalError" } : {}),
    LastUpdateStatus: lastUpdateStatus,
    ...(lastUpdateStatus === "Failed" ? { LastUpdateStatusReasonCode: "InvalidSubnet" } : {}),
    RevisionId: revisionId,
    Environment: variablesError === undefined ? { Variables: variables } : { Error: variablesError },
  };
}
