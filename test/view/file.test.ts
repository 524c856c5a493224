import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecutionFile } from "../../view/wire.ts";
import { rotor } from "../cli/rotor.ts";
import { rotateOnce, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { startView, until } from "./viewer.ts";

/** No Region, no credentials, and no way to AWS: any call would fail. */
const NO_AWS = { AWS_MAX_ATTEMPTS: "1", AWS_ENDPOINT_URL: "http://127.0.0.1:9" };

let world: World;
let directory: string;
let exported: ExecutionFile;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "view-file-"));
  world = await startWorld();
  const secret = await situation(world);
  await rotateOnce(world, secret);
  await using view = await startView(world.account.environment);
  exported = (await view.get(`api/runs/${encodeURIComponent(secret.name)}?download`)).json();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function fileOf(content: unknown): Promise<string> {
  const file = join(directory, `${crypto.randomUUID()}.json`);
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

/** The export with members put in place of others, each by its path. */
function changed(changes: Readonly<Record<string, unknown>>): unknown {
  const copy = structuredClone(exported);
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    const owner = names.reduce((each: unknown, name) => Object(each)[name], copy) as Record<string, unknown>;
    if (value === undefined) delete owner[last];
    else owner[last] = value;
  }
  return copy;
}

describe("rotor view --file", () => {
  test("shows the run of an exported file as it was, without a call of AWS, and offers nothing", async () => {
    const since = world.account.calls().length;
    await using view = await startView(NO_AWS, "--file", await fileOf(exported));
    const { name } = exported.run;
    expect(view.process.stdout()).toBe(`${view.url}runs/${name}\n`);
    const shown = (await view.get(`api/runs/${name}`)).json();
    expect(shown).toEqual({ ...exported, actions: [] });
    expect(exported.actions).not.toEqual([]);
    expect((await view.get("api/place")).json()).toEqual(exported.place);
    using list = view.live("api/list/live");
    await until(() => list.messages.length > 0);
    expect(list.messages).toMatchObject([
      { data: { runs: [{ name, outcome: "SUCCEEDED" }], secrets: [], reading: null } },
    ]);
    using live = view.live(`api/runs/${name}/live?after=10`);
    await until(() => live.messages.length === 2);
    expect(live.messages[0]?.data).toEqual(exported.events.filter(({ id }) => id > 10));
    expect(live.messages[1]).toMatchObject({ event: "part", data: { run: exported.run, actions: [] } });
    expect((await view.get("api/runs/another")).status).toBe(404);
    expect((await view.post(`api/runs/${name}/roll-back`, { confirm: exported.run.secret.name })).json()).toEqual({
      ...{ done: false, run: name },
      said: ["This is a file. Nothing was done."],
    });
    expect(world.account.calls().length).toBe(since);
  });

  test("what is kept of a file is the file again", async () => {
    await using view = await startView(NO_AWS, "--file", await fileOf(exported));
    const again = (await view.get(`api/runs/${exported.run.name}?download`)).json();
    await using second = await startView(NO_AWS, "--file", await fileOf(again));
    expect((await second.get(`api/runs/${exported.run.name}`)).json()).toEqual(again);
  });

  test("25,000 events come in order, at most 2,000 in a message", async () => {
    const [first] = exported.events;
    const events = Array.from({ length: 25_000 }, (_, index) => ({ ...first, id: index + 1, previousEventId: index }));
    await using view = await startView(NO_AWS, "--file", await fileOf(changed({ events })));
    using live = view.live(`api/runs/${exported.run.name}/live`);
    await until(() => live.messages.at(-1)?.event === "part");
    const batches = live.messages.filter(({ event }) => event === "events");
    expect(Math.max(...batches.map(({ data }) => data.length))).toBe(2000);
    expect(batches.flatMap(({ data }) => data.map(({ id }: { id: number }) => id))).toEqual(events.map(({ id }) => id));
  });

  test("what somebody has written into it stays text, and goes nowhere", async () => {
    const evil = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>\u2028';
    const file = await fileOf(changed({ verdict: evil, "run.secret.name": evil, "events.0.type": evil }));
    await using view = await startView(NO_AWS, "--file", file);
    const answer = await view.get(`api/runs/${exported.run.name}`);
    expect([answer.headers["content-type"], answer.json().verdict]).toEqual(["application/json", evil]);
    expect((await view.get(`runs/${exported.run.name}`)).text).not.toContain("alert");
    expect(view.process.stdout()).not.toContain("alert");
  });

  test.each<[what: string, content: () => unknown, says: string | RegExp]>([
    ["is no JSON", () => "{", "is no JSON."],
    ["is another document", () => ({ schema: "rotor.run/1" }), 'its schema is not "rotor.execution/1"'],
    ["is a list", () => [exported], 'its schema is not "rotor.execution/1"'],
    ["is null", () => "null", 'its schema is not "rotor.execution/1"'],
    ["has no run", () => changed({ run: undefined }), "Field run: is missing"],
    ["has a run's name that is an address", () => changed({ "run.name": "../../x" }), "Field run.name: "],
    ["has a status that there is not", () => changed({ "run.status": "BURNING" }), "Field run.status: must be one of"],
    [
      "has a text where a time is due",
      () => changed({ "run.startedAt": "yesterday" }),
      "Field run.startedAt: must be an ISO 8601 time",
    ],
    ["has an event without an id", () => changed({ "events.3.id": undefined }), "Field events.3.id: is missing"],
    ["has events out of order", () => changed({ "events.3.id": 1 }), "Field events.3.id: must be above the one before"],
    [
      "has an event's time that is a number",
      () => changed({ "events.0.timestamp": 5 }),
      "Field events.0.timestamp: must",
    ],
    [
      "has a link that runs",
      () => changed({ "told.links.runbook": "javascript:alert(1)" }),
      'Field told.links.runbook: must begin with "https://"',
    ],
    [
      "has a told part of another shape",
      () => changed({ "told.remarks": "none" }),
      "Field told.remarks: must be a list",
    ],
    [
      "has more events than an execution can",
      () => changed({ events: Array(25_001).fill(exported.events[0]) }),
      "Field events: must have at most 25000 entries",
    ],
    [
      "is nested without end",
      () => `{"schema":"rotor.execution/1","definition":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      "is nested more than 200 levels deep",
    ],
  ])("says what is wrong with a file that %s, and serves nothing", async (_, content, says) => {
    const file = await fileOf(content());
    const ended = await rotor(NO_AWS, "view", "--file", file);
    expect([ended.status, ended.stdout]).toEqual([253, ""]);
    expect(ended.stderr).toContain(`rotor: ${file} `);
    expect(ended.stderr).toMatch(
      typeof says === "string" ? new RegExp(says.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : says,
    );
    expect(ended.stderr.length).toBeLessThan(1500);
    expect(ended.stderr).not.toContain("A fault of rotor");
  });

  test("says so of a file that is too large, without reading it", async () => {
    const file = await fileOf("");
    await truncate(file, 3 * 1024 ** 3);
    const ended = await rotor(NO_AWS, "view", "--file", file);
    expect([ended.status, ended.stderr]).toEqual([
      253,
      expect.stringMatching(/has 3221225472 bytes: no more than \d+ are taken\./),
    ]);
  });

  test("says so of a file that is not there, and of a folder", async () => {
    const missing = await rotor(NO_AWS, "view", "--file", join(directory, "nothing.json"));
    expect([missing.status, missing.stderr]).toEqual([253, expect.stringContaining("could not be read (ENOENT).")]);
    const folder = await rotor(NO_AWS, "view", "--file", directory);
    expect([folder.status, folder.stderr]).toEqual([253, expect.stringContaining("could not be read (EISDIR).")]);
  });

  test("takes a file or a run, not both", async () => {
    const ended = await rotor(NO_AWS, "view", "orders/db", "--file", await fileOf(exported));
    expect([ended.status, ended.stderr]).toEqual([252, expect.stringContaining("A file has one run")]);
  });
});
