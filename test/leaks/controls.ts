import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Patch } from "../support/patched-bundles.ts";
import type { LabSinkName } from "./lab.ts";
import { hasProcesses } from "./machine.ts";

/** A leak: the real functions, changed so that they let a value out in one place. */
export interface Control {
  /** How it is let out. */
  readonly name: string;
  readonly patches: readonly Patch[];
  /** Where else it is bound to be seen: an input of an execution is a part of its history, for instance. */
  readonly reaches?: readonly LabSinkName[];
}

/** The password of AWSCURRENT, for functions that read no value. */
const read = (secretArn: string) =>
  `JSON.parse((await (await import("@aws-sdk/client-secrets-manager")).SecretsManager.prototype.getSecretValue.call(
    new (await import("@aws-sdk/client-secrets-manager")).SecretsManager({}), { SecretId: ${secretArn} })).SecretString).password`;

/** Of the control that writes where all programs do. It is for the test to remove. */
export const SHARED_FILE = join(tmpdir(), `rotor-leaks-${process.pid}.note`);

const builtin = (name: string) => `process.getBuiltinModule("node:${name}")`;

/** In SetSecret, where the candidate is at hand as `password`. */
export function inSetSecret(code: string): readonly Patch[] {
  const from = "  const versions = { candidate: candidate.credential, base: current.credential };";
  const to = `  const { password } = candidate.credential as any;\n  ${code}\n${from}`;
  return [{ file: "core/steps/set-secret.ts", from, to }];
}

/** In notify, where the password is put at hand as `globalThis.leaked`. */
function inNotify(from: string, to: string): readonly Patch[] {
  const file = "functions/notify.ts";
  const start = "  const message = buildNotification(";
  return [
    { file, from: start, to: `  globalThis.leaked = ${read("report.data.plan.secretArn")};\n${start}` },
    { file, from, to },
  ];
}

/** In dependents, in the same way. */
function inDependents(from: string, to: string, file = "core/dependents/http-exchange.ts"): readonly Patch[] {
  const start = "    const signal = AbortSignal.timeout(";
  return [
    {
      file: "functions/dependents.ts",
      from: start,
      to: `    globalThis.leaked = ${read("step.secretArn")};\n${start}`,
    },
    { file, from, to },
  ];
}

/** A sink that has none here fails its test. */
/** Plan invokes another function with it. */
function inInvocation(member: string): readonly Patch[] {
  const from = "    const planned = await plan(planner, rotation);";
  const to = `    const { InvokeCommand } = await import("@aws-sdk/client-lambda");
    const Payload = JSON.stringify({ ${member}: ${read("rotation.secretArn")} });
    await lambda.send(new InvokeCommand({ FunctionName: "dependents", InvocationType: "DryRun", Payload }));
${from}`;
  return [{ file: "functions/plan.ts", from, to }];
}

const CHILD: Control = {
  name: "an argument of a child",
  // It ends with its standard input, which ends with the function.
  patches: inSetSecret(
    `${builtin("child_process")}.spawn("cat", [], { argv0: password, stdio: ["pipe", "ignore", "ignore"] }).unref();`,
  ),
};

export const CONTROLS: Readonly<Record<LabSinkName, readonly Control[]>> = {
  "a function's log": [
    { name: "on standard output", patches: inSetSecret("console.log(`set ${password}`);") },
    { name: "a piece of it, on standard error", patches: inSetSecret("process.stderr.write(password.slice(0, 12));") },
    {
      name: "a RotationToken",
      patches: [
        {
          file: "functions/gate.ts",
          from: "    await gate(",
          to: "    console.log(event.RotationToken);\n    await gate(",
        },
      ],
    },
  ],
  "an execution history": [
    {
      name: "what a step returns",
      patches: [
        {
          file: "functions/rotate.ts",
          from: "    return rotate(account, event);",
          to: `    const note = event.Step === "createSecret" ? { note: ${read("event.SecretId")} } : {};
    return { ...(await rotate(account, event)), ...note };`,
        },
      ],
    },
    {
      name: "the message of an error",
      patches: inSetSecret('if (retries === 0) throw new RotationError("TargetUnavailable", `not ${password}`);'),
      reaches: ["a function's log", "a thrown error"],
    },
  ],
  "an execution's name or input": [
    {
      name: "what is sent along with StartExecution",
      patches: [
        {
          file: "core/start-rotation.ts",
          from: "{ stateMachineArn, name, input }",
          to: `{ stateMachineArn, name, input, traceHeader: ${read("secretArn")} }`,
        },
      ],
    },
  ],
  "a function's input": [
    { name: "one function asks another", patches: inInvocation("note") },
    { name: "under the name that Secrets Manager gives it", patches: inInvocation("SecretString") },
  ],
  "a function's reply": [
    {
      name: "what the gate returns to Secrets Manager",
      patches: [
        {
          file: "functions/gate.ts",
          from: "      event,\n    );",
          to: `      event,\n    );\n    return ${read("event.SecretId")};`,
        },
      ],
    },
  ],
  "a message": [
    {
      name: "the text of an e-mail",
      patches: inNotify("message.email, message.subject)", "message.email + globalThis.leaked, message.subject)"),
    },
    {
      name: "the subject of an e-mail",
      patches: inNotify("message.email, message.subject)", "message.email, globalThis.leaked)"),
    },
  ],
  "a message over HTTP": [
    {
      name: "the text of an event",
      patches: inNotify("JSON.stringify(message.json)", "JSON.stringify({ ...message.json, note: globalThis.leaked })"),
      reaches: ["a message"],
    },
    {
      name: "an attribute",
      patches: inNotify('DataType: "String", StringValue: value', 'DataType: "String", StringValue: globalThis.leaked'),
      reaches: ["a message"],
    },
  ],
  "an event": [
    {
      name: "the detail of an outcome",
      patches: inNotify(
        "{ detailType, detail, resources }),",
        "{ detailType, detail: { ...detail, note: globalThis.leaked }, resources }),",
      ),
    },
  ],
  "a dead letter": [
    {
      name: "an event that dispatch fails of",
      patches: [
        {
          file: "functions/dispatch.ts",
          from: "    const environment = readEnvironment(",
          to: `    const { secretId } = (event as any).detail?.requestParameters ?? {};
    if (secretId) throw new (await import("../core/errors.ts")).RotationError("InternalError", ${read("secretId")});
    const environment = readEnvironment(`,
        },
      ],
      reaches: ["a function's log", "a thrown error"],
    },
  ],
  "a request to a dependent": [
    { name: "a header", patches: inDependents('"user-agent": "rotor"', '"user-agent": `rotor ${globalThis.leaked}`') },
    {
      name: "the address",
      patches: inDependents("send(url, {", 'send(url + "?note=" + encodeURIComponent(globalThis.leaked), {'),
    },
    {
      name: "the body",
      patches: inDependents(
        "{ action: purpose, secretId: secretArn, versionId }",
        "{ action: purpose, secretId: secretArn, versionId, note: globalThis.leaked }",
        "core/dependents/http-endpoint.ts",
      ),
    },
  ],
  "another call": [
    {
      name: "a filter of ListSecrets",
      patches: inSetSecret(
        `const { SecretsManager } = await import("@aws-sdk/client-secrets-manager");
  await new SecretsManager({}).listSecrets({ Filters: [{ Key: "name", Values: [password] }] });`,
      ),
    },
  ],
  "PostgreSQL's log": [
    {
      name: "a statement",
      patches: [
        {
          file: "core/strategies/postgres-single-user.ts",
          from: "PASSWORD '${await scramSha256Verifier(password)}'",
          to: "PASSWORD '${password}'",
        },
      ],
    },
  ],
  "a thrown error": [
    {
      name: "a cause",
      patches: inSetSecret(
        'if (retries === 0) throw new RotationError("TargetUnavailable", "no", { cause: new Error(password) });',
      ),
    },
    {
      name: "a property that is not listed",
      patches: inSetSecret(
        `if (retries === 0) {
    throw Object.defineProperty(new RotationError("TargetUnavailable", "no"), "sql", { value: { password } });
  }`,
      ),
    },
  ],
  "a process": [
    { name: "a variable of the function's", patches: inSetSecret('process.env["NOTE"] = password;') },
    ...(hasProcesses ? [CHILD] : []),
  ],
  "a file": [
    {
      name: "of the directory for temporary files",
      patches: inSetSecret(`${builtin("fs")}.writeFileSync(${builtin("os")}.tmpdir() + "/note", password);`),
    },
    {
      name: "of all programs' directory for temporary files",
      patches: inSetSecret(`${builtin("fs")}.writeFileSync(${JSON.stringify(SHARED_FILE)}, password);`),
    },
  ],
};

/** What stands for a password at PostgreSQL. Every verifier in a log is one too many, whoever's it is: this one comes last. */
export const VERIFIER_CONTROL: Control = {
  name: "a verifier",
  patches: [
    {
      file: "core/strategies/postgres-single-user.ts",
      from: "async function changeOf({ username }: PostgresCredential, password: string): Promise<string> {",
      to: `async function changeOf({ username }: PostgresCredential, password: string): Promise<string> {
  console.log(await scramSha256Verifier(password));`,
    },
  ],
};
