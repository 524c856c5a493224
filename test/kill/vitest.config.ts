import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** A process that is killed at random instants: `npx vitest run --config test/kill/vitest.config.ts`. */
export default defineConfig({ test: { ...shared.test, include: ["test/kill/*.test.ts"], exclude: [] } });
