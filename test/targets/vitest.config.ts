import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** What targets do to a rotation: each engine, existing rotation functions, and dependents on AWS: `npm run test:targets`. */
export default defineConfig({ test: { ...SUITE, include: ["test/targets/*.test.ts"] } });
