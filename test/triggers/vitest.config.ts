import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** Every trigger and every mode through the front door: `npm run test:triggers`. */
export default defineConfig({ test: { ...SUITE, include: ["test/triggers/*.test.ts"] } });
