import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import type { Replacement } from "../../local/wire-calls.ts";
import { type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

let world: World;
let secret: Situation;
const ROLE = "arn:aws:iam::123456789012:role/orders-task";

beforeAll(async () => {
  world = await startWorld();
  secret = await situation(world, { mode: "driven" });
});
afterAll(() => world[Symbol.asyncDispose]());

/** What CloudTrail says in place of the account, page by page; undefined: it is throttled. */
async function readersBy(pages: readonly (readonly object[] | undefined)[]) {
  const times: number[] = [];
  using _ = world.account.intercept(({ operation, phase, input }): Replacement | undefined => {
    if (operation !== "LookupEvents" || phase !== "before") return undefined;
    times.push(performance.now());
    const { NextToken = "0" } = input as { readonly NextToken?: string };
    const index = Number(NextToken);
    const page = pages[index];
    if (page === undefined) throw new AwsError("ThrottlingException", "", 400);
    const more = index + 1 < pages.length ? { NextToken: String(index + 1) } : {};
    return { reply: { Events: page, ...more } };
  });
  const ended = await rotor(world.account.environment, "plan", secret.name, "--output", "json");
  return { ended, times, readers: documentOf(ended).readers };
}

function read(Username: string, detail: object = {}): object {
  const CloudTrailEvent = JSON.stringify({ requestParameters: { secretId: secret.arn }, ...detail });
  return { EventTime: new Date("2026-01-02T03:04:05Z"), Username, CloudTrailEvent };
}
const ofTask = (task: string) => read(task, { userIdentity: { sessionContext: { sessionIssuer: { arn: ROLE } } } });

describe("who reads a secret", () => {
  test("is told by the role of whoever has assumed one, and neither a refused read nor one of Rotor's own counts", async () => {
    const refused = read("stranger", { errorCode: "AccessDenied" });
    const { readers } = await readersBy([[ofTask("0a1b"), ofTask("2c3d"), read("alice"), read("rotate"), refused]]);
    expect(readers).toMatchObject({
      readers: [
        { name: ROLE, times: 2 },
        { name: "alice", times: 1 },
      ],
      ...{ looked: 5, endedBy: null },
    });
  });

  test("is asked for at CloudTrail's own pace, and what is known when that ends it is kept, and said not to be all", async () => {
    const { readers, times } = await readersBy([[read("alice")], [read("bob")], undefined]);
    expect(readers.readers.map(({ name }: { name: string }) => name)).toEqual(["alice", "bob"]);
    expect(readers.endedBy).toContain("cloudtrail:LookupEvents was throttled");
    const [first = 0, second = 0, third = 0] = times;
    expect(second - first).toBeGreaterThan(400);
    expect(third - first).toBeGreaterThan(900);
  });

  test("is not known where the first look is refused", async () => {
    expect((await readersBy([undefined])).readers).toEqual({ unknown: expect.stringContaining("Throttled") });
  });
});
