import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RELEASE } from "../../core/blueprint.ts";
import { RETRYABLE, TERMINAL } from "../../core/errors.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { startWorld } from "../support/world.ts";
import { definitionOf, record } from "./recorder.ts";
import { writeDefinition, writeRecording } from "./recording.ts";
import { SCENARIOS } from "./scenarios.ts";

/**
 * Not a test: records this release, in place of what was recorded of it. Run by hand: `ROTOR_RECORD=1 npx vitest run --config
 * test/replay/vitest.config.ts`.
 */
describe.runIf(process.env["ROTOR_RECORD"] === "1")(`recordings of ${RELEASE}`, () => {
  const only = process.env["ROTOR_RECORD_ONLY"];
  const wanted = SCENARIOS.filter(({ name }) => only === undefined || name === only);

  test("the definition", async () => {
    if (only === undefined) rmSync(join(import.meta.dirname, "recordings", RELEASE), { recursive: true, force: true });
    await using world = await startWorld();
    writeDefinition(RELEASE, await definitionOf(world), { retryable: RETRYABLE, terminal: TERMINAL });
  });

  test.each(wanted)(
    "$name",
    async (scenario) => {
      // One execution alone: what dies is taken up when the scenario says so, the gate starts native ones, nothing follows.
      const loses = ({ source, detail, ...event }: BusEvent) =>
        source === "aws.states" ||
        detail.eventName === "RotationStarted" ||
        event["detail-type"] === "Rotation Rolled Back";
      await using world = await startWorld({ loses });
      const recordings = await record(world, scenario);
      const passwords = world.account.secretsManager.everyValue().flatMap((value) => JSON.parse(value).password ?? []);
      for (const recording of recordings) {
        const text = JSON.stringify(recording);
        expect(passwords.filter((password) => text.includes(password))).toEqual([]);
        writeRecording(recording);
      }
    },
    300_000,
  );
});
