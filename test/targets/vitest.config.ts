import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** What targets do to a rotation: each engine, existing rotation functions, and dependents on AWS: `npm run test:targets`. */
export default defineConfig({ test: { ...shared.test, include: ["test/targets/*.test.ts"], exclude: [] } });
