// Held to their exams, and not found by a policy yet: their engines have no functions of their own, and no bundle carries two
// drivers. A line moves to `index.ts` with its engine's functions.
export { lambda } from "./lambda.ts";
export { mariadbAlternatingUsers } from "./mariadb-alternating-users.ts";
export { mariadbDual } from "./mariadb-dual.ts";
export { mariadbSingleUser } from "./mariadb-single-user.ts";
export { randomValue } from "./random-value.ts";
export { redisDual } from "./redis-dual.ts";
