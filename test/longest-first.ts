import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The order of the main suite's files: those that take longest begin first, so that at the end no processor waits for one of them.
 * Vitest has no durations in a fresh checkout, and goes by size, where these small files would come last.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

// --- internal ---

const LONG = ["interleavings/smoke", "strategies/postgres-single-user", "dependents/service"].map(
  (file) => `/test/${file}.test.ts`,
);

function isLong({ moduleId }: TestSpecification): boolean {
  return LONG.some((file) => moduleId.endsWith(file));
}
