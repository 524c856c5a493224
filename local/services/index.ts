export { createEvents, type EventChaos, type Events, type EventTarget } from "./events.ts";
export { createLambda, type Lambda } from "./lambda.ts";
export { createThreads, type Threads } from "./lambda-threads.ts";
export { createSecretsManager, type RotationRetry, type SecretsManager } from "./secretsmanager.ts";
export { createSns, type Sns } from "./sns.ts";
export { createStates, type States } from "./states.ts";
