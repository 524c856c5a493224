import { expect, test } from "vitest";
import { startWorld } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

test("a policy of a secret that somebody else rotates is read like any other", async () => {
  await using world = await startWorld();
  const secret = await world.add({ password: "of somebody else's making" }, { mode: "observed" });
  const ended = await rotor(world.account.environment, "secrets", "--output", "json");
  expect(ended).toMatchObject({ status: 0, stderr: "" });
  expect(documentOf(ended).secrets).toMatchObject([
    { name: secret.name, policy: { mode: "observed", strategy: null }, states: [] },
  ]);
});
