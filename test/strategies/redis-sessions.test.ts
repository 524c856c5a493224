import { expect, test } from "vitest";
import { sessionsOf } from "../../core/strategies/redis-sessions.ts";

/** As Redis 7 lists them, in short. */
const LIST = [
  "id=3 addr=10.0.0.5:49152 laddr=10.0.0.1:6379 fd=8 name=orders-api age=120 idle=0 flags=N db=0 cmd=get user=app lib-name=ioredis(x=y)",
  "id=4 addr=[2001:db8::7]:49153 laddr=[::1]:6379 fd=9 name= age=0 idle=0 flags=P db=0 cmd=subscribe user=app redir=-1",
  "id=5 addr=/run/redis.sock:0 laddr=/run/redis.sock:0 fd=10 name=local age=1 idle=0 flags=U db=0 cmd=ping user=app",
  "id=6 addr=10.0.0.9:49154 fd=11 name=other age=5 flags=N cmd=get user=application",
  "id=7 addr=10.0.0.8:49155 fd=12 name= age=5 flags=S cmd=replconf user=app",
  "id=8 addr=10.0.0.4:49156 fd=13 name=rotor age=0 flags=N cmd=client|list user=app",
  "",
].join("\n");

async function seen(list: string) {
  const call = async () => list;
  return sessionsOf({ call, server: { id: 8, mode: "standalone", role: "master" } }, "app");
}

test("the user's own connections are told, by name and address, without replication's and ours", async () => {
  const sessions = await seen(LIST);

  expect(sessions.map(({ application, address }) => [application, address])).toEqual([
    ["orders-api", "10.0.0.5"],
    ["", "2001:db8::7"],
    ["local", ""],
  ]);
});

test("a beginning is the latest that an age in whole seconds allows, and not in the future", async () => {
  const before = Date.now();
  const ages = (await seen(LIST)).map(({ begunAt }) => before - begunAt.getTime());
  const slack = Date.now() - before;

  for (const [index, atLeast] of [119_000, 0, 0].entries()) {
    expect(ages[index]).toBeLessThanOrEqual(atLeast);
    expect(ages[index]).toBeGreaterThanOrEqual(atLeast - slack);
  }
});

test("nobody is seen in a list without anybody", async () => {
  expect(await seen("\n")).toEqual([]);
});
