/** What a function has logged of one attempt. */
export interface LogLink {
  readonly group: string;
  /** A line for a shell. */
  readonly command: string;
  /** In AWS's console; null where the account is none of AWS's. */
  readonly console: string | null;
}

/** As of core/history.ts; times in milliseconds will do. */
interface Timed {
  readonly startedAt: Date;
  readonly endedAt?: Date | undefined;
}

/**
 * Where the log of an attempt of a Lambda task is: undefined where what it was called with tells no function of Lambda. What is looked
 * for is the version's id, which each function writes down with every line, where the request names it. Pure.
 *
 * @param request the task's parameters, which may be anybody's
 */
export function logLink(request: unknown, { startedAt, endedAt }: Timed): LogLink | undefined {
  const { FunctionName, Payload } = Object(request) as { readonly FunctionName?: unknown; readonly Payload?: unknown };
  const [, partition = "", region, account, name] = FUNCTION.exec(String(FunctionName)) ?? [];
  if (region === undefined || name === undefined) return undefined;
  const group = `/aws/lambda/${name}`;
  const since = startedAt.getTime() - BEFORE_MS;
  const version = versionOf(Payload);
  const command = [
    ...["aws logs tail", group, "--since", new Date(since).toISOString()],
    ...(version === undefined ? [] : ["--filter-pattern", `'"${version}"'`]),
    ...["--region", region],
  ].join(" ");
  const domain = account === EXAMPLE_ACCOUNT ? undefined : CONSOLES[partition];
  // As the console itself writes it: encoded twice, with "$" for "%".
  const query = new URLSearchParams({
    start: String(since),
    ...(endedAt === undefined ? {} : { end: String(endedAt.getTime() + AFTER_MS) }),
    ...(version === undefined ? {} : { filterPattern: `"${version}"` }),
  });
  const path = `log-group/${dollars(encodeURIComponent(group))}/log-events${dollars(`?${query}`)}`;
  const address = `https://${region}.${domain}/cloudwatch/home?region=${region}#logsV2:log-groups/${path}`;
  return { group, command, console: domain === undefined ? null : address };
}

// --- internal ---

/** Clocks differ, and a line may come late. */
const BEFORE_MS = 5000;
const AFTER_MS = 60_000;

const FUNCTION = /^arn:(aws[a-z-]*):lambda:([a-z0-9-]{1,32}):(\d{12}):function:([\w-]{1,64})(?::|$)/;
/** That of AWS's documentation, and of the embedded account. */
const EXAMPLE_ACCOUNT = "123456789012";
const CONSOLES: Readonly<Record<string, string>> = {
  aws: "console.aws.amazon.com",
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
};

/** Which version a function was called for, by the names that our requests have for it. */
function versionOf(payload: unknown): string | undefined {
  const { versionId, ClientRequestToken, token, rotation, plan } = Object(payload) as Readonly<Record<string, unknown>>;
  const nested = [rotation, plan].map((each) => (Object(each) as { readonly token?: unknown }).token);
  const found = [versionId, ClientRequestToken, token, ...nested].find((each) => typeof each === "string");
  return typeof found === "string" && /^[\w-]{32,64}$/.test(found) ? found : undefined;
}

function dollars(text: string): string {
  return encodeURIComponent(text).replaceAll("%", "$");
}
