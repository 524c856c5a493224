import { escapeLiteral } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectAs, uniqueName, useDatabase } from "./database.ts";
import { startDatabaseProxy } from "./database-proxy.ts";
import type { Exchange, Fate } from "./interposed.ts";

const database = useDatabase();
const role = uniqueName("commented");
beforeAll(() => database.createRole(role, uniqueName("password")));
afterAll(() => database.query(`DROP ROLE ${role}`));

async function comment(): Promise<unknown> {
  const [row] = await database.query(`SELECT shobj_description('${role}'::regrole, 'pg_authid') AS comment`);
  return row?.["comment"];
}

/** Makes a comment, and looks with a parameter, through a proxy that does so. Returns whether both were answered. */
async function commentThrough(text: string, interpose: (exchange: Exchange) => Promise<Fate>): Promise<boolean> {
  await using proxy = await startDatabaseProxy(database, interpose);
  try {
    const client = await connectAs({ ...database.admin, ...proxy });
    await client.query(`COMMENT ON ROLE ${role} IS ${escapeLiteral(text)}`);
    await client.query("SELECT $1::int", [1]);
    await client.end();
    return true;
  } catch {
    return false;
  }
}

async function handOn({ forward }: Exchange): Promise<Fate> {
  await forward();
  return "reply";
}

const isComment = ({ text = "" }: Exchange) => text.startsWith("COMMENT");

test("each connection and each statement is seen once, and its effect is there when it was handed on, not before", async () => {
  const text = uniqueName("seen");
  const seen: (string | undefined)[] = [];
  const effects: unknown[] = [];

  const isAnswered = await commentThrough(text, async (exchange) => {
    seen.push(exchange.text?.split(" ")[0]);
    if (isComment(exchange)) effects.push(await comment());
    await exchange.forward();
    if (isComment(exchange)) effects.push(await comment());
    return "reply";
  });

  expect([isAnswered, seen]).toEqual([true, [undefined, "COMMENT", "SELECT"]]);
  expect([effects[0] === text, effects[1]]).toEqual([false, text]);
});

test("a connection that is cut off has sent nothing", async () => {
  const seen: unknown[] = [];

  const isAnswered = await commentThrough("never", async ({ text }) => {
    seen.push(text);
    return "cut";
  });

  expect([isAnswered, seen]).toEqual([false, [undefined]]);
});

test.each(["before", "after"])("a statement is cut off %s its effect", async (when) => {
  const text = uniqueName(when);

  const isAnswered = await commentThrough(text, async (exchange) => {
    if (!isComment(exchange)) return handOn(exchange);
    if (when === "after") await exchange.forward();
    return "cut";
  });

  expect([isAnswered, (await comment()) === text]).toEqual([false, when === "after"]);
});

test("a statement whose client is gone can have its effect later", async () => {
  const text = uniqueName("later");
  let land = async () => {};
  await using proxy = await startDatabaseProxy(database, async (exchange) => {
    if (!isComment(exchange)) return handOn(exchange);
    land = exchange.forward;
    return "later";
  });
  const client = await connectAs({ ...database.admin, ...proxy });

  const isAnswered = await client.query(`COMMENT ON ROLE ${role} IS ${escapeLiteral(text)}`).then(
    () => true,
    () => false,
  );
  const before = await comment();
  await land();
  const landed = await comment();

  expect([isAnswered, before === text, landed]).toEqual([false, false, text]);
});
