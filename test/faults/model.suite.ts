import fc from "fast-check";
import { expect, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { askedNumber } from "../support/asked.ts";
import { openFaultArena } from "./arena.ts";
import { bundleInProcess } from "./in-process/bundle.ts";
import { afterMove, afterPut, afterRotation, afterStop, type Model } from "./model.ts";
import { type ModelWorld, openModelWorld } from "./model-world.ts";

/** ROTOR_MODEL_SEED repeats a run; ROTOR_MODEL_RUNS says how many there are. */
const SEED = askedNumber("ROTOR_MODEL_SEED", Math.floor(Math.random() * 2 ** 31), 0);
const RUNS = askedNumber("ROTOR_MODEL_RUNS", 60);

type Held = { model: Model };
type Command = fc.AsyncCommand<Held, ModelWorld>;

/** A command: what it does, and how it may be afterwards. */
function command(name: string, run: (world: ModelWorld, model: Model) => Promise<readonly Model[]>): Command {
  return {
    check: () => true,
    async run(held, world) {
      const allowed = await run(world, held.model);
      const fits = allowed.find((each) => world.differences(each).length === 0);
      const said = allowed.map((each) => world.differences(each).join("; ")).join("\n  or ");
      if (fits === undefined) throw new Error(`After "${name}" of ${JSON.stringify(held.model)}: ${said}`);
      held.model = fits;
    },
    toString: () => name,
  };
}

const COMMANDS: readonly fc.Arbitrary<Command>[] = [
  fc.constantFrom(false, true).map((again) =>
    command(again ? "the same request again" : "rotate", async (world, model) => {
      const name = await world.rotate(again);
      return name === undefined ? [model] : afterRotation(model, name);
    }),
  ),
  fc
    .integer({ min: 1, max: 80 })
    .map((at) => command(`stop at ${at}`, async (world, model) => afterStop(model, await world.stop(at)))),
  fc.constant(command("move AWSCURRENT back", async (world, model) => world.move().then(() => [afterMove(model)]))),
  fc.constant(
    command("put a value", async (world, model) => {
      const name = await world.put(model);
      return [afterPut(model, name)];
    }),
  ),
  fc
    .constantFrom("unknown" as const, "previous" as const)
    .map((to) =>
      command(`change the password to ${to}`, async (world, model) => [
        { ...model, accepted: await world.changePassword(model, to) },
      ]),
    ),
  fc.boolean().map((follows) =>
    command(follows ? "heal the dependent" : "break the dependent", async (world, model) => {
      world.follow(follows);
      return [{ ...model, follows }];
    }),
  ),
  fc.constant(command("reconcile", async (world, model) => world.reconcile().then(() => [model]))),
];

test("whatever people and events do, secret and target are as the model says", async () => {
  const code = await bundleInProcess();
  const seed = SEED;
  const begun = performance.now();
  let commands = 0;
  const property = fc.asyncProperty(fc.commands([...COMMANDS], { maxCommands: 14 }), async (sequence) => {
    await using arena = await openFaultArena({ code });
    const world = await openModelWorld(arena);
    await fc.asyncModelRun(() => ({ model: { model: world.start }, real: world }), sequence);
    commands += [...sequence].length;
    await world.end();
  });
  const result = await fc.check(property, { seed, numRuns: RUNS });
  const violations = result.failed ? 1 : 0;
  const what = "random sequences of commands, against a model";
  tell(
    "faults",
    [{ what, counted: "runs", count: result.numRuns, violations, exact: true }],
    (performance.now() - begun) / 1000,
  );
  console.log(`model: ${commands} commands, seed ${seed}`);
  const said = result.failed
    ? `ROTOR_MODEL_SEED=${seed}, path ${result.counterexamplePath}\n${result.counterexample}\n${result.errorInstance}`
    : "";
  expect(result.failed, said).toBe(false);
}, 3_600_000);
