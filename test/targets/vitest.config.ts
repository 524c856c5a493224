import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** Rotations of targets other than PostgreSQL, by existing rotation functions, and of dependents on AWS: `npm run test:targets`. */
export default defineConfig({ test: { ...shared.test, include: ["test/targets/*.test.ts"], exclude: [] } });
