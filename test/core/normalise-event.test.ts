import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RotationError } from "../../core/errors.ts";
import { REHEARSAL_REQUESTED, REPAIR_REQUESTED, ROTATION_REQUESTED } from "../../core/events.ts";
import { normaliseEvent } from "../../core/normalise-event.ts";
import type { RotorEvent } from "../../core/rotor-event.ts";

interface Fixture {
  readonly origin: string;
  readonly place: { readonly account: string; readonly region: string };
  readonly event: Readonly<Record<string, unknown>>;
  readonly expected: unknown;
}

const folder = join(import.meta.dirname, "fixtures", "events");
const fixtures = readdirSync(folder).map((file): [string, Fixture] => [
  file.replace(".json", ""),
  JSON.parse(readFileSync(join(folder, file), "utf8")),
]);
const place = { account: "123456789012", region: "eu-west-1" };
const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf";
const versionId = "3f5c2b1a-8a49-4c66-b1c7-0e5a2d9f7c11";
const requests = [ROTATION_REQUESTED, REPAIR_REQUESTED, REHEARSAL_REQUESTED];
const kinds = {
  "rotation-started": true,
  "rotation-succeeded": true,
  "rotation-failed": true,
  "current-moved": true,
  "rotation-cancelled": true,
  "secret-deleted": true,
  heartbeat: true,
  "execution-ended": true,
  "rotation-requested": true,
  "repair-requested": true,
  "rehearsal-requested": true,
  "rehearsal-rolled-back": true,
  "rehearsal-passed": true,
  ignored: true,
} as const satisfies Record<RotorEvent["kind"], true>;

describe("every known shape of event has one meaning", () => {
  test.each(fixtures)("%s", (_name, { event, place, expected }) => {
    expect(JSON.parse(JSON.stringify(normaliseEvent(event, place)))).toEqual(expected);
  });

  test("and every meaning has a shape among them", () => {
    const seen = new Set(fixtures.map(([, { expected }]) => (expected as RotorEvent).kind));
    expect([...seen].sort()).toEqual(Object.keys(kinds).sort());
  });
});

describe("a request that is not of its schema is refused, and the field named", () => {
  const bus = (type: string, detail: unknown) => ({
    id: "1",
    source: "rotor.cli",
    "detail-type": type,
    ...place,
    detail,
  });
  const rotation = { secretId: arn, expectedVersionId: versionId };
  const repair = { secretId: arn, token: versionId };

  test.each<[string, string, unknown, string]>([
    ["no secret", ROTATION_REQUESTED, { expectedVersionId: versionId }, "secretId"],
    ["an id that is neither name nor ARN", ROTATION_REQUESTED, { ...rotation, secretId: "a b" }, "secretId"],
    ["no version", ROTATION_REQUESTED, { secretId: arn }, "expectedVersionId"],
    ["attempt 0", ROTATION_REQUESTED, { ...rotation, attempt: 0 }, "attempt"],
    ["attempt 51", REHEARSAL_REQUESTED, { ...rotation, attempt: 51 }, "attempt"],
    ["an emergency in words", ROTATION_REQUESTED, { ...rotation, emergency: "yes" }, "emergency"],
    ["an emergency of a rehearsal", REHEARSAL_REQUESTED, { ...rotation, emergency: true }, "emergency"],
    ["an unknown field", ROTATION_REQUESTED, { ...rotation, force: true }, "force"],
    ["a requester who is no text", REPAIR_REQUESTED, { ...repair, requester: {} }, "requester"],
    ["a long reason", REHEARSAL_REQUESTED, { ...rotation, reason: "x".repeat(1025) }, "reason"],
    ["a short token", REPAIR_REQUESTED, { ...repair, token: "x".repeat(31) }, "token"],
    ["a long token", REPAIR_REQUESTED, { ...repair, token: "x".repeat(65) }, "token"],
    ["repair 0", REPAIR_REQUESTED, { ...repair, repair: 0 }, "repair"],
  ])("%s", (_what, type, detail, field) => {
    const refused = refusal(bus(type, detail));
    expect(refused).toMatchObject({ name: "EventInvalid" });
    expect(refused?.message).toMatch(new RegExp(`${type}.*\\b${field}\\b.*Nothing was started\\.$`));
  });

  test("whatever is in it, without repeating a value", () => {
    const canary = "hunter2";
    const values = fc.constantFrom<unknown>(
      canary,
      canary.repeat(1000),
      [canary],
      { [canary]: { a: canary } },
      7,
      null,
    );
    const fields = fc.dictionary(
      fc.constantFrom(
        "secretId",
        "expectedVersionId",
        "token",
        "attempt",
        "repair",
        "emergency",
        "requester",
        "reason",
      ),
      values,
    );
    fc.assert(
      fc.property(fc.constantFrom(...requests), fields, (type, detail) => {
        const refused = refusal(bus(type, detail));
        expect(refused?.message ?? "").not.toContain(canary);
      }),
    );
  });

  test("in a short message, however much is wrong", () => {
    const detail = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`field${n}`, n]));
    expect(refusal(bus(ROTATION_REQUESTED, detail))?.message.length).toBeLessThan(1000);
  });

  test("also where a key is the prototype's", () => {
    const detail = JSON.parse(`{"secretId":"a","__proto__":{"expectedVersionId":"${versionId}"}}`);
    expect(refusal(bus(ROTATION_REQUESTED, detail))).toMatchObject({ name: "EventInvalid" });
  });
});

describe("whatever comes has a known meaning, and is of this account and Region", () => {
  const keys = fc.constantFrom("id", "source", "detail-type", "account", "region", "time", "resources", "detail");

  test("if it is anything", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (event) => judge(event)),
    );
  });

  test("if it looks like an event and has anything in it", () => {
    const type = fc.constantFrom(...new Set(fixtures.map(([, { event }]) => event["detail-type"] as string)));
    const source = fc.constantFrom("aws.secretsmanager", "aws.states", "rotor.rotation", "rotor.cli");
    const envelope = fc.record({ id: fc.string(), source, "detail-type": type, detail: fc.object() });
    const others = fc.dictionary(keys, fc.anything(), { maxKeys: 2 });
    fc.assert(fc.property(envelope, others, (event, more) => judge({ ...event, ...place, ...more })));
  });

  test("if anything in a known shape is left out, replaced or put elsewhere", () => {
    const known = fc.constantFrom(...fixtures.map(([, fixture]) => fixture));
    const hostile = fc.oneof(
      fc.constantFrom<unknown>(null, "", 0, [], {}, "__proto__", "constructor", "x".repeat(5000)),
      fc.constantFrom(arn.replace("123456789012", "210987654321"), arn.replace("eu-west-1", "us-east-1"), `${arn}\n`),
      fc.constantFrom("123456789012", "210987654321", "eu-west-1", "rotor.rotation", ...requests),
      fc.anything(),
    );
    const change = fc.record({
      at: fc.nat(),
      how: fc.constantFrom("drop", "replace", "copy", "nest", "__proto__"),
      value: hostile,
      from: fc.nat(),
    });
    fc.assert(
      fc.property(known, fc.array(change, { minLength: 1, maxLength: 3 }), ({ event, place }, changes) => {
        const changed: Record<string, unknown> = structuredClone(event);
        for (const { at, how, value, from } of changes) {
          const spots = spotsOf(changed);
          const spot = spots[at % spots.length];
          const other = spots[from % spots.length];
          if (spot === undefined || other === undefined) return;
          if (how === "drop") delete spot.parent[spot.key];
          if (how === "replace") put(spot.parent, spot.key, structuredClone(value));
          if (how === "copy") put(spot.parent, spot.key, structuredClone(other.parent[other.key]));
          if (how === "nest") put(spot.parent, spot.key, { [spot.key]: spot.parent[spot.key] });
          if (how === "__proto__") put(spot.parent, how, structuredClone(value));
        }
        judge(changed, place);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(fixtures)("and %s, if any of its values is nested 1,000 levels deep, or 300 KB long", (_name, fixture) => {
    const deep = JSON.parse(`${'{"a":['.repeat(500)}1${"]}".repeat(500)}`);
    for (const value of [deep, "x".repeat(300_000), "arn:aws:".repeat(37_500)]) {
      const { length } = spotsOf(fixture.event);
      for (let n = 0; n < length; n += 1) {
        const changed: Record<string, unknown> = structuredClone(fixture.event);
        const spot = spotsOf(changed)[n];
        if (spot !== undefined) spot.parent[spot.key] = value;
        judge(changed, fixture.place);
      }
    }
  });

  test("and no key reaches the prototype of all objects", () => {
    const event = JSON.parse(
      `{"id":"1","source":"aws.secretsmanager","detail-type":"AWS Service Event via CloudTrail","account":"123456789012",
        "region":"eu-west-1","__proto__":{"polluted":1},
        "detail":{"__proto__":{"eventName":"RotationStarted","additionalEventData":{"SecretId":"${arn}"},"polluted":1}}}`,
    );
    expect(normaliseEvent(event, place)).toEqual({ kind: "ignored", reason: "it names no secret" });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

test("time grows with the length of an event, and no faster", () => {
  const template = fixtures.find(([name]) => name === "rotation-failed-2022")?.[1];
  const { event = {}, place: at = place } = template ?? {};
  const parts = [
    "arn:aws",
    ":",
    " lambda arn:aws",
    " during a",
    " lambda arn:aws:lambda:a:123456789012:function:x",
    "\n",
    "-",
  ];
  const begun = performance.now();
  for (const part of parts) {
    const long = part.repeat(Math.ceil(300_000 / part.length));
    const fields: Readonly<Record<string, unknown>>[] = [
      { errorMessage: long },
      { requestID: `Rotation-${long}` },
      { additionalEventData: { SecretId: `arn:aws:secretsmanager:${long}` } },
      { eventTime: `2026-01-01T00:00:00.${long}Z` },
    ];
    for (const field of fields) {
      for (let n = 0; n < 20; n += 1)
        normaliseEvent({ ...event, detail: { ...(event["detail"] as object), ...field } }, at);
    }
  }
  // 560 events of 300 KB. One in quadratic time would alone take longer than that.
  expect(performance.now() - begun).toBeLessThan(5000);
});

/** Holds one event to what is promised of all. */
function judge(event: unknown, at: Fixture["place"] = place): void {
  const envelope = (event ?? {}) as Readonly<Record<string, unknown>>;
  const refused = refusal(event, at);
  if (refused !== undefined) {
    expect(refused).toMatchObject({ name: "EventInvalid" });
    expect(requests).toContain(envelope["detail-type"]);
    expect(envelope["source"]).not.toMatch(/^aws\./);
    expect(envelope).toMatchObject(at);
    return;
  }
  const found = normaliseEvent(event, at);
  expect(kinds[found.kind]).toBe(true);
  if (found.kind === "ignored") {
    expect(found.reason).toMatch(/^[\w ,.'-]{1,100}$/);
    return;
  }
  const id = idOf(found);
  if (found.kind === "rehearsal-passed") {
    expect(id.split(":")[4]).toBe(found.account);
    expect(envelope["source"]).toBe("rotor.rotation");
    expect(envelope["account"]).toBe(found.account);
    return;
  }
  expect(envelope).toMatchObject(at);
  if (id.includes(":")) expect(id.split(":").slice(3, 5)).toEqual([at.region, at.account]);
  expect(id).toMatch(/^[\w/+=.@!:-]{1,2048}$/);
  const isAws = /^aws\./.test(`${envelope["source"]}`);
  expect(isAws).toBe(!("request" in found) && found.kind !== "rehearsal-rolled-back");
}

function idOf(event: Exclude<RotorEvent, { readonly kind: "ignored" }>): string {
  if ("request" in event) return event.request.secretId;
  if ("stateMachineArn" in event) return event.stateMachineArn;
  return "secretArn" in event ? event.secretArn : event.secretId;
}

function refusal(event: unknown, at: Fixture["place"] = place): RotationError | undefined {
  try {
    normaliseEvent(event, at);
    return undefined;
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
}

interface Spot {
  readonly parent: Record<string, unknown>;
  readonly key: string;
}

/** As JSON.parse does it: "__proto__" is a key like others. */
function put(parent: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Every member of an event, however deep. */
function spotsOf(value: unknown, depth = 0): readonly Spot[] {
  if (value === null || typeof value !== "object" || depth > 5) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => [{ parent, key }, ...spotsOf(parent[key], depth + 1)]);
}
