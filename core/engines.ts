import type { FunctionName } from "./blueprint.ts";

export interface EngineBlueprint {
  /** Added to the names of its functions. */
  readonly suffix: string;
  /** The package that speaks to it, imported when it is first needed. It is in the bundles of its own functions only. */
  readonly driver: string;
  /** What its functions call besides what their rows say. */
  readonly actions?: Readonly<Partial<Record<FunctionName, readonly string[]>>>;
}

/**
 * The kinds of target. Each has a `gate`, a `rotate` and a `roll-back` of its own: no bundle carries two drivers, and each stands in
 * the network of its targets. PostgreSQL's are always there, and serve what needs no driver, too.
 */
export const ENGINES = {
  postgresql: { suffix: "", driver: "pg" },
  mariadb: { suffix: "-mariadb", driver: "mariadb" },
  redis: { suffix: "-redis", driver: "ioredis" },
  lambda: {
    suffix: "-lambda",
    driver: "@aws-sdk/client-lambda",
    actions: {
      rotate: ["lambda:InvokeFunction"],
      // A rollback shows the function the base's value, as a version of its own.
      "roll-back": ["lambda:InvokeFunction", "secretsmanager:PutSecretValue"],
    },
  },
} as const satisfies Readonly<Record<string, EngineBlueprint>>;

export type Engine = keyof typeof ENGINES;
export const DEFAULT_ENGINE: Engine = "postgresql";

/** The functions that reach a target: one for each engine. */
export const DRIVER_FUNCTIONS = ["gate", "rotate", "roll-back"] as const satisfies readonly FunctionName[];

export interface StrategyBlueprint {
  readonly engine: Engine;
  /** Whether it changes users by an administrator, whose secret a policy has to name then. */
  readonly administrator: "never" | "optional" | "required";
  /** Whether its targets can tell open sessions, without which no evidence is strong. */
  readonly sessions: boolean;
  /**
   * What its targets take of the passwords that a policy's rules can ask for. Absent: all of them, as far as the target goes (a
   * rotation function's own rules are not known here).
   */
  readonly password?: {
    /** In characters; each that is generated has one byte. */
    readonly maxLength: number;
    readonly because: string;
  };
}

/** MAX_PLAINTEXT_LENGTH in MySQL's sources: no longer one signs in. MariaDB, which the same strategies serve, has no such limit. */
const MYSQL_PASSWORD = {
  maxLength: 256,
  because: "MySQL's caching_sha2_password lets nobody in with a longer one",
} as const;

/** What a deployment has to know of each strategy, without the code of it. */
export const STRATEGIES = {
  lambda: { engine: "lambda", administrator: "never", sessions: false },
  "mariadb-alternating-users": {
    engine: "mariadb",
    administrator: "required",
    sessions: false,
    password: MYSQL_PASSWORD,
  },
  "mariadb-dual": { engine: "mariadb", administrator: "optional", sessions: false },
  "mariadb-single-user": { engine: "mariadb", administrator: "never", sessions: false, password: MYSQL_PASSWORD },
  "postgres-alternating-users": { engine: "postgresql", administrator: "required", sessions: true },
  "postgres-single-user": { engine: "postgresql", administrator: "optional", sessions: true },
  "random-text": { engine: "postgresql", administrator: "never", sessions: false },
  "random-value": { engine: "postgresql", administrator: "never", sessions: false },
  "redis-dual": { engine: "redis", administrator: "optional", sessions: true },
} as const satisfies Readonly<Record<string, StrategyBlueprint>>;

/** The row of a policy's strategy; undefined where there is none of that name. Pure. */
export function strategyBlueprint(name: string | null | undefined): StrategyBlueprint | undefined {
  return name != null && Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name as keyof typeof STRATEGIES] : undefined;
}
