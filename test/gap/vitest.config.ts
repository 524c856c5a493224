import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** How many sign-ins with AWSCURRENT fail during rotations: `npm run test:gap`. */
export default defineConfig({
  test: { ...SUITE, include: ["test/gap/*.test.ts"], testTimeout: 600_000 },
});
