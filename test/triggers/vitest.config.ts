import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** Every trigger and every mode through the front door: `npm run test:triggers`. */
export default defineConfig({ test: { ...shared.test, include: ["test/triggers/*.test.ts"], exclude: [] } });
