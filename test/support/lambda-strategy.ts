/** Takes the place of `core/strategies/index.ts` in functions that are bundled for tests with a rotation function. */
export { lambda } from "../../core/strategies/lambda.ts";
