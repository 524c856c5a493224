import { escapeLiteral } from "pg";
import { expect, test } from "vitest";
import { connectAs, uniqueName, useDatabase } from "./database.ts";
import { startDatabaseProxy } from "./database-proxy.ts";

const database = useDatabase();

async function commentThrough(proxy: { host: string; port: number }, text: string): Promise<void> {
  const client = await connectAs({ ...database.admin, ...proxy });
  try {
    await client.query(`COMMENT ON ROLE postgres IS ${escapeLiteral(text)}`);
  } finally {
    await client.end();
  }
}

async function comment(): Promise<unknown> {
  const [row] = await database.query("SELECT shobj_description('postgres'::regrole, 'pg_authid') AS comment");
  return row?.["comment"];
}

function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error) => String(error.code ?? error.message),
  );
}

test("hands statements and replies through", async () => {
  await using proxy = await startDatabaseProxy(database);
  const text = uniqueName("passed");

  await commentThrough(proxy, text);

  expect(await comment()).toBe(text);
  expect(proxy.connections()).toBe(1);
});

test("refuses connections, and lets them in again at the same port", async () => {
  await using proxy = await startDatabaseProxy(database);

  await proxy.refuse();
  const refused = await outcome(connectAs({ ...database.admin, ...proxy }));
  proxy.pass();
  const passed = await outcome(commentThrough(proxy, "again"));

  expect([refused, passed]).toEqual(["ECONNREFUSED", "done"]);
});

test("cuts the connections that are open when it refuses", async () => {
  await using proxy = await startDatabaseProxy(database);
  const client = await connectAs({ ...database.admin, ...proxy });
  const ended = new Promise((resolve) => client.once("end", resolve));

  await proxy.refuse();

  await ended;
});

test("hangs: the connection stands and nothing is said", async () => {
  const proxy = await startDatabaseProxy(database);
  proxy.hang();
  let settled = false;
  const attempt = outcome(connectAs({ ...database.admin, ...proxy })).then((said) => {
    settled = true;
    return said;
  });
  await expect.poll(() => proxy.connections()).toBe(1);

  const settledWhileHanging = settled;
  await proxy.refuse();

  expect(settledWhileHanging).toBe(false);
  expect(await attempt).not.toBe("done");
});

test("loses the reply of a matching statement whose effect has landed, as often as asked", async () => {
  await using proxy = await startDatabaseProxy(database);
  const [first, second] = [uniqueName("reply"), uniqueName("reply")];
  proxy.loseReply(/COMMENT ON ROLE/);

  const lost = await outcome(commentThrough(proxy, first));
  const landed = await comment();
  const kept = await outcome(commentThrough(proxy, second));

  expect([lost === "done", landed, kept, await comment()]).toEqual([false, first, "done", second]);
});

test("loses a matching statement before it reaches the server, as often as asked", async () => {
  await using proxy = await startDatabaseProxy(database);
  const [before, never] = [uniqueName("before"), uniqueName("never")];
  await commentThrough(proxy, before);
  proxy.loseStatement(/COMMENT ON ROLE/, 2);

  const lost = [await outcome(commentThrough(proxy, never)), await outcome(commentThrough(proxy, never))];

  expect(lost).not.toContain("done");
  expect(await comment()).toBe(before);
  expect(await outcome(commentThrough(proxy, "after"))).toBe("done");
});

test("leaves statements alone that do not match", async () => {
  await using proxy = await startDatabaseProxy(database);
  proxy.loseReply(/ALTER ROLE/);

  expect(await outcome(commentThrough(proxy, "other"))).toBe("done");
});
