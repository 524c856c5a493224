import * as sdk from "@aws-sdk/client-secrets-manager";
import { SCRIPT, type Step, WITHOUT_SECRET } from "./script.ts";

/** Member of an answer -> its value, both as plain text. */
export type Answer = ReadonlyMap<string, string>;

export interface Played {
  /** Like "promotion 4: UpdateSecretVersionStage". */
  readonly step: string;
  /** The outcome, which is "answered" or the name of an error, and the members of the answer. */
  readonly answer: Answer;
  /** Of the secret, after the step. */
  readonly labels: Answer;
}

interface Place {
  readonly endpoint: string;
  /** Resolves when what a call has started is over. */
  readonly settle?: () => Promise<void>;
}

/** Plays the whole script by the AWS SDK. */
export async function play({ endpoint, settle = async () => {} }: Place): Promise<readonly Played[]> {
  const client = new sdk.SecretsManagerClient({
    ...{ endpoint, region: "us-east-1", maxAttempts: 1 },
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const played: Played[] = [];
  for (const [name, steps] of Object.entries(SCRIPT)) {
    if (!WITHOUT_SECRET.has(name)) await ask(client, name, FIRST, "");
    let arn = "";
    let labels: Answer = new Map();
    for (const [index, step] of steps.entries()) {
      arn ||= await arnOf(client, name);
      const answer = await ask(client, name, step, arn);
      await settle();
      if (!READS.test(step[0])) labels = labelsIn(await ask(client, name, ["DescribeSecret"], arn));
      played.push({ step: `${name} ${index + 1}: ${step[0]}`, answer, labels });
    }
  }
  client.destroy();
  return played;
}

/** They move no label. */
const READS = /^(BatchGet|Describe|Get|List)/;

const FIRST: Step = ["CreateSecret", { ClientRequestToken: "v1", SecretString: "value v1" }];

async function ask(client: sdk.SecretsManagerClient, secret: string, step: Step, arn: string): Promise<Answer> {
  const [operation] = step;
  const command = (sdk as unknown as Record<string, new (input: unknown) => sdk.DescribeSecretCommand>)[
    `${operation}Command`
  ];
  if (command === undefined) throw new Error(`The SDK has no operation ${operation}.`);
  try {
    const { $metadata: _, ...output } = await client.send(new command(inputOf(secret, step, arn)));
    return flatten({ outcome: "answered", ...output });
  } catch (error) {
    if (error instanceof sdk.SecretsManagerServiceException) {
      const { name, message, $metadata } = error;
      return flatten({ outcome: name, message, status: $metadata.httpStatusCode });
    }
    // A page of HTML: the server broke down over the request.
    if ((error as { readonly $response?: { readonly statusCode: number } }).$response?.statusCode !== 500) throw error;
    return flatten({ outcome: "status 500" });
  }
}

/** Version names become ids, base64 becomes bytes, and the scenario's secret is named where nothing is. */
function inputOf(secret: string, [operation, input = {}]: Step, arn: string): unknown {
  const read = (key: string, value: unknown) => {
    if (key === "SecretBinary") return Buffer.from(String(value), "base64");
    if (value === "{arn}") return arn;
    if (value === "{partial}") return arn.slice(0, -"-AbCdEf".length);
    return /(Token|VersionId)$/.test(key) ? String(value).replace(/^v(\d)$/, VERSION_ID) : value;
  };
  const given = Object.fromEntries(Object.entries(input).map(([key, value]) => [key, read(key, value)]));
  const named = operation === "CreateSecret" ? { Name: secret } : { SecretId: secret };
  return ABOUT_NO_SECRET.has(operation) ? given : { ...named, ...given };
}

const ABOUT_NO_SECRET: ReadonlySet<string> = new Set(["BatchGetSecretValue", "GetRandomPassword", "ListSecrets"]);
const VERSION_ID = "0000000$1-0000-4000-8000-000000000000";

async function arnOf(client: sdk.SecretsManagerClient, SecretId: string): Promise<string> {
  const described = client.send(new sdk.DescribeSecretCommand({ SecretId }));
  return await described.then(
    ({ ARN = "" }) => ARN,
    () => "",
  );
}

/** The members that hold a value, by their paths. What differs from run to run has a word in its place. */
function flatten(value: unknown): Answer {
  const members = new Map<string, string>();
  const visit = (each: unknown, at: string) => {
    if (each === undefined || each === null) return;
    if (isObjects(each)) for (const one of each) visit(one, `${at}.${keyOf(one)}`);
    else if (isPlain(each)) for (const [key, one] of Object.entries(each)) visit(one, at === "" ? key : `${at}.${key}`);
    else members.set(named(at), textOf(each, at));
  };
  visit(value, "");
  return members;
}

function textOf(value: unknown, path: string): string {
  if (value instanceof Date) return "a date";
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return named([...value].sort().join(", ")) || "none";
  if (path === "NextToken") return value === "" ? "an empty token" : "a token";
  if (path === "RandomPassword") return `${String(value).length} characters`;
  return named(String(value)).replace(/(arn:aws:secretsmanager:\S+)-[A-Za-z0-9]{6}\b/g, "$1-??????");
}

function named(text: string): string {
  return text.replace(/0000000(\d)-0000-4000-8000-000000000000/g, "v$1");
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

function isObjects(value: unknown): value is readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) && value.length > 0 && value.every(isPlain);
}

/** The members of a list are told apart by what names them. */
function keyOf({ VersionId, SecretId, Name, Key }: Readonly<Record<string, unknown>>): string {
  return String(Name ?? SecretId ?? VersionId ?? Key);
}

function labelsIn(described: Answer): Answer {
  return new Map([...described].filter(([at]) => at.startsWith("VersionIdsToStages.")));
}
