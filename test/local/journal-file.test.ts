import { execFile, spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ask, journals } from "./journal-harness.ts";

const VALUE = "a value that nobody may read";
const fileIn = (journal: string) => join(journal, "journal.jsonl");

async function createSecret(account: Awaited<ReturnType<typeof startOne>>, Name: string) {
  await ask(account.secretsManager, "CreateSecret", { Name, SecretString: VALUE, ClientRequestToken: Name.repeat(32) });
}
const startOne = (all: Awaited<ReturnType<typeof journals>>, journal: string) => all.start(journal);

const names = (account: Awaited<ReturnType<typeof startOne>>) =>
  ask(account.secretsManager, "ListSecrets", {}).then(({ SecretList }) =>
    SecretList.map(({ Name }: { Name: string }) => Name),
  );

test("a last line that the process could not finish is left out", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const first = await all.start(journal);
  for (const name of ["a", "b"]) await createSecret(first, name);
  const text = readFileSync(fileIn(journal), "utf8");
  await first.close();

  const secondSecret = text.lastIndexOf('"name":"b"');
  for (const length of [secondSecret, text.length - 1]) {
    const torn = await all.killed(journal);
    writeFileSync(fileIn(torn), text.slice(0, length));
    const again = await all.start(torn);
    expect(await names(again)).toEqual(["a"]);
    await createSecret(again, "c");
    await again.close();
    expect(await names(await all.start(torn))).toEqual(["a", "c"]);
  }
});

test("a damaged line before the last one is refused by its number, and not quoted", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  await createSecret(account, "a");
  await account.close();
  const [header = ""] = readFileSync(fileIn(journal), "utf8").split("\n");
  for (const damage of [
    `[["secret","x",{"SecretString":"${VALUE}"`,
    `{"SecretString":"${VALUE}"}`,
    `[[1,"${VALUE}"]]`,
  ]) {
    writeFileSync(fileIn(journal), `${header}\n[]\n${damage}\n`);
    const refusal = await all.start(journal).catch((error: Error) => error);
    expect(refusal).toMatchObject({ name: "JournalRefused" });
    expect((refusal as Error).message).toContain(`Line 3 of ${fileIn(journal)} is damaged`);
    expect((refusal as Error).message).not.toContain(VALUE);
  }
});

test.each([
  [
    "another version",
    { version: 2 },
    /journal\.jsonl has version 2 of its format, and this account reads version 1 only/,
  ],
  ["no version", { version: undefined }, /has version undefined of its format/],
  ["another format", { format: "other" }, /is no journal of an embedded account/],
  [
    "another Region",
    { region: "eu-west-1" },
    /is of account 123456789012 in eu-west-1, not of 123456789012 in us-east-1/,
  ],
  ["another account", { accountId: "1" }, /is of account 1 in us-east-1/],
])("a journal of %s is refused, stays as it is, and can be opened with what it is of", async (_, change, message) => {
  await using all = await journals();
  const journal = all.fresh();
  await (await all.start(journal)).close();
  const text = readFileSync(fileIn(journal), "utf8");
  const header = JSON.parse(text);
  const changed = `${JSON.stringify({ ...header, ...change })}\n`;
  writeFileSync(fileIn(journal), changed);

  await expect(all.start(journal)).rejects.toMatchObject({
    name: "JournalRefused",
    message: expect.stringMatching(message),
  });
  expect(readFileSync(fileIn(journal), "utf8")).toBe(changed);

  writeFileSync(fileIn(journal), text);
  await all.start(journal);
});

test("a file that is something else altogether is refused, and not written over", async () => {
  await using all = await journals();
  const journal = all.fresh();
  await (await all.start(journal)).close();
  writeFileSync(fileIn(journal), "my notes\n");
  await expect(all.start(journal)).rejects.toMatchObject({ name: "JournalRefused" });
  expect(readFileSync(fileIn(journal), "utf8")).toBe("my notes\n");
});

test("two accounts cannot use one journal at once", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  await expect(all.start(journal)).rejects.toMatchObject({
    name: "JournalInUse",
    message: expect.stringContaining(`${journal} is in use by process ${process.pid}`),
  });
  await createSecret(account, "a");
  await account.close();
  expect(await names(await all.start(journal))).toEqual(["a"]);
});

test("the lock of a process that was killed holds nobody up", async () => {
  await using all = await journals();
  const journal = all.fresh();
  await (await all.start(journal)).close();
  const holder = spawnSync(process.execPath, ["-e", "process.kill(process.pid, 'SIGKILL')"]);
  writeFileSync(join(journal, "lock"), `${holder.pid} 1`);
  await all.start(journal);
});

test.runIf(process.platform === "linux")(
  "a process that has the number of one that was killed is not taken for it",
  async () => {
    await using all = await journals();
    const journal = all.fresh();
    await (await all.start(journal)).close();
    writeFileSync(join(journal, "lock"), "1 never");
    await (await all.start(journal)).close();
    const begun = readFileSync("/proc/1/stat", "utf8").split(") ")[1]?.split(" ")[19];
    writeFileSync(join(journal, "lock"), `1 ${begun}`);
    await expect(all.start(journal)).rejects.toMatchObject({
      name: "JournalInUse",
      message: expect.stringContaining("in use by process 1:"),
    });
  },
);

test("a start that fails gives the journal back", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const other = await all.start(all.fresh());
  const port = Number(new URL(other.endpoint).port);
  await expect(all.start(journal, { port })).rejects.toMatchObject({ name: "PortInUse" });
  await all.start(journal);
});

test("once it cannot be written nothing more is taken, and what was taken before is all there", async () => {
  await using all = await journals();
  const journal = all.fresh();
  // Node would end by the signal. The limit is in blocks of 512 bytes, or of 1024 in some shells.
  const limited = "trap '' XFSZ; ulimit -f 60; exec \"$@\"";
  const program = [process.execPath, "--import", "tsx", join(import.meta.dirname, "fixtures/full-disk.ts"), journal];
  const env = { ...process.env, TSX_DISABLE_CACHE: "1" };
  const { stdout } = await promisify(execFile)("sh", ["-c", limited, "sh", ...program], { env });

  const { created, then } = JSON.parse(stdout) as { created: string[]; then: string[] };
  expect(created.length).toBeGreaterThan(0);
  expect(created.length).toBeLessThan(10);
  expect(then).toEqual(["JournalUnwritable", "JournalUnwritable"]);
  expect(readFileSync(fileIn(journal), "utf8")).not.toMatch(/\n$/);
  expect(await names(await all.start(journal))).toEqual(created);
});

test("only its owner may read it, whatever it was before", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const before = process.umask(0);
  try {
    await (await all.start(journal)).close();
    expect((statSync(journal).mode & 0o777).toString(8)).toBe("700");
    appendFileSync(join(journal, "journal.jsonl.new"), "left over", { mode: 0o666 });
    await all.start(journal);
    expect((statSync(fileIn(journal)).mode & 0o777).toString(8)).toBe("600");
  } finally {
    process.umask(before);
  }
});

test("a start leaves out what no longer counts", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  await createSecret(account, "a");
  for (let index = 0; index < 50; index++) {
    await ask(account.secretsManager, "TagResource", { SecretId: "a", Tags: [{ Key: "k", Value: `${index}` }] });
  }
  const size = statSync(fileIn(journal)).size;
  await account.close();
  const again = await all.start(journal);
  expect(statSync(fileIn(journal)).size).toBeLessThan(size / 20);
  expect(await ask(again.secretsManager, "DescribeSecret", { SecretId: "a" })).toMatchObject({
    Tags: [{ Value: "49" }],
  });
});
