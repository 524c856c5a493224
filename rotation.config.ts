import { definePolicies } from "./core/policies.ts";

/**
 * The secrets of this account that Rotor looks after: one entry each. `npm start` rotates two secrets of its own on this
 * machine and does not read this file.
 */
export default definePolicies([]);
