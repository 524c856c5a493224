import { beforeEach, describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import type { DependentKind } from "../../core/dependents/dependent.ts";
import { RotationError } from "../../core/errors.ts";
import { lookAtDependents } from "../../core/plan-dependents.ts";
import { parsePolicies } from "../../core/policies.ts";

/** A kind for the test, beside those that there are: one export line, as for any other. */
const { fickle } = vi.hoisted(() => ({ fickle: { check: vi.fn(), verify: vi.fn() } }));

vi.mock("../../core/dependents/index.ts", async (original) => {
  const kind: DependentKind = { kind: "fickle", target: z.unknown(), ...fickle };
  return { ...(await original<object>()), kind };
});

const SECRET = { arn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf", name: "orders/db" };
const PINNED = new RotationError("ConfigurationInvalid", "It pins one version.");

beforeEach(() => {
  fickle.check.mockReset().mockResolvedValue(undefined);
  fickle.verify.mockReset().mockResolvedValue({ strength: "weak", seen: "it is there" });
});

describe("Plan asks a dependent whether it could follow at all", () => {
  test("with the secret, before it asks how it is on the base", async () => {
    const looked = await look({});

    expect(fickle.check).toHaveBeenCalledExactlyOnceWith(
      "the target",
      { secretArn: SECRET.arn, secretName: SECRET.name },
      expect.any(AbortSignal),
    );
    expect(looked.baseline).toEqual([{ dependent: "orders-api", health: "healthy", seen: "it is there" }]);
    expect(looked.dependents).toEqual([{ name: "orders-api", wasHealthy: true }]);
  });

  test("and refuses where a required one could not, before anything is touched", async () => {
    fickle.check.mockRejectedValue(PINNED);

    await expect(look({})).rejects.toMatchObject({
      name: "ConfigurationInvalid",
      message: "Dependent orders-api: It pins one version. Nothing was touched.",
    });
    expect(fickle.verify).not.toHaveBeenCalled();
  });

  test("and is asked again where AWS has no answer", async () => {
    fickle.check.mockRejectedValue(new RotationError("Throttled", "ecs:DescribeServices was throttled."));

    await expect(look({})).rejects.toMatchObject({ name: "Throttled" });
  });

  test("and only reports an optional one that could not: it never fails a rotation", async () => {
    fickle.check.mockRejectedValue(PINNED);

    const looked = await look({ required: false });

    expect(looked.baseline).toEqual([{ dependent: "orders-api", health: "unhealthy", seen: "It pins one version." }]);
    expect(looked.dependents).toEqual([{ name: "orders-api", wasHealthy: false }]);
  });

  test("and takes a fault of ours for what it is", async () => {
    fickle.check.mockRejectedValue(new TypeError("undefined is not a function"));

    await expect(look({})).rejects.toThrow(TypeError);
  });
});

async function look(dependent: { readonly required?: boolean }) {
  const entry = { name: "orders-api", kind: "fickle", target: "the target", application: "orders" };
  const [policy] = parsePolicies([
    { secretId: SECRET.name, strategy: "postgres-single-user", dependents: [{ ...entry, ...dependent }] },
  ]);
  if (policy === undefined) throw new Error("There is one.");
  return lookAtDependents(policy, SECRET, "0b7a3c52-94d1-4e8f-a3b6-5d2c1e0f9f21");
}
