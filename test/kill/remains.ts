import { cp, rm } from "node:fs/promises";
import { basename } from "node:path";
import type { LabelTable } from "../../core/outcome.ts";
import { startAccount } from "../../local/account.ts";
import type { Labelled } from "./doors.ts";

/** What a killed process left: the secret, and whether a rotation of it was under way. */
export interface Remains extends Labelled {
  readonly executions: Readonly<Record<string, string>>;
}

/** Reads a copy of the journal, by an account that does not resume: nothing goes on meanwhile. */
export async function remainsIn(journal: string, secretArn: string): Promise<Remains> {
  const copy = `${journal}.copy`;
  await cp(journal, copy, { recursive: true, filter: (file) => basename(file) !== "lock" });
  try {
    await using account = await startAccount({ journal: copy });
    const ask = <T>(operation: string, input: object) =>
      account.secretsManager.operations[operation]?.({ SecretId: secretArn, ...input }) as T;
    const { VersionIdsToStages: labels } = ask<{ VersionIdsToStages: LabelTable }>("DescribeSecret", {});
    const values = Object.keys(labels).flatMap((VersionId) => {
      try {
        return [[VersionId, ask<{ SecretString: string }>("GetSecretValue", { VersionId }).SecretString]];
      } catch (error) {
        // A placeholder.
        if ((error as Error).name === "ResourceNotFoundException") return [];
        throw error;
      }
    });
    const executions = account.states.executions().map(({ record, status }) => [record.name, status]);
    return { labels, values: Object.fromEntries(values), executions: Object.fromEntries(executions) };
  } finally {
    await rm(copy, { recursive: true });
  }
}
