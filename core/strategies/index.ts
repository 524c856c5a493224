export { lambda } from "./lambda.ts";
export { mariadbAlternatingUsers } from "./mariadb-alternating-users.ts";
export { mariadbDual } from "./mariadb-dual.ts";
export { mariadbSingleUser } from "./mariadb-single-user.ts";
export { postgresAlternatingUsers } from "./postgres-alternating-users.ts";
export { postgresSingleUser } from "./postgres-single-user.ts";
export { randomValue } from "./random-value.ts";
export { redisDual } from "./redis-dual.ts";
