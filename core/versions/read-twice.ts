import { RotationError } from "../errors.ts";
import type { LabelTable } from "../outcome.ts";

/**
 * Reads the labels of a secret twice. One read may show the past; two that agree, some seconds apart, are believed.
 *
 * @param secret confirmPauseMs: the pause between the two, in milliseconds
 * @returns the labels as they were read
 * @throws RotationError VersionNotVisible (the two do not agree), and what `read` throws
 */
export async function readTwice(
  secret: { readonly secretArn: string; readonly confirmPauseMs: number },
  read: () => Promise<LabelTable>,
): Promise<LabelTable> {
  const first = await read();
  await new Promise((resolve) => setTimeout(resolve, secret.confirmPauseMs));
  const second = await read();
  if (JSON.stringify(sorted(first)) === JSON.stringify(sorted(second))) return second;
  throw new RotationError("VersionNotVisible", `Two reads of the labels of ${secret.secretArn} do not agree yet.`);
}

function sorted(labels: LabelTable): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(labels)
    .map(([versionId, held]) => [versionId, [...held].sort()] as const)
    .sort(([a], [b]) => a.localeCompare(b));
}
