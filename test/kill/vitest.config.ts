import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** A process that is killed at random instants: `npx vitest run --config test/kill/vitest.config.ts`. */
export default defineConfig({ test: { ...SUITE, include: ["test/kill/*.test.ts"] } });
