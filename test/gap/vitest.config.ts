import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** How many sign-ins with AWSCURRENT fail during rotations: `npm run test:gap`. */
export default defineConfig({
  test: { ...shared.test, include: ["test/gap/*.test.ts"], exclude: [], testTimeout: 600_000 },
});
