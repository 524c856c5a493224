import { setTimeout } from "node:timers/promises";
import type { LabelTable } from "../../core/outcome.ts";
import { queryAs, type TestDatabase } from "../support/database.ts";

/** A secret's labelled versions: their labels and their values. */
export interface Labelled {
  readonly labels: LabelTable;
  /** SecretString by version id; absent where a version has none yet. */
  readonly values: Readonly<Record<string, string>>;
}

/** The labelled versions whose credential PostgreSQL takes now, in order. */
export async function openDoors(database: TestDatabase, { values }: Labelled): Promise<readonly string[]> {
  const tried = Object.entries(values).map(async ([versionId, value]) =>
    (await signsIn(database, value)) ? [versionId] : [],
  );
  return (await Promise.all(tried)).flat().sort();
}

/**
 * Whether any labelled version opens the door. A statement that the killed process had sent may end between two sign-ins, so
 * it is asked more than once.
 */
export async function someDoorOpens(database: TestDatabase, labelled: Labelled): Promise<boolean> {
  for (let look = 0; look < 5; look++) {
    if ((await openDoors(database, labelled)).length > 0) return true;
    await setTimeout(50);
  }
  return false;
}

async function signsIn({ host, port }: TestDatabase, value: string): Promise<boolean> {
  const { username, password } = JSON.parse(value) as { username: string; password: string };
  try {
    await queryAs({ host, port, username, password }, "SELECT 1");
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === "28P01" || code === "28000") return false;
    throw error;
  }
}
