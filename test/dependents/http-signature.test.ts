import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import type { DependentTools } from "../../core/dependents/dependent.ts";
import { parseSigningKey, signatureHeaders } from "../../core/dependents/http-signature.ts";
import { httpEndpoint } from "../../core/dependents/index.ts";
import { RotationError } from "../../core/errors.ts";
import { parsePolicies } from "../../core/policies.ts";
import { stepDependent } from "../../core/steps/dependents.ts";
import { startDouble } from "./http-double.ts";
import { createReceiver } from "./webhook-receiver.ts";

const CHANGE = {
  secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf",
  secretName: "orders/db",
  versionId: "1c8b4d63-a5e2-4f90-b4c7-6e3d2f10c07e",
};
const KEY = `whsec_${randomBytes(32).toString("base64")}`;

describe("a signature", () => {
  test("is the one of the Standard Webhooks specification", () => {
    const key = parseSigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") ?? Buffer.alloc(0);
    const at = new Date(1_614_265_330_999);

    expect(signatureHeaders(key, '{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", at)).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  test.each([
    ["", undefined],
    ["whsec_", undefined],
    ["password", undefined],
    [randomBytes(32).toString("base64"), undefined],
    [`whsec_${randomBytes(23).toString("base64")}`, undefined],
    [`whsec_${randomBytes(65).toString("base64")}`, undefined],
    [`whsec_${"?".repeat(44)}`, undefined],
    [`{"key":"${KEY}"}`, undefined],
    [`whsec_${Buffer.alloc(24, 1).toString("base64")}`, Buffer.alloc(24, 1)],
    [`whsec_${Buffer.alloc(64, 2).toString("base64")}`, Buffer.alloc(64, 2)],
  ])("takes from the text %j the key %j", (text, key) => {
    expect(parseSigningKey(text)).toEqual(key);
  });
});

describe("a signed http-endpoint", () => {
  test("can tell that refresh and probe are Rotor's, and of which it is asked", async () => {
    const receive = createReceiver([KEY]);
    await using dependent = await startDependent((headers, body) => receive(headers, body));

    await dependent.refresh();
    await dependent.probe();

    expect(dependent.received.map(({ body }) => (JSON.parse(body) as { action: string }).action)).toEqual([
      "refresh",
      "probe",
    ]);
  });

  test("may refuse every id that it has seen: a request that is repeated is a message of its own", async () => {
    const receive = createReceiver([KEY]);
    await using dependent = await startDependent((headers, body) => receive(headers, body));

    await dependent.refresh();
    await dependent.refresh();

    const [first, second] = dependent.received;
    expect(first?.headers["webhook-id"]).not.toBe(second?.headers["webhook-id"]);
    expect(receive(first?.headers ?? {}, first?.body ?? "")).toBe(false);
  });

  test.each([
    ["another key", { key: `whsec_${randomBytes(32).toString("base64")}` }],
    ["another body", { more: " " }],
    ["another id", { headers: { "webhook-id": "msg_of-mine" } }],
    ["another time", { headers: { "webhook-timestamp": String(Math.floor(Date.now() / 1000) - 100) } }],
    ["no time", { headers: { "webhook-timestamp": undefined } }],
    ["no signature", { headers: { "webhook-signature": undefined } }],
    ["six minutes' delay", { aheadMs: 360_000 }],
    ["a clock that is six minutes behind", { aheadMs: -360_000 }],
  ])("can tell %s", async (_, { key = KEY, headers = {}, more = "", aheadMs = 0 }: Forgery) => {
    await using dependent = await startDependent(() => true);
    await dependent.refresh();
    const [message] = dependent.received;

    expect(createReceiver([KEY])(message?.headers ?? {}, message?.body ?? "")).toBe(true);
    const receive = createReceiver([key], () => Date.now() + aheadMs);
    expect(receive({ ...message?.headers, ...headers }, `${message?.body}${more}`)).toBe(false);
  });

  test("is not asked at all where there is no key to sign with", async () => {
    await using dependent = await startDependent(() => true);

    for (const attempt of [dependent.refresh({}), dependent.probe({})]) {
      expect(await failure(attempt)).toMatchObject({
        name: "ConfigurationInvalid",
        message: "The requests have to be signed with the key in rotor/webhook, and this function may not read one.",
      });
    }
    const denied = new RotationError("AccessDenied", "secretsmanager:GetSecretValue on rotor/webhook was refused.");
    expect(await failure(dependent.refresh({ readKey: () => Promise.reject(denied) }))).toBe(denied);
    expect(dependent.received).toEqual([]);
  });

  test("is looked at without a signature: that changes nothing", async () => {
    await using dependent = await startDependent(() => true);

    await httpEndpoint.verify(dependent.target, CHANGE, new AbortController().signal);

    expect(Object.keys(dependent.received[0]?.headers ?? {})).not.toContain("webhook-signature");
  });

  test("is asked without one where the policy names no key", async () => {
    await using dependent = await startDependent(() => true, null);

    await dependent.refresh();

    expect(Object.keys(dependent.received[0]?.headers ?? {})).not.toContain("webhook-signature");
  });
});

describe("a step with a signed http-endpoint", () => {
  test("is lent the key", async () => {
    await using dependent = await startDependent(() => true);

    await step(dependent.target, "refresh");
    await step(dependent.target, "probe");

    const receive = createReceiver([KEY]);
    expect(dependent.received.map(({ headers, body }) => receive(headers, body))).toEqual([true, true]);
  });

  test.each([
    "orders/db",
    CHANGE.secretArn,
    "billing/db",
    "arn:aws:secretsmanager:eu-central-1:111122223333:secret:billing/db-GhIjKl",
    "billing/admin",
  ])(
    "is not lent %s, which a policy names as its own or its administrator's: their values are not for this function",
    async (secretId) => {
      await using dependent = await startDependent(() => true, { secretId });

      expect(await failure(step(dependent.target, "refresh"))).toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining(`The key for signing, ${secretId}, is a secret that a policy is for`),
      });
      expect(dependent.received).toEqual([]);
    },
  );

  async function step(target: unknown, action: "refresh" | "probe") {
    const strategy = "postgres-single-user";
    const policies = parsePolicies([
      {
        secretId: "orders/db",
        strategy,
        dependents: [{ name: "api", kind: "http-endpoint", application: "api", target }],
      },
      { secretId: "billing/db", strategy: "postgres-alternating-users", administratorSecretId: "billing/admin" },
    ]);
    const asked = { action, dependent: "api", ...CHANGE, final: false, judged: true };
    return stepDependent(policies, asked, new AbortController().signal, TOOLS);
  }
});

/** Reads KEY, whichever secret is named. */
const TOOLS: DependentTools = { readKey: async () => parseSigningKey(KEY) ?? Promise.reject(new Error("no key")) };

interface Forgery {
  readonly key?: string;
  readonly headers?: IncomingHttpHeaders;
  readonly more?: string;
  readonly aheadMs?: number;
}

interface Message {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A service that answers 401 to what it does not accept. */
async function startDependent(
  accepts: (headers: IncomingHttpHeaders, body: string) => boolean,
  signing: { readonly secretId: string } | null = { secretId: "rotor/webhook" },
) {
  const received: Message[] = [];
  const server = await startDouble(({ headers }, response, body) => {
    received.push({ headers, body });
    if (accepts(headers, body)) response.end(JSON.stringify({ versionId: CHANGE.versionId }));
    else response.writeHead(401).end();
  });
  const url = (path: string) => `${server.url}/${path}`;
  const urls = { refresh: url("refresh"), verify: url("health"), probe: url("probe") };
  const target = z.parse(httpEndpoint.target, { ...urls, ...(signing && { signing }) });
  const live = new AbortController().signal;
  return {
    target,
    received,
    refresh: async (tools = TOOLS) => httpEndpoint.refresh?.(target, CHANGE, live, tools),
    probe: async (tools = TOOLS) => httpEndpoint.probe?.(target, CHANGE, live, tools),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function failure(attempt: Promise<unknown>): Promise<Error> {
  return await attempt.then(
    () => new Error("It was accepted."),
    (error: Error) => error,
  );
}
