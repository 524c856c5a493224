import { describe, expect, test } from "vitest";
import type { Arena } from "./arena.ts";
import { leaksOf } from "./leaks.ts";
import type { Seen } from "./watch-executions.ts";

const PASSWORD = "canary-Xk3vQ9aLw0ZrT7bn";
const [BASE, OLDER, CANDIDATE, PENDING, NAME] = ["base", "older", "candidate", "pending", "execution"];
const PASSWORDS: Readonly<Record<string, string>> = {
  [BASE]: "canary-Aa1bb2CC3dd4EE5f",
  [OLDER]: "canary-Gg1hh2II3jj4KK5l",
  [CANDIDATE]: PASSWORD,
};

describe("the search for passwords of a run", () => {
  test.each([
    ["an execution history", { history: [{ type: "TaskSucceeded", output: JSON.stringify({ note: PASSWORD }) }] }],
    ["a function's log", { logs: [{ text: `set ${PASSWORD}` }] }],
    ["a message", { inbox: [{ Subject: "Rotated", Message: JSON.stringify({ note: PASSWORD }) }] }],
    ["an event", { events: [{ detail: { note: Buffer.from(PASSWORD).toString("base64") } }] }],
  ])("sees one in %s, and says so of no other place", (place, written) => {
    expect(search(written)).toEqual([`A password was seen in ${place}.`]);
  });

  test("sees none where none is, and asks for no value of a version that has none yet", () => {
    expect(search({ logs: [{ text: "set" }] })).toEqual([]);
  });

  test("looks for that of a version which is listed no more", () => {
    expect(search({ logs: [{ text: PASSWORDS[OLDER] ?? "" }], listed: [] })).toHaveLength(1);
  });

  test.each([BASE, OLDER, CANDIDATE])("is refused when nobody knows the password of %s", (id) => {
    const { [id]: _, ...passwords } = PASSWORDS;
    expect(() => search({ passwords })).toThrow(`no password to look for: not of ${id}`);
  });

  test("is refused for a password that is too short to be told from other text", () => {
    expect(() => search({ passwords: { ...PASSWORDS, [BASE]: "short" } })).toThrow("would not be found");
  });
});

interface Search {
  readonly history?: readonly object[];
  readonly logs?: readonly { readonly text: string }[];
  readonly inbox?: readonly object[];
  readonly events?: readonly object[];
  readonly passwords?: Readonly<Record<string, string>>;
  readonly listed?: readonly object[];
}

const LISTED = [
  { VersionId: BASE },
  { VersionId: CANDIDATE, VersionStages: ["AWSCURRENT"] },
  { VersionId: PENDING, VersionStages: ["AWSPENDING"] },
];

/** In a run of one execution, whose candidate was promoted. */
function search({
  history = [],
  logs = [],
  inbox = [],
  events = [],
  passwords = PASSWORDS,
  listed = LISTED,
}: Search): readonly string[] {
  const other = { record: { name: "of another run" }, events: [{ output: PASSWORD }] };
  const arena = {
    account: { states: { executions: () => [{ record: { name: NAME }, events: history }, other] } },
    ask: () => ({ Versions: listed }),
  } as unknown as Arena;
  const watch = {
    ...{ violations: new Set<string>(), seen: new Map([[NAME, {} as Seen]]), acts: [], trace: [] },
    credentialOf: (id: string) => {
      const password = passwords[id];
      return password === undefined ? undefined : { username: "app", password };
    },
    now: () => ({ step: 0, labels: {}, doors: "", opens: [], authenticated: {} }),
    ...{ byHand: async () => {}, onCall: () => undefined, look: () => {}, [Symbol.dispose]: () => {} },
  };
  return leaksOf(arena, { base: BASE, older: OLDER, secretArn: "arn", watch }, { events, inbox, logs });
}
