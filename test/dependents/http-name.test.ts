import type { LookupAddress } from "node:dns";
import { expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { httpEndpoint } from "../../core/dependents/index.ts";
import { startDouble } from "./http-double.ts";

/** What the names of this file lead to: no real name server can be made to lie. */
const { answers } = vi.hoisted(() => ({ answers: new Map<string, string[][]>() }));

vi.mock("node:dns", () => ({
  lookup: (name: string, _options: unknown, callback: (error: null, found: LookupAddress[]) => void) => {
    const found = answers.get(name)?.shift() ?? [];
    setImmediate(() =>
      callback(
        null,
        found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      ),
    );
  },
}));

const CHANGE = { secretArn: "arn", secretName: "orders/db", versionId: "1c8b4d63-a5e2-4f90-b4c7-6e3d2f10c07e" };
const NEVER = "leads to a link-local, metadata, multicast or unspecified address: such an address is never asked";
const ITSELF = "leads to this machine itself, and is not called localhost";
const PRIVATE =
  "leads to a private address, which the policy does not name: list its network in addresses, if that is meant";
const OUTSIDE = "leads to an address that is in none of the policy's addresses";

test.each([
  ["orders.internal", ["169.254.169.254"], NEVER],
  ["orders.internal", ["169.254.170.2"], NEVER],
  ["orders.internal", ["fe80::1"], NEVER],
  ["orders.internal", ["::ffff:169.254.169.254"], NEVER],
  ["orders.internal", ["64:ff9b::169.254.169.254"], NEVER],
  ["orders.internal", ["10.0.0.7", "169.254.169.254"], NEVER],
  ["orders.localhost", ["169.254.169.254"], NEVER],
  // Lambda's runtime and its extensions listen there.
  ["orders.internal", ["127.0.0.1"], ITSELF],
  ["orders.local", ["::1"], ITSELF],
  ["orders.example.com", ["127.0.0.1"], ITSELF],
  ["orders.example.com", ["::ffff:127.0.0.1"], ITSELF],
  ["orders.example.com", ["64:ff9b::127.0.0.1"], ITSELF],
  ["orders.example.com", ["10.0.0.7"], PRIVATE],
  ["orders.example.com", ["203.0.113.7", "192.168.1.1"], PRIVATE],
  ["orders.example.com", ["172.31.0.1"], PRIVATE],
  ["orders.example.com", ["100.64.0.1"], PRIVATE],
  ["orders.example.com", ["fd12::7"], PRIVATE],
  ["orders.example.com", ["64:ff9b::10.0.0.7"], PRIVATE],
])("the name %s that leads to %j is not asked at all", async (name, addresses, why) => {
  await using service = await startDouble((_, response) => response.end());

  await expect(ask(name, addresses, service.url)).rejects.toMatchObject({
    name: "ConfigurationInvalid",
    message: `The name ${name}:${new URL(service.url).port} ${why}.`,
  });
  expect(service.requests).toEqual([]);
});

test.each([
  ["orders.internal", ["127.0.0.1"], ["127.0.0.0/8"]],
  ["orders.internal", ["127.0.0.1"], ["10.0.0.0/8", "127.0.0.1/32"]],
  ["orders.localhost", ["::ffff:127.0.0.1"], ["127.0.0.1/32"]],
])("the name %s that leads to %j is asked where the policy lists %j", async (name, addresses, allowed) => {
  await using service = await startDouble((_, response) => response.end());

  await ask(name, addresses, service.url, allowed);

  expect(service.requests).toEqual(["GET /health"]);
});

test("a public name that leads to a private address is asked where the policy lists its network", async () => {
  await using service = await startDouble((_, response) => response.end());

  // It has got as far as TLS, which this service does not speak.
  await expect(ask("orders.example.com", ["127.0.0.1"], service.url, ["127.0.0.0/8"])).rejects.toMatchObject({
    name: "DependentNotReady",
    message: expect.stringMatching(/cannot be reached \((EPROTO|ERR_SSL_\w+|ECONNRESET)\)/),
  });
});

test.each([
  ["orders.internal", ["10.0.0.7"], ["10.20.0.0/16"], OUTSIDE],
  ["orders.example.com", ["203.0.113.7"], ["10.20.0.0/16"], OUTSIDE],
  ["orders.example.com", ["10.20.0.7", "10.21.0.7"], ["10.20.0.0/16"], OUTSIDE],
  ["orders.localhost", ["127.0.0.1"], ["10.20.0.0/16"], OUTSIDE],
  // Not even a policy makes these addresses of a dependent.
  ["orders.example.com", ["169.254.169.254"], ["0.0.0.0/0"], NEVER],
])("the name %s that leads to %j is not asked where the policy lists %j", async (name, addresses, allowed, why) => {
  await using service = await startDouble((_, response) => response.end());

  await expect(ask(name, addresses, service.url, allowed)).rejects.toMatchObject({
    name: "ConfigurationInvalid",
    message: expect.stringContaining(why),
  });
  expect(service.requests).toEqual([]);
});

test("a name is looked up once for each request, and the address that was checked is the one that is asked", async () => {
  await using service = await startDouble((_, response) => response.end());
  const { port } = new URL(service.url);
  answers.set("orders.localhost", [["127.0.0.1"], ["169.254.169.254"]]);

  await verify(`http://orders.localhost:${port}/health`);

  expect(service.requests).toEqual(["GET /health"]);
  expect(answers.get("orders.localhost")).toHaveLength(1);
});

/** Asks a name at the port of a real service, by the scheme that it may be asked by. */
function ask(name: string, addresses: string[], url: string, allowed?: readonly string[]) {
  answers.set(name, [addresses]);
  const scheme = name.endsWith(".com") ? "https" : "http";
  return verify(`${scheme}://${name}:${new URL(url).port}/health`, allowed);
}

function verify(url: string, addresses?: readonly string[]) {
  const target = z.parse(httpEndpoint.target, { verify: url, addresses });
  return httpEndpoint.verify(target, CHANGE, new AbortController().signal);
}
