export { databaseSessions } from "./database-sessions.ts";
export { ecsService } from "./ecs-service.ts";
export { httpEndpoint } from "./http-endpoint.ts";
export { lambdaFunction } from "./lambda-function.ts";
