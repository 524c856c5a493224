import type { LookupAddress } from "node:dns";
import { afterAll, describe, expect, test, vi } from "vitest";
import { readTarget } from "../../core/dependent-target.ts";
import type { SecretChange } from "../../core/dependents/dependent.ts";
import { httpTarget } from "../../core/dependents/http-target.ts";
import { httpEndpoint } from "../../core/dependents/index.ts";
import { findKind, kindNames } from "../../core/dependents/registry.ts";
import { RotationError } from "../../core/errors.ts";
import { parse } from "../../core/parse.ts";
import { startDouble } from "../dependents/http-double.ts";
import { CONTROLS, counted, TEXTS } from "./payloads.ts";
import { fieldsOf } from "./schema-fields.ts";

/** What every name of this file leads to: no real name server can be made to lie. */
const { answer } = vi.hoisted(() => ({ answer: { addresses: [] as string[] } }));
vi.mock("node:dns", () => ({
  lookup: (_name: string, _options: unknown, callback: (error: null, found: LookupAddress[]) => void) => {
    const found = answer.addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    setImmediate(() => callback(null, found));
  },
}));

const CHANGE: SecretChange = {
  secretArn: "arn",
  secretName: "orders/db",
  versionId: "1c8b4d63-a5e2-4f90-b4c7-6e3d2f10c07e",
};

/** Fields of a dependent's target that say where something is, and what they are to whoever could choose them. */
const PLACES: Readonly<Record<string, "url" | "network" | "name" | "id" | "choice" | "number" | "in the answer">> = {
  "http-endpoint refresh": "url",
  "http-endpoint verify": "url",
  "http-endpoint probe": "url",
  "http-endpoint addresses[]": "network",
  "http-endpoint version.header": "in the answer",
  "http-endpoint version.json": "in the answer",
  // Secrets Manager is asked for them, and KMS, by the SDK, which chooses the host.
  "http-endpoint signing.secretId": "id",
  "http-endpoint signing.kmsKeyArn": "id",
  "http-endpoint timeoutSeconds": "number",
  "ecs-service cluster": "name",
  "ecs-service service": "name",
  "ecs-service timeoutSeconds": "number",
  "lambda-function functionName": "name",
  "lambda-function invoke[]": "choice",
  "lambda-function timeoutSeconds": "number",
  "database-sessions stragglers": "choice",
};
const of = (what: string) => Object.keys(PLACES).filter((field) => PLACES[field] === what);

/**
 * Addresses that nobody may ask, 169.254.169.254 in the ways in which a URL may have it. Loopback and private addresses are none of
 * them: a URL may name one, unless the policy lists networks. See ELSEWHERE.
 */
const FORBIDDEN_HOSTS = [
  "169.254.169.254",
  "2852039166",
  "0xa9fea9fe",
  "0xA9.0xFE.0xA9.0xFE",
  "0251.0376.0251.0376",
  "0251.254.0xa9.254",
  "169.254.43518",
  "169.16689662",
  "169.254.169.254.",
  "%31%36%39.254.169.254",
  "１６９.２５４.１６９.２５４",
  "169。254。169。254",
  "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
  "[::ffff:169.254.169.254]",
  "[::ffff:a9fe:a9fe]",
  "[0:0:0:0:0:ffff:a9fe:a9fe]",
  "[64:ff9b::a9fe:a9fe]",
  "[2002:a9fe:a9fe::]",
  "[fd00:ec2::254]",
  "[fe80::a9fe:a9fe]",
  "169.254.170.2",
  "169.254.170.23",
  "0",
  "0.0.0.0",
  "0x0",
  "[::]",
  "[::ffff:0.0.0.0]",
  "224.0.0.251",
  "255.255.255.255",
  "[ff02::fb]",
];

/** An IPv4 address in the ways in which a URL may have it: by numbers, letters, signs and within IPv6. */
function spellingsOf(address: string): readonly string[] {
  const parts = address.split(".").map(Number) as [number, number, number, number];
  const [a, b, c, d] = parts;
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = (n: number) => n.toString(16);
  const wide = (text: string) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
  const mapped = `${hex(a * 256 + b)}:${hex(c * 256 + d)}`;
  return [
    address,
    `${address}.`,
    String(whole),
    `0x${hex(whole)}`,
    `0${whole.toString(8)}`,
    parts.map((part) => `0x${hex(part).toUpperCase()}`).join("."),
    parts.map((part) => `0${part.toString(8)}`).join("."),
    `0${a.toString(8)}.${b}.0x${hex(c)}.${d}`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    address.replace(/^\d+/, (digits) => [...digits].map((digit) => `%3${digit}`).join("")),
    wide(address),
    wide(address).replaceAll(".", "。"),
    address.replaceAll(".", "．"),
    address.replace(/[1-9]/g, (digit) => String.fromCodePoint(0x245f + Number(digit))),
    `[::ffff:${address}]`,
    `[::ffff:${mapped}]`,
    `[0:0:0:0:0:ffff:${mapped}]`,
    `[0000:0000:0000:0000:0000:FFFF:${mapped}]`,
  ];
}

/** Loopback and private addresses, the network of each, and how else it may be written than it is an address of that network. */
const ELSEWHERE = [
  ["127.0.0.1", "127.0.0.0/8", ["[64:ff9b::7f00:1]", "[::127.0.0.1]", "[::1]", "[0:0:0:0:0:0:0:1]"]],
  ["10.11.12.13", "10.0.0.0/8", ["[64:ff9b::a0b:c0d]", "[::10.11.12.13]", "[fd12::a0b:c0d]"]],
] as const;

/** Where a text of an attack would lead as a host. All others are refused. */
const HOSTS: Readonly<Record<string, string>> = {
  "a backslash at the end": "x",
  "a backslash before a quote": "x",
  "doubled quotes": "x''\"\"``",
  comments: "x",
  "a URL": "postgres",
  // URLs lose line breaks.
  "commands of Redis": "x*4$3acl$7setuser$6victim$6nopass",
  "rules of Redis": "nopass",
  "everybody in PostgreSQL": "public",
  "a keyword of PostgreSQL": "current_user",
  "a letter that looks the same": "xn--vctim-n2e",
  "an invisible letter": "victim",
  "capital letters": "victim",
  emoji: "xn--x-n22s",
  "a prototype": "__proto__",
  "another prototype": "constructor.prototype",
  "a very long text": "x".repeat(20_000),
};

const SCHEMES = [
  "file:///etc/passwd",
  "ftp://orders.example.com/",
  "gopher://127.0.0.1:6379/_FLUSHALL",
  "dict://127.0.0.1:11211/stats",
  "unix:///var/run/docker.sock",
  "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
  "data:text/plain,x",
  "javascript:alert(1)",
  "blob:https://orders.example.com/1",
  "ws://orders.example.com/",
  "//169.254.169.254/",
  "https:",
  "https://",
  "https://orders.example.com:99999/",
  "https://orders.example.com:-1/",
  "https://[::1/",
  "https://a b.example/",
];

const USERS = [
  "https://user:word@orders.example.com/",
  "https://orders.example.com@evil.example/",
  "https://:x@a.example/",
];

/** Where a name may lead that nobody has allowed it. */
const PRIVATE = ["127.0.0.1", "127.8.8.8", "10.0.0.7", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::7"];
const NEVER = [
  "169.254.169.254",
  "169.254.170.2",
  "0.0.0.0",
  "fe80::1",
  "fd00:ec2::254",
  "::ffff:169.254.169.254",
  "::",
  "224.0.0.1",
];

let runs = 0;
afterAll(() => {
  const payloads = FORBIDDEN_HOSTS.length + SCHEMES.length + USERS.length + PRIVATE.length + NEVER.length;
  counted("requests to forged places", { fields: Object.keys(PLACES).length, payloads, runs });
});

test("every field of every kind of dependent is in the table", () => {
  const fields = kindNames.flatMap((name) =>
    fieldsOf(findKind(name)?.target ?? httpTarget).map(({ path }) => `${name} ${path}`),
  );
  expect(fields.sort()).toEqual(Object.keys(PLACES).sort());
});

describe.each(of("url"))("%s", (field) => {
  const key = field.split(" ")[1] ?? "";
  const problems = (url: string) => {
    runs += 1;
    const parsed = parse(httpTarget, { verify: "https://orders.example.com/", [key]: url });
    return parsed.success ? undefined : parsed.problems;
  };

  test.each(FORBIDDEN_HOSTS)("may not name %s, by http or https, whatever its port", (host) => {
    for (const url of [`https://${host}/`, `http://${host}/`, `https://${host}:8443/latest/meta-data/`]) {
      expect([url, problems(url)]).toEqual([url, expect.stringContaining(`${key} must not name`)]);
    }
  });

  test.each(SCHEMES)("may not be %s", (url) => {
    expect(problems(url)).toContain(`${key} must be a URL that begins with https:// or http://`);
  });

  test.each(USERS)("may not carry credentials: %s", (url) => {
    expect(problems(url)).toContain("must not carry credentials");
  });

  const hostOf = (url: string) => {
    runs += 1;
    const parsed = parse(httpTarget, { verify: "https://orders.example.com/", [key]: url });
    return parsed.success ? new URL(String((parsed.data as Record<string, unknown>)[key])).hostname : "refused";
  };

  test("may have any text of an attack in its path, query or fragment: the host is the same", () => {
    for (const text of [
      ...Object.values({ ...TEXTS, ...CONTROLS }),
      "@evil.example/",
      ":x@evil.example",
      "//evil.example/",
    ]) {
      for (const before of ["/", "/?q=", "/#", "/a/../", "?", "#"]) {
        const url = `https://orders.example.com${before}${text}`;
        expect([url, hostOf(url)]).toEqual([url, "orders.example.com"]);
      }
    }
  });

  test.each(Object.entries(TEXTS))(
    "may not be %s; with that as a host it leads to the very name, or is refused",
    (what, text) => {
      expect([hostOf(text), hostOf(`https://${text}/`)]).toEqual(["refused", HOSTS[what] ?? "refused"]);
    },
  );

  test.each(ELSEWHERE)(
    "may not name %s in any of its spellings where the policy lists other networks",
    (address, network, more) => {
      const problemsWith = (host: string, addresses: readonly string[]) => {
        runs += 1;
        const parsed = parse(httpTarget, { verify: "https://203.0.113.7/", [key]: `https://${host}:8443/`, addresses });
        return parsed.success ? undefined : parsed.problems;
      };
      const others = ["203.0.113.0/24", "192.168.0.0/16", "2001:db8::/32"];
      for (const host of [...spellingsOf(address), ...more]) {
        expect([host, problemsWith(host, others)]).toEqual([
          host,
          expect.stringContaining(`${key} must name an address`),
        ]);
      }
      // Each is that very address: where the policy lists its network, nothing is wrong with it.
      for (const host of spellingsOf(address)) {
        expect([host, problemsWith(host, [...others, network])]).toEqual([host, undefined]);
      }
      for (const host of more) {
        expect([host, problemsWith(host, [...others, network])]).toEqual([
          host,
          expect.stringContaining(`${key} must name`),
        ]);
      }
    },
  );

  test("is never asked where its name leads to a place that nobody has allowed", async () => {
    await using service = await startDouble((_, response) => response.end());
    const { port } = new URL(service.url);
    const names = [
      ["https://orders.example.com", [...PRIVATE, ...NEVER]],
      ["https://orders.internal", ["127.0.0.1", "::1", ...NEVER]],
      ["http://orders.localhost", NEVER],
      ["https://127.0.0.1.example.com", PRIVATE],
      ["https://localhost.example.com", PRIVATE],
    ] as const;
    for (const [origin, addresses] of names) {
      for (const address of addresses) {
        // Also where only one of several answers is such a place.
        for (const all of [[address], ["203.0.113.7", address]]) {
          answer.addresses = all;
          runs += 1;
          const error = await ask(key, `${origin}:${port}/`).catch((reason: unknown) => reason);
          expect([origin, address, error]).toEqual([origin, address, expect.any(RotationError)]);
          expect(error).toMatchObject({ name: "ConfigurationInvalid", message: expect.stringContaining("leads to") });
        }
      }
    }
    expect(service.requests).toEqual([]);
  });

  test.each([301, 302, 303, 307, 308])("follows no redirect with status %i, wherever it leads", async (status) => {
    await using inner = await startDouble((_, response) => response.end());
    for (const location of [
      "http://169.254.169.254/",
      inner.url,
      "//evil.example/",
      "file:///etc/passwd",
      "\u0001",
      "",
    ]) {
      await using service = await startDouble((_, response) =>
        response.writeHead(status, { location: encodeURI(location) }).end(),
      );
      runs += 1;
      const error = await ask(key, service.url).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message: expect.stringContaining("redirects are not followed") });
      expect((error as Error).message).not.toContain("evil");
      expect(service.requests).toHaveLength(1);
    }
    expect(inner.requests).toEqual([]);
  });
});

test.each([...of("name"), ...of("network")])("%s takes no text that means anything to a URL or an ARN", (field) => {
  const [kind = "", path = ""] = field.split(" ");
  const target = {
    cluster: "orders",
    service: "orders",
    functionName: "orders",
    verify: "https://orders.example.com/",
  };
  const known = fieldsOf(findKind(kind)?.target ?? httpTarget).map((each) => each.path);
  const base = Object.fromEntries(Object.entries(target).filter(([key]) => known.includes(key)));
  for (const text of [
    ...Object.values(TEXTS),
    ...FORBIDDEN_HOSTS.map((host) => `https://${host}/`),
    "a/../b",
    "arn:aws:ecs:x",
  ]) {
    const [key = "", isList] = path.endsWith("[]") ? [path.slice(0, -2), true] : [path, false];
    runs += 1;
    const dependent = {
      name: "api",
      kind,
      target: { ...base, [key]: isList ? [text] : text },
      evidence: "weak" as const,
      required: true,
    };
    const read = () => readTarget(dependent);
    // A name of letters is a name, whatever it means elsewhere.
    if (/^[\w-]{1,64}$/.test(text)) continue;
    expect(read).toThrow(
      expect.objectContaining({ name: "ConfigurationInvalid", message: expect.stringContaining("api") }),
    );
  }
});

/** What a text may be that is an id, a name or a choice, and is no place: everything else is refused by the field's name. */
const TEXTS_TAKEN: Readonly<Record<string, RegExp>> = {
  // Secrets Manager and KMS are given them as they are, as one field of a request's JSON.
  "http-endpoint signing.secretId": /^[\s\S]{1,2048}$/,
  "http-endpoint signing.kmsKeyArn": /^[\s\S]{1,2048}$/,
  "http-endpoint version.header": /^[A-Za-z0-9-]{1,64}$/,
  "http-endpoint version.json": /^[\w-]{1,64}(\.[\w-]{1,64}){0,7}$/,
  "lambda-function invoke[]": /^(verify|probe)$/,
  "database-sessions stragglers": /^(refuse|report)$/,
};

test("every id, choice and place in an answer has a rule here", () => {
  expect(Object.keys(TEXTS_TAKEN).sort()).toEqual([...of("id"), ...of("choice"), ...of("in the answer")].sort());
});

describe.each(Object.entries(TEXTS_TAKEN))("%s", (field, taken) => {
  test("takes a text that it is for as it is, and refuses every other one without repeating it", () => {
    const [kind = "", path = ""] = field.split(" ");
    for (const text of [...Object.values({ ...TEXTS, ...CONTROLS }), "verify", "refuse", "x-version", "a.b"]) {
      runs += 1;
      const parsed = parse(findKind(kind)?.target ?? httpTarget, targetWith(kind, path, text));
      expect([text, parsed.success]).toEqual([text, taken.test(text)]);
      if (parsed.success) expect(textsIn(parsed.data)).toContain(text);
      else if (text.length > 12) expect(parsed.problems).not.toContain(text);
    }
  });
});

test.each(of("id"))("%s is in no request, whatever text it is", async (field) => {
  const [kind = "", path = ""] = field.split(" ");
  const received: string[] = [];
  await using service = await startDouble(({ url, rawHeaders }, response, body) => {
    received.push(JSON.stringify([url, rawHeaders, body]));
    response.end();
  });
  const texts = Object.values({ ...TEXTS, ...CONTROLS }).filter((text) => TEXTS_TAKEN[field]?.test(text));
  for (const text of texts) {
    runs += 1;
    const target = { ...targetWith(kind, path, text), refresh: `${service.url}/refresh` };
    const parsed = parse(httpTarget, target);
    if (!parsed.success) throw new Error(parsed.problems);
    const read: string[] = [];
    const readKey = async (secretId: string) => {
      read.push(secretId);
      return Buffer.alloc(32, 1);
    };
    await httpEndpoint.refresh?.(parsed.data, CHANGE, new AbortController().signal, { readKey });

    expect(read).toEqual([path === "signing.secretId" ? text : "orders/key"]);
    const body = JSON.stringify({ action: "refresh", secretId: CHANGE.secretArn, versionId: CHANGE.versionId });
    const [url, headers, sent] = JSON.parse(received.at(-1) ?? "[]") as [string, string[], string];
    expect([url, sent]).toEqual(["/refresh", body]);
    // A signature may have any few letters.
    if (text.length > 5) expect(headers.join("\n").toLowerCase()).not.toContain(text.toLowerCase());
  }
  expect(received).toHaveLength(texts.length);
});

/** A target of that kind that is valid but for the field at `path`. */
function targetWith(kind: string, path: string, text: string): Record<string, unknown> {
  const target: Record<string, unknown> =
    kind === "http-endpoint"
      ? { verify: "https://orders.example.com/", refresh: "https://orders.example.com/refresh" }
      : kind === "lambda-function"
        ? { functionName: "orders" }
        : {};
  const [first = "", second] = path.replace("[]", "").split(".");
  if (path.endsWith("[]")) return { ...target, [first]: [text] };
  if (second === undefined) return { ...target, [first]: text };
  return { ...target, [first]: { ...(first === "signing" && { secretId: "orders/key" }), [second]: text } };
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

async function ask(key: string, url: string): Promise<unknown> {
  const parsed = parse(httpTarget, { verify: url, [key]: url, timeoutSeconds: 5 });
  if (!parsed.success) throw new Error(parsed.problems);
  const { signal } = new AbortController();
  return key === "verify"
    ? httpEndpoint.verify(parsed.data, CHANGE, signal)
    : httpEndpoint[key as "refresh" | "probe"]?.(parsed.data, CHANGE, signal);
}
