import { randomBytes } from "node:crypto";
import { isRefused } from "../../local/demo/service-database.ts";
import type { Character, DependentWorld, Subject } from "../contracts/dependent.ts";
import { uniqueName } from "../support/database.ts";
import type { FakeFunction, FakeLambda, FunctionOptions } from "../support/fake-lambda.ts";
import { startClient } from "./aws-clients.ts";
import { startSecretStore } from "./secret-store.ts";

/** Never answered: see silence in lambda-function.test.ts. */
export const SILENT = "silent";

/** What Rotor asks of a function. */
interface Asked {
  readonly rotor: { readonly action: "verify" | "probe"; readonly secretId: string; readonly versionId: string };
}

type Handle = (asked: Asked["rotor"], fn: FakeFunction) => string | Promise<string>;

/** Lambda functions whose environments are real clients of a real database, and functions that answer what they like. */
export async function startLambdaWorld(lambda: FakeLambda): Promise<DependentWorld> {
  const store = await startSecretStore();
  const client = startClient(store);
  const canary = `canary-${randomBytes(6).toString("hex")}`;
  const ends: (() => Promise<unknown>)[] = [];
  const variables = { LOG_LEVEL: "debug", API_KEY: canary };

  function create(options: Pick<FunctionOptions, "start" | "update">, timeoutSeconds = 15) {
    const name = uniqueName("orders");
    const fn = lambda.create({ name, variables, ...options });
    ends.push(async () => fn.environment?.close());
    const target = { functionName: name, invoke: ["verify", "probe"], timeoutSeconds };
    return { fn, subject: { target, application: name } satisfies Subject };
  }

  /** A function without a client. */
  function double(handle: Handle, timeoutSeconds = 15, update: FunctionOptions["update"] = "Successful") {
    return create(
      {
        start: async (fn) => ({
          handle: async (event) => handle((event as Asked).rotor, fn),
          close: async () => {},
        }),
        update,
      },
      timeoutSeconds,
    );
  }

  const start: Record<Character, (timeoutSeconds: number) => Promise<Subject>> = {
    honest: async (timeoutSeconds) => {
      const application = uniqueName("honest");
      const { fn, subject } = create(
        {
          start: async () => {
            const use = await client.takeIntoUse(application);
            return {
              handle: async (event) => {
                const { action, versionId } = (event as Asked).rotor;
                if (action === "probe") {
                  await client.signInOnce(versionId, `${application}-probe`).catch((error: unknown) => {
                    throw new Error(`${canary} ${isRefused(error)}`);
                  });
                  return JSON.stringify({ versionId });
                }
                await use.work();
                const health = use.health();
                if (!health.working) throw new Error(canary);
                return JSON.stringify({ canary, versionId: health.versionId });
              },
              close: use.close,
            };
          },
        },
        timeoutSeconds,
      );
      await lambda.invoke(fn.name, { rotor: { action: "verify" } });
      return { ...subject, application };
    },
    failing: async (timeoutSeconds) =>
      double(() => {
        throw new Error(canary);
      }, timeoutSeconds).subject,
    refusing: async (timeoutSeconds) => {
      const { fn, subject } = double(() => canary, timeoutSeconds);
      fn.state = "Failed";
      return subject;
    },
    silent: async (timeoutSeconds) => ({
      target: { functionName: SILENT, invoke: ["verify", "probe"], timeoutSeconds },
      application: SILENT,
    }),
    liar: async (timeoutSeconds) => {
      const application = uniqueName("liar");
      ends.push(await client.holdBase(application));
      const { subject } = double(({ versionId }) => JSON.stringify({ canary, versionId }), timeoutSeconds);
      return { ...subject, application };
    },
  };

  const wrong = () => {
    throw new Error(canary);
  };
  const spoiled = (spoil: (fn: FakeFunction) => void, handle: Handle = wrong) => {
    const { fn, subject } = double(handle);
    spoil(fn);
    return subject;
  };

  return {
    base: store.base,
    candidate: store.candidate,
    canary,
    start: (character, timeoutSeconds) => start[character](timeoutSeconds),
    hazards: async () => ({
      "an answer that is no JSON": double(() => `${canary}{`).subject,
      "an answer without a version": double(() => JSON.stringify({ canary })).subject,
      "no version yet": double(() => JSON.stringify({ canary, versionId: null })).subject,
      "an id that is no text": double(() => JSON.stringify({ versionId: { canary } })).subject,
      "a secret in the id's place": double(() => JSON.stringify({ versionId: canary })).subject,
      "nothing but null": double(() => "null").subject,
      "another version": double(() => JSON.stringify({ versionId: store.base.versionId })).subject,
      "an update that fails": spoiled((fn) => {
        fn.lastUpdateStatus = "Failed";
      }),
      "an update that does not end": spoiled((fn) => {
        fn.lastUpdateStatus = "InProgress";
      }),
      "variables that may not be read": spoiled((fn) => {
        fn.variablesError = { ErrorCode: "AccessDeniedException", Message: canary };
      }),
      "a state in which it cannot run": spoiled((fn) => {
        fn.state = "Failed";
      }),
      "a function that is gone": {
        target: { functionName: "none", invoke: ["verify", "probe"] },
        application: "none",
      },
    }),
    set: store.set,
    promote: store.promote,
    restore: store.restore,
    sessions: store.sessions,
    settled: lambda.settled,
    [Symbol.asyncDispose]: async () => {
      await lambda.settled();
      for (const end of ends.reverse()) await end();
      client[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
