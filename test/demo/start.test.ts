import { createServer } from "node:net";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { DescribeSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  descendantsOf,
  leftBehind,
  NOTHING,
  type OwnDirectories,
  type OwnProcess,
  ownDirectories,
  PROJECT,
  run,
} from "../support/own-process.ts";

const START = join(PROJECT, "local/demo/start.mjs");
const DEMO_MS = 120_000;

let own: OwnDirectories;
beforeAll(async () => {
  own = await ownDirectories();
});
afterAll(() => own[Symbol.asyncDispose]());

function startDemo(...argv: string[]): OwnProcess {
  return run(process.execPath, [START, ...argv], own);
}

describe("npm start", () => {
  test(
    "with --keep shows two rotations and a rollback, then leaves an account that others can use; npm killed, it leaves nothing",
    async () => {
      const demo = run("npm", ["start", "--silent", "--", "--keep"], own);
      await demo.wrote("Ctrl-C ends it.");
      const output = demo.output();
      expect(output).toContain("expectations hold");
      expect(output).not.toContain("not so:");
      expect(output).toBe(stripVTControlCharacters(output));
      expect(output).toMatch(/demo\/orders-db {2}! ConvergeDependents/);
      expect(output).toMatch(/billing-worker +Refresh .*DependentUnhealthy/);
      expect(output).toMatch(/Production works: it is back on the old version [0-9a-f]{8}/);

      const environment = Object.fromEntries(
        [...output.matchAll(/^export (AWS_\w+)=(\S+)$/gm)].map((match) => [match[1], match[2]]),
      );
      const client = new SecretsManagerClient({
        endpoint: environment["AWS_ENDPOINT_URL"] ?? "",
        region: environment["AWS_REGION"] ?? "",
        credentials: {
          accessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
          secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
        },
      });
      const secret = await client.send(new DescribeSecretCommand({ SecretId: "demo/orders-db" }));
      expect(Object.values(secret.VersionIdsToStages ?? {}).flat()).toContain("AWSCURRENT");

      // Before what is there to paste: the page of the account.
      const [, url = ""] = /^(http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}\/)$/m.exec(output) ?? [];
      expect(output.indexOf(url)).toBeLessThan(output.indexOf("unset AWS_PROFILE"));
      expect(await (await fetch(url)).text()).toContain('<div id="root">');
      const shown: unknown = await (await fetch(`${url}api/runs/${encodeURIComponent("demo/orders-db")}`)).json();
      expect(shown).toMatchObject({ run: { outcome: "ROLLED_BACK", secret: { name: "demo/orders-db" } } });
      expect(output).toMatch(/^rotor view --open$/m);

      const pids = descendantsOf(demo.child.pid ?? 0);
      // Three services, the page, and PostgreSQL with its supervisor at least.
      expect(pids.length).toBeGreaterThanOrEqual(6);
      demo.child.kill("SIGKILL");
      expect(await demo.ended).toBe("SIGKILL");
      expect(await leftBehind(pids, own)).toEqual(NOTHING);
    },
    DEMO_MS,
  );

  test(
    "ended by Ctrl-C in the middle of a rotation leaves nothing, and says so by its status",
    async () => {
      const demo = startDemo();
      await demo.wrote("CreateSecret");
      const pids = descendantsOf(demo.child.pid ?? 0);
      demo.child.kill("SIGINT");
      expect(await demo.ended).toBe(130);
      expect(demo.output()).not.toMatch(/Error|\n {4}at /);
      expect(await leftBehind(pids, own)).toEqual(NOTHING);
    },
    DEMO_MS,
  );

  test("refuses an option that it does not know, with its usage and status 252", async () => {
    const demo = startDemo("--kep");
    expect(await demo.ended).toBe(252);
    expect(demo.output()).toMatch(/^There is no option --kep\.\n\nUsage: npm start/);
  });

  test(
    "says in a sentence that its port is in use",
    async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const demo = startDemo("--port", String(port));
      expect(await demo.ended).toBe(1);
      server.close();
      expect(demo.output()).toMatch(new RegExp(`Port ${port} of 127\\.0\\.0\\.1 is in use[^\\n]*\\n$`));
      expect(await leftBehind([], own)).toEqual(NOTHING);
    },
    DEMO_MS,
  );
});
