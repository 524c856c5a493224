import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { SUITE } from "../suite.ts";

/** Each command through its real process, the bundle that is packed, against the embedded account, and the demo: `npm run test:cli`. */
const commands = {
  ...SUITE,
  name: "commands",
  include: ["test/cli/*.test.ts", "test/demo/start.test.ts"],
  globalSetup: [...SUITE.globalSetup, "test/cli/global-program.ts"],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

/** After them: what the docs tell to type is among what they have run. By itself it finds that nothing was run. */
const docs = {
  ...SUITE,
  ...{ name: "docs", include: ["test/cli/docs.suite.ts"], globalSetup: [], sequence: { groupOrder: 1 } },
};

/** The README's walk waits for minutes, in which the others are run. */
class WalkFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isWalk = ({ moduleId }: TestSpecification) => moduleId.endsWith("/readme.test.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter(isWalk), ...sorted.filter((file) => !isWalk(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: WalkFirst },
    globalSetup: ["test/cli/global-executed.ts"],
    projects: [{ test: commands }, { test: docs }],
  },
});
