import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { startAccount } from "../../local/account.ts";
import { compare, type Divergence, judge } from "./moto/compare.ts";
import { KNOWN } from "./moto/divergences.ts";
import { startMoto, whyNot } from "./moto/moto.ts";
import { type Played, play } from "./moto/play.ts";

/**
 * The same calls, by the AWS SDK, to the embedded account and to moto, which others have written from AWS's documentation.
 * moto decides nothing: what it does otherwise is listed with AWS's own word on it, and what is not listed has to be looked at.
 */
if (whyNot !== undefined) console.info(`Secrets Manager beside moto: ${whyNot}`);

describe.skipIf(whyNot !== undefined)(
  `Secrets Manager beside moto${whyNot === undefined ? "" : ` (${whyNot})`}`,
  () => {
    let ours: readonly Played[];
    let motos: readonly Played[];
    beforeAll(async () => {
      [ours, motos] = await Promise.all([playHere(), playThere()]);
    }, 120_000);

    test("every divergence is a known one, and every known one is still there", () => {
      const { agreements, divergences } = compare(ours, motos);
      const { fresh, gone } = judge(divergences, KNOWN);
      console.info(
        `Secrets Manager beside moto: ${ours.length} steps, ${agreements} members alike, ` +
          `${divergences.length} not alike for ${KNOWN.length - gone.length} known reasons`,
      );
      expect(fresh, "look at AWS's documentation, mend the account or list it in moto/divergences.ts").toEqual([]);
      expect(gone, "no longer diverges: take it off moto/divergences.ts").toEqual([]);
      expect(agreements).toBeGreaterThan(divergences.length);
    });

    test("a label too few or too many in the account would be noticed", () => {
      const withFault = ours.map((each) => {
        if (!each.step.startsWith("promotion 4:")) return each;
        return { ...each, labels: new Map([...each.labels, ["VersionIdsToStages.v2", "AWSCURRENT"]]) };
      });
      expect(judge(compare(withFault, motos).divergences, KNOWN).fresh).toEqual([
        {
          step: "promotion 4: UpdateSecretVersionStage",
          at: "VersionIdsToStages.v2",
          ours: "AWSCURRENT",
          motos: "AWSCURRENT, AWSPENDING",
        },
      ]);
    });
  },
);

describe("a comparison", () => {
  const step = "scenario 1: GetSecretValue";
  const played = (answer: Record<string, string>, labels: Record<string, string> = {}): readonly Played[] => [
    { step, answer: new Map(Object.entries(answer)), labels: new Map(Object.entries(labels)) },
  ];
  const divergence = (at: string, one: string, other: string): Divergence => ({ step, at, ours: one, motos: other });

  test("names members that differ or are missing, and counts those that are alike", () => {
    const one = played({ outcome: "answered", SecretString: "a", Name: "db" });
    const other = played({ outcome: "answered", SecretString: "b", ARN: "arn" });
    expect(compare(one, other)).toEqual({
      agreements: 1, // the outcome
      divergences: [
        divergence("SecretString", "a", "b"),
        divergence("Name", "db", "(absent)"),
        divergence("ARN", "(absent)", "arn"),
      ],
    });
  });

  test("says nothing of the members where one call was refused, but does of the labels", () => {
    const one = played({ outcome: "answered", Name: "db" }, { "VersionIdsToStages.v1": "AWSCURRENT" });
    const other = played({ outcome: "InvalidRequestException", status: "400" });
    expect(compare(one, other).divergences).toEqual([
      divergence("outcome", "answered", "InvalidRequestException"),
      divergence("VersionIdsToStages.v1", "AWSCURRENT", "(absent)"),
    ]);
  });

  test("tells what is not known, and what is known and has gone", () => {
    const known = [divergence("status", "400", "40*"), divergence("Name", "*", "*")];
    const seen = [divergence("status", "400", "404"), divergence("status", "400", "500")];
    expect(judge(seen, known)).toEqual({ fresh: [seen[1]], gone: [known[1]] });
  });
});

/** A failed rotation is not tried again: both have then done all that they will. */
async function playHere(): Promise<readonly Played[]> {
  await using account = await startAccount({ rotation: { attempts: 0 } });
  const doesNothing = createServer((_, response) => void response.end("null")).listen(0, "127.0.0.1");
  await once(doesNothing, "listening");
  const address = `http://127.0.0.1:${(doesNothing.address() as AddressInfo).port}`;
  account.lambda.define({ name: "rotate", address, timeoutMs: 5_000 });
  const played = await play({ endpoint: account.endpoint, settle: () => account.idle() });
  doesNothing.close();
  return played;
}

async function playThere(): Promise<readonly Played[]> {
  await using moto = await startMoto();
  return await play(moto);
}
