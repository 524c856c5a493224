import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { ask, startView, type Viewer } from "./viewer.ts";

let world: World;
let view: Viewer;
let secret: Situation;
beforeAll(async () => {
  world = await startWorld();
  secret = await situation(world);
  await rotateOnce(world, secret);
  view = await startView(world.account.environment);
});
afterAll(async () => {
  await view?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

const host = () => new URL(view.url).host;
const origin = () => new URL(view.url).origin;
const pathname = () => new URL(view.url).pathname;

describe("who is let in", () => {
  test("whoever knows the token, which is 32 random bytes", async () => {
    expect(pathname()).toMatch(/^\/[\w-]{43}\/$/);
    expect((await view.get("api/place")).status).toBe(200);
    await using another = await startView(world.account.environment);
    expect(new URL(another.url).pathname).not.toBe(pathname());
  });

  test.each([
    ["no token", ""],
    ["an address without one", "api/place"],
    ["one that is too short", "x/api/place"],
    ["one of the same length", `${"x".repeat(43)}/api/place`],
    ["that of nobody's page", `${"x".repeat(43)}/page.js`],
  ])("nobody else: %s is answered as what is not there, in the same words", async (_, path) => {
    const answer = await ask("GET", `${origin()}/${path}`);
    expect([answer.status, answer.text]).toEqual([404, "Not Found"]);
  });

  test("nobody whose token only begins or ends otherwise", async () => {
    const token = pathname().slice(1, -1);
    for (const other of [
      token.slice(0, -1),
      `${token}x`,
      `${token.slice(0, -1)}!`,
      token.toUpperCase(),
      `%20${token}`,
    ]) {
      expect((await ask("GET", `${origin()}/${other}/api/place`)).status, other).toBe(404);
    }
  });

  test("by two names of this machine with the port, and by no other", async () => {
    const { port } = new URL(view.url);
    const asked = async (name: string) => (await view.get("api/place", { host: name })).status;
    expect(await asked(`localhost:${port}`)).toBe(200);
    expect(await asked(`127.0.0.1:${port}`)).toBe(200);
    const others = ["evil.example", `evil.example:${port}`, "127.0.0.1", "localhost", `127.0.0.1:1`, `[::1]:${port}`];
    for (const name of [...others, `127.0.0.1.evil.example:${port}`]) expect(await asked(name), name).toBe(403);
    for (const name of [`a@127.0.0.1:${port}`, `127.0.0.1:${port}/x`]) {
      expect([400, 403], name).toContain(await asked(name));
    }
  });

  test("with a method that is served", async () => {
    for (const method of ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      expect((await ask(method, `${view.url}api/place`)).status, method).toBe(405);
    }
  });

  test("what changes something comes from a page of ours, as JSON", async () => {
    const path = `api/runs/rot-none/stop`;
    const asked = async (headers: Record<string, string>) => (await view.post(path, { confirm: "x" }, headers)).status;
    expect(await asked({ origin: "https://evil.example" })).toBe(403);
    expect(await asked({ origin: "null" })).toBe(403);
    expect(await asked({ origin: `https://${host()}` })).toBe(403);
    expect(await asked({ "content-type": "text/plain" })).toBe(415);
    expect(await asked({ "content-type": "application/x-www-form-urlencoded" })).toBe(415);
    // There is no such run: so far they have come.
    expect(await asked({})).toBe(404);
    expect(await asked({ origin: origin() })).toBe(404);
    expect(await asked({ origin: origin(), "content-type": "application/json; charset=utf-8" })).toBe(404);
  });

  test("what is asked for has a name typed, and is no longer than a name", async () => {
    const path = `api/runs/rot-none/stop`;
    for (const body of [{}, { confirm: 1 }, "x", null, []]) {
      const answer = await view.post(path, body);
      expect([answer.status, answer.json().todo], JSON.stringify(body)).toEqual([400, null]);
    }
    expect((await view.post(path, { confirm: "x".repeat(100_000) })).status).toBe(413);
    expect((await view.post("api/runs/rot-none/delete", { confirm: "x" })).status).toBe(404);
  });
});

describe("what is answered", () => {
  test("a document for every page, with its assets under the token, and nothing of elsewhere", async () => {
    for (const path of ["", "runs/rot-0123", "anything/deeper?x=1"]) {
      const { status, headers, text } = await view.get(path);
      expect([status, headers["content-type"]], path).toEqual([200, "text/html; charset=UTF-8"]);
      expect(text).toContain('<html lang="en">');
      expect(text).toContain("<title>");
      expect(text).toContain('<meta name="viewport"');
      expect(text).toContain('<link rel="icon" href="data:,">');
      expect(text).toContain(`<script type="module" src="${pathname()}page.js"></script>`);
      expect(text).toContain(`href="${pathname()}page.css"`);
      expect(text).toContain('<div id="root">');
      expect(text).not.toMatch(/https?:|<base/);
    }
    const script = await view.get("page.js");
    expect(script.headers["content-type"]).toMatch(/^text\/javascript/);
    expect(script.text).not.toBe("");
    expect((await view.get("page.css")).headers["content-type"]).toMatch(/^text\/css/);
  });

  test("who one is, and where", async () => {
    const { account, region, stage, caller } = (await view.get("api/place")).json();
    expect({ account, region, stage }).toEqual({ account: "123456789012", region: "us-east-1", stage: "local" });
    expect(caller).not.toBe("");
  });

  test("an execution by its name, its ARN and its secret, whatever is in that name", async () => {
    const newest = (await view.get(`api/runs/${encodeURIComponent(secret.name)}`)).json();
    expect(newest).toMatchObject({
      schema: "rotor.execution/1",
      place: { stage: "local" },
      run: { outcome: "SUCCEEDED", secret: { name: secret.name } },
      told: { outcome: "SUCCEEDED" },
    });
    expect(secret.name).toContain("/");
    expect(newest.events.length).toBeGreaterThan(50);
    expect(newest.definition.States).toBeDefined();
    for (const reference of [newest.run.name, encodeURIComponent(newest.run.arn), encodeURIComponent(secret.arn)]) {
      expect((await view.get(`api/runs/${reference}`)).json().run, reference).toEqual(newest.run);
    }
  });

  test("an execution as a file to keep, by its name", async () => {
    const { name } = (await view.get(`api/runs/${encodeURIComponent(secret.name)}`)).json().run;
    const kept = await view.get(`api/runs/${name}?download`);
    expect(kept.headers["content-disposition"]).toBe(`attachment; filename="${name}.json"`);
    expect(kept.json().run.name).toBe(name);
  });

  test.each([
    ["a run that is not there", "api/runs/rot-none", /There is no run rot-none/],
    ["a name that nothing can have", "api/runs/%00%3Cscript%3E", /can be the name or ARN of no secret/],
    ["an address that is not there", "api/nothing", /no such address/],
    ["events of what cannot be a run", "api/runs/a%2Fb/live", /No run can be called so/],
  ])("%s is 404, and says so", async (_, path, says) => {
    const answer = await view.get(path);
    expect([answer.status, answer.json().message]).toEqual([404, expect.stringMatching(says)]);
  });

  test("what was seen last is a number, or is refused", async () => {
    expect((await view.get("api/runs/rot-none/live?after=x")).status).toBe(400);
    expect((await view.get("api/runs/rot-none/live?after=1", { "last-event-id": "-1" })).status).toBe(400);
  });

  test("with everything, a refusal too, goes what keeps it to itself", async () => {
    const answers = [
      await view.get(""),
      await view.get("page.js"),
      await view.get("page.css"),
      await view.get("api/place"),
      await view.get("api/runs/rot-none"),
      await view.get("api/nothing"),
      await view.get("api/place", { host: "evil.example" }),
      await view.get("api/place", { host: "a@b" }),
      await ask("GET", `${origin()}/nobody/`),
      await ask("PUT", view.url),
      await view.post("api/runs/rot-none/stop", {}),
    ];
    for (const { headers, status } of answers) {
      const [csp = "", ...others] = [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "cache-control",
        "cross-origin-resource-policy",
        "cross-origin-opener-policy",
      ].map((name) => String(headers[name]));
      expect(csp.split("; "), String(status)).toEqual([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ]);
      expect(others).toEqual(["nosniff", "no-referrer", "no-store", "same-origin", "same-origin"]);
      expect(headers).not.toHaveProperty("access-control-allow-origin");
    }
  });

  test("a stream is no less kept to itself", async () => {
    const { headers } = await new Promise<{ headers: Headers }>((resolve) => {
      const leaving = new AbortController();
      void fetch(`${view.url}api/list/live`, { signal: leaving.signal }).then((response) => {
        resolve(response);
        leaving.abort();
      });
    });
    expect(headers.get("content-type")).toBe("text/event-stream");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  });
});
