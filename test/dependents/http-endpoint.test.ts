import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import type { HttpEndpoint } from "../../core/dependents/http-target.ts";
import { httpEndpoint } from "../../core/dependents/index.ts";
import { RotationError } from "../../core/errors.ts";
import { testDependent } from "../contracts/dependent.ts";
import { type Answer, startDouble } from "./http-double.ts";
import { startHttpWorld } from "./http-world.ts";

testDependent({ kind: httpEndpoint, world: startHttpWorld });

const OLD = "0b7a3c52-94d1-4e8f-a3b6-5d2c1e0f9f21";
const NEW = "1c8b4d63-a5e2-4f90-b4c7-6e3d2f10c07e";
const CHANGE = {
  secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf",
  secretName: "orders/db",
  versionId: NEW,
};

const PLACE = 'version must be {header: "<its name>"} or {json: "<fields, with a dot between>"}';
const NETWORKS = 'addresses must be 1 to 20 networks, such as "10.20.0.0/16"';
const SIGNING =
  "signing must be an object with secretId, the name or ARN of the key's secret, and kmsKeyArn where it has a key of yours";

describe("what an http-endpoint answers", () => {
  test.each([
    [429, "Throttled", "did not accept"],
    [408, "TargetUnavailable", "did not accept"],
    [425, "TargetUnavailable", "did not accept"],
    [500, "TargetUnavailable", "did not accept"],
    [503, "TargetUnavailable", "did not accept"],
    [301, "ConfigurationInvalid", "did not accept"],
    [400, "DependentUnhealthy", "refused"],
    [404, "DependentUnhealthy", "refused"],
    [422, "DependentUnhealthy", "refused"],
  ])("status %i to a refresh or a probe is %s", async (status, name, words) => {
    await using dependent = await startDependent((_, response) => response.writeHead(status).end());

    const refresh = await failure(dependent.refresh());
    const probe = await failure(dependent.probe());

    expect([refresh.name, probe.name]).toEqual([name, name]);
    expect(refresh.message).toContain(`${dependent.host} ${words} the refresh with status ${status}`);
    expect(probe.message).toContain(`${dependent.host} ${words} the probe with status ${status}`);
  });

  test.each([301, 401, 404, 429, 500, 503])("status %i to a verify is DependentNotReady", async (status) => {
    await using dependent = await startDependent((_, response) =>
      response.writeHead(status, { "rotation-version-id": NEW }).end(JSON.stringify({ versionId: NEW })),
    );

    const error = await failure(dependent.verify());

    expect(error.name).toBe("DependentNotReady");
    expect(error.message).toContain(`${dependent.host} is not healthy: it answered with status ${status}`);
  });

  test("to a verify may name the version in the body or in the header", async () => {
    await using inBody = await startDependent((_, response) => response.end(JSON.stringify({ versionId: NEW })));
    await using inHeader = await startDependent((_, response) =>
      response.writeHead(204, { "rotation-version-id": NEW }).end(),
    );

    for (const dependent of [inBody, inHeader]) {
      expect(await dependent.verify()).toEqual({
        strength: "claimed",
        seen: `${dependent.host} says that its newest authentication used version ${NEW}`,
      });
    }
  });

  test("to a verify may name another version: both are in the message", async () => {
    await using dependent = await startDependent((_, response) => response.end(JSON.stringify({ versionId: OLD })));

    const { name, message } = await failure(dependent.verify());

    expect(name).toBe("DependentNotReady");
    expect(message).toBe(`${dependent.host} reports version ${OLD}, expected version ${NEW}.`);
  });

  test.each(["", "ok", "[]", "null", "{}", '{"versionId"'])("to a verify is weak when it is %j", async (body) => {
    await using dependent = await startDependent((_, response) => response.end(body));

    expect((await dependent.verify()).strength).toBe("weak");
  });

  test("to a probe must name the version: without it, it has proved nothing", async () => {
    await using dependent = await startDependent((_, response) => response.end("{}"));

    expect((await failure(dependent.probe())).message).toContain("it proved nothing");
  });

  test.each([
    [{ json: "credential.versionId" }, {}, { credential: { versionId: NEW }, versionId: OLD }],
    [
      { header: "X-Credential-Version" },
      { "x-credential-version": NEW, "rotation-version-id": OLD },
      { versionId: OLD },
    ],
  ])(
    "may name the version where the policy says, %j, and is not looked at elsewhere",
    async (version, headers, body) => {
      await using dependent = await startDependent(
        (_, response) => response.writeHead(200, headers).end(JSON.stringify(body)),
        { version },
      );

      expect((await dependent.verify()).strength).toBe("claimed");
      await dependent.probe();
    },
  );

  test.each([
    [{ json: "credential.versionId" }, {}, { versionId: NEW }],
    [{ json: "credential.versionId" }, {}, { credential: null }],
    [{ json: "credential.versionId" }, {}, { credential: { versionId: null } }],
    [{ json: "credential.versionId" }, {}, { credential: { versionId: OLD } }],
    [{ json: "constructor.name" }, {}, {}],
    [{ header: "x-credential-version" }, { "rotation-version-id": NEW }, { versionId: NEW }],
    [{ header: "x-credential-version" }, { "x-credential-version": "" }, { versionId: NEW }],
  ])("has to name it there, %j, with the headers %j and the body %j it does not", async (version, headers, body) => {
    await using dependent = await startDependent(
      (_, response) => response.writeHead(200, headers).end(JSON.stringify(body)),
      { version },
    );

    expect((await failure(dependent.verify())).name).toBe("DependentNotReady");
    expect((await failure(dependent.probe())).name).toBe("DependentUnhealthy");
  });

  test("to a refresh is not read: its length does not matter", async () => {
    await using dependent = await startDependent((_, response) => response.writeHead(202).end("x".repeat(1_000_000)));

    await dependent.refresh();
  });

  test("is read up to 64 KiB", async () => {
    const padding = (bytes: number) => `{"versionId":"${NEW}"}`.padEnd(bytes);
    await using fits = await startDependent((_, response) => response.end(padding(65_536)));
    await using exceeds = await startDependent((_, response) => response.end(padding(65_537)));

    expect((await fits.verify()).strength).toBe("claimed");
    expect((await failure(exceeds.verify())).message).toContain("more than 64 KiB");
  });
});

describe("what an http-endpoint is asked", () => {
  test("names its purpose, the secret and the version, and nothing else", async () => {
    const bodies: unknown[] = [];
    await using dependent = await startDependent((request, response, text) => {
      bodies.push([request.method, request.headers["content-type"], JSON.parse(text)]);
      response.end(JSON.stringify({ versionId: NEW }));
    });

    await dependent.refresh();
    await dependent.probe();

    const ids = { secretId: CHANGE.secretArn, versionId: NEW };
    expect(bodies).toEqual([
      ["POST", "application/json", { action: "refresh", ...ids }],
      ["POST", "application/json", { action: "probe", ...ids }],
    ]);
  });

  test("is nothing where the target has no refresh or probe", async () => {
    const target = z.parse(httpEndpoint.target, { verify: "https://orders.example.com/health" });

    await httpEndpoint.refresh?.(target, CHANGE, live());
    await httpEndpoint.probe?.(target, CHANGE, live());

    expect(httpEndpoint.canProbe?.(target)).toBe(false);
    expect(httpEndpoint.canProbe?.({ ...target, probe: target.verify })).toBe(true);
  });

  test("may be asked again where nobody listens", async () => {
    const dependent = await startDependent(() => {});
    await dependent[Symbol.asyncDispose]();

    expect(await failure(dependent.refresh())).toMatchObject({
      name: "TargetUnavailable",
      message: `${dependent.host} cannot be reached (ECONNREFUSED).`,
    });
    expect((await failure(dependent.verify())).name).toBe("DependentNotReady");
  });
});

describe("the actions of an http-endpoint", () => {
  const arn = (service: string, resource: string) => `arn:aws:${service}:eu-central-1:111122223333:${resource}`;
  const rows = (signing?: HttpEndpoint["signing"]) => {
    const target = { verify: "https://a.example/", refresh: "https://a.example/", timeoutSeconds: 5, signing };
    return httpEndpoint.actions?.map(({ action, on, when }) => [action, on(target, arn), when?.(target, arn)]);
  };
  const VIA = { StringEquals: { "kms:ViaService": ["secretsmanager.eu-central-1.amazonaws.com"] } };

  test("are none without a key for signing", () => {
    expect(rows()?.flatMap(([, on]) => on)).toEqual([]);
  });

  test("are to read that key", () => {
    const kmsKeyArn = arn("kms", "key/0f1e2d3c");

    expect(rows({ secretId: "rotor/webhook", kmsKeyArn })).toEqual([
      ["secretsmanager:GetSecretValue", [arn("secretsmanager", "secret:rotor/webhook-??????")], undefined],
      ["kms:Decrypt", [kmsKeyArn], VIA],
    ]);
    expect(rows({ secretId: arn("secretsmanager", "secret:rotor/webhook-AbCdEf") })?.map(([, on]) => on)).toEqual([
      [arn("secretsmanager", "secret:rotor/webhook-AbCdEf")],
      [],
    ]);
  });
});

describe("the target of an http-endpoint", () => {
  test.each([
    "https://orders.example.com/health?deep=1",
    "https://10.1.2.3/health",
    "http://127.0.0.1:4001/health",
    "http://localhost:4001/health",
    "http://[::1]:4001/health",
    "http://10.0.0.1/health",
    "http://100.64.0.1/health",
    "http://[64:ff9b::10.0.0.1]/health",
    "http://172.31.255.255/health",
    "http://192.168.1.1/health",
    "http://[fd12:3456::1]/health",
    "http://orders.production.internal/health",
    "http://orders.local./health",
  ])("may be %s", (verify) => {
    expect(z.parse(httpEndpoint.target, { verify })).toEqual({ verify, timeoutSeconds: 5 });
  });

  test.each([
    ["orders/health", "must be a URL that begins with https:// or http://"],
    ["file:///etc/passwd", "must be a URL that begins with https:// or http://"],
    ["https://user:word@orders.example.com/", "must not carry credentials"],
    ["https://user@orders.example.com/", "must not carry credentials"],
    ["http://orders.example.com/health", "must begin with https://"],
    ["http://8.8.8.8/health", "must begin with https://"],
    ["http://172.32.0.1/health", "must begin with https://"],
    ["http://internal.example.com/health", "must begin with https://"],
    ["http://notlocal/health", "must begin with https://"],
    [
      "http://169.254.169.254/latest/meta-data/",
      "must not name a link-local, metadata, multicast or unspecified address",
    ],
    ["https://169.254.170.2/v2/credentials", "must not name a link-local, metadata, multicast or unspecified address"],
    ["http://0xa9fea9fe/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["http://2852039166/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["http://[fe80::1]/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["http://[fd00:ec2::254]/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["http://[::ffff:169.254.169.254]/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["https://[64:ff9b::169.254.169.254]/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["http://0.0.0.0:9001/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["http://[::]:9001/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["https://224.0.0.1/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["https://255.255.255.255/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["https://[ff02::1]/", "must not name a link-local, metadata, multicast or unspecified address"],
    ["https://[2002:a9fe:a9fe::1]/", "must not name a link-local, metadata, multicast or unspecified address"],
  ])("may not be %s", (url, fault) => {
    for (const field of ["refresh", "verify", "probe"]) {
      const parsed = z.safeParse(httpEndpoint.target, { verify: "https://orders.example.com/", [field]: url });
      expect(parsed.error?.issues).toMatchObject([
        { path: [field], message: expect.stringContaining(`${field} ${fault}`) },
      ]);
      expect(JSON.stringify(parsed.error?.issues)).not.toContain(url);
    }
  });

  test.each([
    [undefined, "the target must be an object with at least verify, a URL"],
    ["https://orders.example.com/", "the target must be an object with at least verify, a URL"],
    [{}, "verify must be a URL"],
    [{ verify: 1 }, "verify must be a URL"],
    [{ verify: "https://a.example/", timeoutSeconds: 0 }, "timeoutSeconds must be a whole number from 1 to 20"],
    [{ verify: "https://a.example/", timeoutSeconds: 20.5 }, "timeoutSeconds must be a whole number from 1 to 20"],
    [{ verify: "https://a.example/", timeoutSeconds: 21 }, "timeoutSeconds must be a whole number from 1 to 20"],
    [
      { verify: "https://a.example/", health: "/" },
      "there is no field health: the fields are refresh, verify, probe, version, addresses, signing and timeoutSeconds",
    ],
    [{ verify: "https://a.example/", version: "json" }, PLACE],
    [{ verify: "https://a.example/", version: {} }, PLACE],
    [{ verify: "https://a.example/", version: { header: "x version" } }, PLACE],
    [{ verify: "https://a.example/", version: { json: "a..b" } }, PLACE],
    [{ verify: "https://a.example/", version: { json: "a", header: "b" } }, PLACE],
    [{ verify: "https://a.example/", addresses: [] }, NETWORKS],
    [{ verify: "https://a.example/", addresses: "10.0.0.0/8" }, NETWORKS],
    [{ verify: "https://a.example/", addresses: ["10.0.0.0"] }, NETWORKS],
    [{ verify: "https://a.example/", addresses: ["10.0.0.0/33"] }, NETWORKS],
    [{ verify: "https://a.example/", addresses: ["fd12::/129"] }, NETWORKS],
    [{ verify: "https://a.example/", addresses: ["orders.internal/8"] }, NETWORKS],
    [{ verify: "https://10.1.0.7/", addresses: ["10.20.0.0/16"] }, "verify must name an address that is in addresses"],
    [
      { verify: "https://a.example/", signing: { secretId: "rotor/key" } },
      "signing signs refresh and probe, and there is neither",
    ],
    [{ verify: "https://a.example/", refresh: "https://a.example/", signing: "rotor/key" }, SIGNING],
    [{ verify: "https://a.example/", refresh: "https://a.example/", signing: { key: "x" } }, SIGNING],
  ])("may not be %j", (target, message) => {
    expect(z.safeParse(httpEndpoint.target, target).error?.issues[0]?.message).toBe(message);
  });
});

async function startDependent(answer: Answer, more: Partial<HttpEndpoint> = {}) {
  const server = await startDouble(answer);
  const url = (path: string) => `${server.url}/${path}`;
  const target = z.parse(httpEndpoint.target, {
    refresh: url("refresh"),
    verify: url("health"),
    probe: url("probe"),
    timeoutSeconds: 5,
    ...more,
  });
  return {
    host: new URL(server.url).host,
    refresh: async () => httpEndpoint.refresh?.(target, CHANGE, live()),
    verify: () => httpEndpoint.verify(target, CHANGE, live()),
    probe: async () => httpEndpoint.probe?.(target, CHANGE, live()),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function live(): AbortSignal {
  return new AbortController().signal;
}

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error = await attempt.then(
    () => new Error("It was accepted."),
    (reason: unknown) => reason,
  );
  if (error instanceof RotationError) return error;
  throw error;
}
