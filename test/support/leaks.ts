import { inspect } from "node:util";
import { GetExecutionHistoryCommand } from "@aws-sdk/client-sfn";
import { executionArn } from "../../core/identity.ts";
import type { World } from "./world.ts";

/**
 * Looks for every password that the account has ever stored, in every place that is not Secrets Manager, the database's own
 * tables or a process's memory: execution histories, function logs, messages, events, recorded calls and the database's log.
 * @returns where one was found
 */
export async function leaksOf(world: World): Promise<readonly string[]> {
  const passwords = world.account.secretsManager.everyValue().flatMap(passwordsIn);
  const places = await readPlaces(world);
  return Object.entries(places)
    .filter(([, text]) => passwords.some((password) => contains(text, password)))
    .map(([place]) => place);
}

/** Whether a text holds a password as it is, or encoded as JSON, URL, base64, hex, HTML or SQL would have it. */
export function contains(text: string, password: string): boolean {
  return encodings(password).some((each) => text.includes(each));
}

function encodings(password: string): readonly string[] {
  const bytes = Buffer.from(password, "utf8");
  // Base64 of a longer text shows the password at one of three alignments; the ends depend on its neighbours.
  const shifted = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return encoded.slice(shift === 0 ? 0 : 4, -2);
  });
  return [
    password,
    JSON.stringify(password).slice(1, -1),
    encodeURIComponent(password),
    bytes.toString("hex"),
    bytes.toString("base64url"),
    password.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;"),
    password.replaceAll("'", "''"),
    ...shifted,
  ].filter((each) => each.length >= 8);
}

/** Of a JSON object what is secret in it; any other value is secret as a whole, also one that happens to be JSON, such as digits. */
function passwordsIn(value: string): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {}
  if (typeof parsed !== "object" || parsed === null) return [value.trim()];
  const { password, value: token, privateKey } = parsed as Readonly<Record<string, unknown>>;
  return [password, token, privateKey].filter((each) => typeof each === "string" && each.length >= 8) as string[];
}

async function readPlaces(world: World): Promise<Readonly<Record<string, string>>> {
  const { account } = world;
  const everything = (value: unknown) =>
    inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null, breakLength: 1e6 });
  const histories = await Promise.all(
    (await world.executions()).map(async (name) => {
      const arn = executionArn(world.deployment().stateMachineArn, name);
      return world.sfn.send(
        new GetExecutionHistoryCommand({ executionArn: arn, maxResults: 1000, includeExecutionData: true }),
      );
    }),
  );
  return {
    "an execution history": everything(histories.map(({ events }) => events)),
    "a function's log": everything(account.lambda.logs()),
    "a message": everything(account.sns.inbox()),
    "an event": everything(account.events.seen()),
    "a recorded call": everything(account.calls()),
    "the database's log": await world.database.log(),
  };
}
