import { AwsError } from "./services/service.ts";
import type { HttpReply, HttpRequest, Protocol } from "./wire-protocol.ts";

/** Each service has one version, and that tells them apart. */
const SERVICES: Readonly<Record<string, { readonly service: string; readonly namespace: string }>> = {
  "2010-03-31": { service: "sns", namespace: "http://sns.amazonaws.com/doc/2010-03-31/" },
  "2011-06-15": { service: "sts", namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
};
const SNS_VERSION = "2010-03-31";

/** Members that SNS's model types as something other than a string. */
const BOOLEANS = new Set(["ReturnSubscriptionArn"]);

/** AWS Query: a form with an Action, answered in XML. SNS and STS speak it. */
export const queryProtocol: Protocol = {
  speaks: (request) => isForm(request) || isLink(request),
  read(request) {
    const form = isForm(request) ? new URLSearchParams(request.body) : new URLSearchParams(request.query);
    const operation = form.get("Action") ?? "";
    if (operation === "") throw new AwsError("MissingAction", "Missing Action");
    const version = versionOf(request);
    const service = SERVICES[version]?.service;
    if (service === undefined) throw invalidAction(operation, version);
    form.delete("Action");
    form.delete("Version");
    return { service, operation, input: readForm(form) };
  },
  write(request, { operation }, output, requestId) {
    const members = output === undefined || output === null ? "" : writeMembers(output);
    const result = `<${operation}Result>${members}</${operation}Result>`;
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    const body = `<${operation}Response xmlns="${namespaceOf(request)}">${result}${metadata}</${operation}Response>`;
    return reply(200, body, requestId);
  },
  writeError(request, error, requestId) {
    const type = error.statusCode < 500 ? "Sender" : "Receiver";
    const detail = `<Type>${type}</Type><Code>${codeOf(error.name)}</Code><Message>${escapeXml(error.message)}</Message>`;
    const body = `<ErrorResponse xmlns="${namespaceOf(request)}"><Error>${detail}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
    return reply(error.statusCode, body, requestId);
  },
};

/** The link out of a subscription's confirmation: the token is in it, so AWS takes it without a signature. */
export function isLink({ method, query }: HttpRequest): boolean {
  return method === "GET" && query.get("Action") === "ConfirmSubscription";
}

/** A link names no version: only SNS has any. */
function versionOf(request: HttpRequest): string {
  return isForm(request) ? (new URLSearchParams(request.body).get("Version") ?? "") : SNS_VERSION;
}

function namespaceOf(request: HttpRequest): string {
  return (SERVICES[versionOf(request)] ?? SERVICES[SNS_VERSION])?.namespace ?? "";
}

function isForm({ method, headers }: HttpRequest): boolean {
  return method === "POST" && String(headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
}

/** How the Query protocol says that an operation does not exist. */
export function invalidAction(operation: string, version: string): AwsError {
  return new AwsError(
    "InvalidAction",
    `Could not find operation ${operation} for version ${version || "NO_VERSION_SPECIFIED"}`,
  );
}

/** SNS's model names a shape ("NotFoundException"), the wire carries its code ("NotFound"). */
function codeOf(name: string): string {
  if (name === "InvalidParameterValueException") return "ParameterValueInvalid";
  return name === "ValidationException" ? name : name.replace(/Exception$/, "");
}

interface Node {
  value?: string;
  members: Map<string, Node>;
}

/** "A.member.1=x" is a list, "A.entry.1.key=k&A.entry.1.value=v" a map, "A.B=x" a structure. */
function readForm(form: URLSearchParams): unknown {
  const root: Node = { members: new Map() };
  for (const [path, value] of form) {
    let node = root;
    for (const step of path.split(".")) {
      const next: Node = node.members.get(step) ?? { members: new Map() };
      node.members.set(step, next);
      node = next;
    }
    node.value = value;
  }
  return readNode(root, "");
}

function readNode(node: Node, name: string): unknown {
  const list = node.members.get("member");
  if (list !== undefined) return inOrder(list).map((each) => readNode(each, ""));
  const map = node.members.get("entry");
  if (map !== undefined) return Object.fromEntries(inOrder(map).map(readEntry));
  if (node.members.size > 0) {
    return Object.fromEntries([...node.members].map(([key, each]) => [key, readNode(each, key)]));
  }
  if (node.value === undefined) return {};
  return BOOLEANS.has(name) ? node.value === "true" : node.value;
}

function readEntry(entry: Node): readonly [string, unknown] {
  const key = entry.members.get("key") ?? entry.members.get("Name");
  const value = entry.members.get("value") ?? entry.members.get("Value");
  if (key?.value === undefined || value === undefined)
    throw new AwsError("MalformedInput", "A map entry needs a key and a value");
  return [key.value, readNode(value, "")];
}

function inOrder(node: Node): Node[] {
  return [...node.members].sort(([a], [b]) => Number(a) - Number(b)).map(([, each]) => each);
}

function writeMembers(output: object): string {
  return Object.entries(output)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<${name}>${writeValue(value)}</${name}>`)
    .join("");
}

function writeValue(value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => `<member>${writeValue(each)}</member>`).join("");
  return typeof value === "object" && value !== null ? writeMembers(value) : escapeXml(String(value));
}

function escapeXml(text: string): string {
  // Characters that XML 1.0 cannot carry at all become U+FFFD.
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\u{FFFD}")
    .replace(/[&<>"\r\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function reply(statusCode: number, body: string, requestId: string): HttpReply {
  return { statusCode, headers: { "content-type": "text/xml", "x-amzn-requestid": requestId }, body };
}
