import { createHash } from "node:crypto";
import {
  type FunctionConfiguration,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import * as z from "zod/mini";
import { clientConfiguration } from "../aws.ts";
import { RotationError } from "../errors.ts";
import { type Calls, lookAgain, type Refusals, startCalls } from "./aws-calls.ts";
import { type Arn, defineDependent, type Evidence, type SecretChange } from "./dependent.ts";

const target = z.strictObject({
  functionName: z.string().check(z.regex(/^[\w-]{1,64}$/, "must be a function's name of A-Z a-z 0-9 _ -, not an ARN")),
  /** What the function answers when it is invoked with {rotor: {action, secretId, versionId}}. None: it is never invoked. */
  invoke: z._default(z.array(z.enum(["verify", "probe"])), []),
  /** For all calls of Lambda that one look, probe or refresh makes, an invocation with its cold start included, in seconds. */
  timeoutSeconds: z._default(z.int().check(z.minimum(1), z.maximum(20)), 15),
});
export type LambdaFunction = z.infer<typeof target>;

/**
 * An AWS Lambda function that reads the secret when an execution environment starts, and keeps it. refresh changes an environment
 * variable: from then on no invocation goes to an environment that was there before. verify waits until Lambda says so, and asks
 * the function itself where it answers.
 *
 * The variable carries the version's id, so a refresh that is repeated changes nothing. It is written only over the configuration
 * that was read (RevisionId): nobody's change is lost.
 */
export const lambdaFunction = defineDependent<LambdaFunction>({
  kind: "lambda-function",
  target,
  canProbe: ({ invoke }) => invoke.includes("probe"),
  actions: [
    { action: "lambda:GetFunctionConfiguration", during: () => ["check", "refresh", "verify"], on: arnsOf },
    {
      action: "lambda:UpdateFunctionConfiguration",
      during: () => ["refresh"],
      on: arnsOf,
      when: () => ({ Null: { "lambda:Layer": ["true"] } }),
    },
    {
      action: "lambda:InvokeFunction",
      during: ({ invoke }) => invoke,
      on: (value, arn) => (value.invoke.length === 0 ? [] : arnsOf(value, arn)),
    },
  ],

  /** @throws RotationError ConfigurationInvalid: no such function; DependentUnhealthy, AccessDenied; retryable ones */
  async check(fn, _secret, signal) {
    variablesOf(fn, await configurationOf(start(fn, signal), fn));
  },

  /** @throws RotationError DependentUnhealthy (it cannot sign in with the candidate), ConfigurationInvalid, AccessDenied; retryable ones */
  async probe(fn, candidate, signal) {
    if (!fn.invoke.includes("probe")) return;
    const versionId = await ask(start(fn, signal), fn, "probe", candidate);
    if (versionId === candidate.versionId) return;
    throw new RotationError("DependentUnhealthy", `${nameOf(fn)} answered the probe with ${shown(versionId)}.`);
  },

  /** @throws RotationError DependentUnhealthy, ConfigurationInvalid, AccessDenied; TargetUnavailable (being updated) and other retryable ones */
  async refresh(fn, change, signal) {
    const calls = start(fn, signal);
    const configuration = await configurationOf(calls, fn);
    const variables = variablesOf(fn, configuration);
    if (variables[variableFor(change)] === change.versionId) return;
    const update = new UpdateFunctionConfigurationCommand({
      FunctionName: fn.functionName,
      RevisionId: configuration.RevisionId,
      Environment: { Variables: { ...variables, [variableFor(change)]: change.versionId } },
    });
    await calls
      .call(`lambda:UpdateFunctionConfiguration on ${fn.functionName}`, (options) => lambda().send(update, options))
      .catch(async (error: unknown) => {
        // Somebody else was faster, or the reply to our own first attempt was lost.
        const now = variablesOf(fn, await configurationOf(calls, fn));
        if (now[variableFor(change)] !== change.versionId) throw error;
      });
  },

  /** @throws RotationError DependentNotReady, DependentUnhealthy (its update failed), ConfigurationInvalid, AccessDenied */
  verify: (fn, change, signal) => lookAgain(look(fn, change, start(fn, signal))),
});

// --- what is seen ---

async function look(fn: LambdaFunction, change: SecretChange, calls: Calls): Promise<Evidence> {
  const name = nameOf(fn);
  const configuration = await configurationOf(calls, fn);
  const { LastUpdateStatus: status = "Successful", LastUpdateStatusReasonCode: reason = "no reason" } = configuration;
  if (status === "Failed") {
    throw new RotationError("DependentUnhealthy", `${name}: its last update failed (${reason}).`);
  }
  if (status !== "Successful") {
    throw new RotationError("DependentNotReady", `${name}: its last update is ${status}.`);
  }
  const marked = variablesOf(fn, configuration)[variableFor(change)];
  if (marked !== undefined && marked !== change.versionId) {
    throw new RotationError(
      "DependentNotReady",
      `${name} was last updated for ${shown(marked)}, expected version ${change.versionId}.`,
    );
  }
  if (fn.invoke.includes("verify")) return askForVersion(calls, fn, change);
  return marked === undefined
    ? { strength: "weak", seen: `${name} is active, and which version its environments read is not known` }
    : { strength: "weak", seen: `${name} was updated for version ${marked}: older environments get no invocation` };
}

async function askForVersion(calls: Calls, fn: LambdaFunction, change: SecretChange): Promise<Evidence> {
  const name = nameOf(fn);
  const versionId = await ask(calls, fn, "verify", change).catch((error: unknown) => {
    const failed = error instanceof RotationError && error.name === "DependentUnhealthy";
    throw failed ? new RotationError("DependentNotReady", error.message, { cause: error }) : error;
  });
  if (versionId !== change.versionId) {
    const message = `${name} reports ${shown(versionId)}, expected version ${change.versionId}.`;
    throw new RotationError("DependentNotReady", message);
  }
  return { strength: "claimed", seen: `${name} says that its newest authentication used version ${versionId}` };
}

/**
 * Invokes the function, and waits for what it answers.
 * @returns the `versionId` in its answer; undefined where there is none
 * @throws RotationError DependentUnhealthy: it failed
 */
async function ask(
  calls: Calls,
  fn: LambdaFunction,
  action: "verify" | "probe",
  { secretArn, versionId }: SecretChange,
): Promise<string | undefined> {
  const { functionName: FunctionName } = fn;
  const Payload = JSON.stringify({ rotor: { action, secretId: secretArn, versionId } });
  const reply = await calls.call(`lambda:InvokeFunction on ${FunctionName}`, (options) =>
    lambda().send(new InvokeCommand({ FunctionName, Payload }), options),
  );
  if (reply.FunctionError !== undefined) {
    throw new RotationError("DependentUnhealthy", `${nameOf(fn)} failed when it was asked to ${action}.`);
  }
  return versionIdIn(reply.Payload?.transformToString() ?? "");
}

function versionIdIn(text: string): string | undefined {
  try {
    const { versionId } = Object(JSON.parse(text)) as { readonly versionId?: unknown };
    return typeof versionId === "string" ? versionId : undefined;
  } catch {
    return undefined;
  }
}

/** What a function puts where a version id belongs may be anything, so only what looks like one is repeated. */
function shown(versionId: string | undefined): string {
  if (versionId === undefined) return "no version id";
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(versionId)
    ? `version ${versionId}`
    : "an id that is not a UUID";
}

// --- the function ---

/** Its configuration carries its variables, which may be secrets of its own: nothing of it is kept, shown or logged. */
async function configurationOf(calls: Calls, fn: LambdaFunction): Promise<FunctionConfiguration> {
  const configuration = await calls.call(`lambda:GetFunctionConfiguration on ${fn.functionName}`, (options) =>
    lambda().send(new GetFunctionConfigurationCommand({ FunctionName: fn.functionName }), options),
  );
  if (configuration.State !== "Failed") return configuration;
  const { StateReasonCode = "no reason" } = configuration;
  throw new RotationError("DependentUnhealthy", `${nameOf(fn)} is in state Failed (${StateReasonCode}).`);
}

/** @throws RotationError AccessDenied: Lambda gives the configuration without variables to whoever may not use their key */
function variablesOf(fn: LambdaFunction, { Environment }: FunctionConfiguration): Readonly<Record<string, string>> {
  if (Environment?.Error === undefined) return Environment?.Variables ?? {};
  throw new RotationError(
    "AccessDenied",
    `The environment variables of ${nameOf(fn)} cannot be read: the role may not use the key that encrypts them.`,
  );
}

/** One for each secret: a function may use several. As in an execution's name, a digest stands for the ARN. */
function variableFor({ secretArn }: SecretChange): string {
  return `ROTOR_${createHash("sha256").update(secretArn).digest("hex").slice(0, 16)}`;
}

function nameOf({ functionName }: LambdaFunction): string {
  return `Lambda function ${functionName}`;
}

function arnsOf({ functionName }: LambdaFunction, arn: Arn): readonly string[] {
  return [arn("lambda", `function:${functionName}`)];
}

// --- calls ---

let client: LambdaClient | undefined;

/** Made when it is first needed. An invocation may take longer than other requests: `timeoutSeconds` ends it. */
function lambda(): LambdaClient {
  client ??= new LambdaClient({
    ...clientConfiguration,
    requestHandler: { ...clientConfiguration.requestHandler, requestTimeout: 20_000 },
  });
  return client;
}

function start(fn: LambdaFunction, signal: AbortSignal): Calls {
  return startCalls(fn.timeoutSeconds, signal, refusalsOf(nameOf(fn)));
}

function refusalsOf(name: string): Refusals {
  const busy = ["TargetUnavailable", `${name} is being changed, or not ready`] as const;
  const refused = ["ConfigurationInvalid", `Lambda refused what was asked of ${name}`] as const;
  return {
    ResourceNotFoundException: ["ConfigurationInvalid", `There is no ${name}`],
    ResourceConflictException: busy,
    PreconditionFailedException: busy,
    ResourceNotReadyException: busy,
    InvalidParameterValueException: refused,
    CodeVerificationFailedException: refused,
    InvalidCodeSignatureException: refused,
    CodeSigningConfigNotFoundException: refused,
    KMSAccessDeniedException: ["AccessDenied", `The key of ${name} may not be used`],
    KMSDisabledException: ["AccessDenied", `The key of ${name} may not be used`],
    KMSInvalidStateException: ["AccessDenied", `The key of ${name} may not be used`],
    KMSNotFoundException: ["AccessDenied", `The key of ${name} may not be used`],
  };
}
