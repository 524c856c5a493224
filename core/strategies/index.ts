export { postgresAlternatingUsers } from "./postgres-alternating-users.ts";
export { postgresSingleUser } from "./postgres-single-user.ts";
