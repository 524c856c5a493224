import { atStep } from "../support/step-faults.ts";
import type { TestSecret, World } from "../support/world.ts";

/** Works while a rotation of the secret, which `begin` asks for, is held just before TestSecret; then it goes on to its end. */
export async function whileHeld<B, T>(
  world: World,
  secret: TestSecret,
  begin: () => Promise<B>,
  work: (begun: B, release: () => void) => Promise<T>,
): Promise<T> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let reached = () => {};
  const held = new Promise<void>((resolve) => {
    reached = resolve;
  });
  using _ = atStep(world, secret, "TestSecret", "before", async () => {
    reached();
    await released;
  });
  const begun = await begin();
  await held;
  try {
    return await work(begun, release);
  } finally {
    release();
    await world.settled();
  }
}
