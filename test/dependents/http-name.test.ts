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

test.each([
  [["169.254.169.254"]],
  [["169.254.170.2"]],
  [["fe80::1"]],
  [["::ffff:169.254.169.254"]],
  [["127.0.0.1", "169.254.169.254"]],
])("a name that leads to %j is not asked at all", async (addresses) => {
  await using service = await startDouble((_, response) => response.end());
  const { port } = new URL(service.url);
  answers.set("orders.internal", [addresses]);

  await expect(verify(`http://orders.internal:${port}/health`)).rejects.toMatchObject({
    name: "ConfigurationInvalid",
    message: `The name orders.internal:${port} leads to a link-local, metadata or unspecified address: such an address is never asked.`,
  });
  expect(service.requests).toEqual([]);
});

test("a name is looked up once for each request, and the address that was checked is the one that is asked", async () => {
  await using service = await startDouble((_, response) => response.end());
  const { port } = new URL(service.url);
  answers.set("orders.internal", [["127.0.0.1"], ["169.254.169.254"]]);

  await verify(`http://orders.internal:${port}/health`);

  expect(service.requests).toEqual(["GET /health"]);
  expect(answers.get("orders.internal")).toHaveLength(1);
});

function verify(url: string) {
  return httpEndpoint.verify(z.parse(httpEndpoint.target, { verify: url }), CHANGE, new AbortController().signal);
}
