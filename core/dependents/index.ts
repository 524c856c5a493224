export { httpEndpoint } from "./http-endpoint.ts";
