export { databaseSessions } from "./database-sessions.ts";
export { httpEndpoint } from "./http-endpoint.ts";
