import type { STRATEGIES } from "./engines.ts";

/**
 * What a strategy may say to its target to change it, in the target's own language: shapes for people, with "«...»" where they differ.
 * Which of them it says depends on what it finds; what it only reads is not here.
 */
export interface Statements {
  readonly setSecret: readonly string[];
  readonly rollbackSecret: readonly string[];
}

/** Of each strategy; its exam holds it to them. Data only, and apart from the strategies, which bring their drivers. */
export const STATEMENTS: Readonly<Record<keyof typeof STRATEGIES, Statements>> = {
  lambda: {
    setSecret: ["createSecret «version», then setSecret «version», of the rotation function"],
    rollbackSecret: ["setSecret «copy of the base», then testSecret, of the rotation function"],
  },
  "mariadb-alternating-users": {
    setSecret: [
      "CREATE USER «account» «locked» «options of the original»",
      "GRANT «what the original has» TO «account»",
      "REVOKE «what the original does not have» FROM «account»",
      "ALTER USER «account» «options of the original, or the new password's hash»",
      "SET DEFAULT ROLE «role» FOR «account»",
    ],
    rollbackSecret: ["DROP USER «account»", "ALTER USER «account» «the hash before, or locked»"],
  },
  "mariadb-dual": {
    setSecret: ["ALTER USER «account» «the hashes of both passwords»"],
    rollbackSecret: ["ALTER USER «account» «the hashes without the new one»"],
  },
  "mariadb-single-user": {
    setSecret: [
      "SET PASSWORD = «the new password's hash»",
      "ALTER USER USER() IDENTIFIED BY «MySQL: the new password, over TLS only»",
    ],
    rollbackSecret: [
      "SET PASSWORD = «the old password's hash»",
      "ALTER USER USER() IDENTIFIED BY «MySQL: the old password, over TLS only»",
    ],
  },
  "postgres-alternating-users": {
    setSecret: [
      "CREATE ROLE «user» LOGIN PASSWORD «SCRAM verifier of the new password»",
      "COMMENT ON ROLE «user» IS «who has created it»",
      "ALTER ROLE «user» LOGIN PASSWORD «SCRAM verifier of the new password»",
      "ALTER ROLE «user» «attributes of the original»",
      "ALTER ROLE «user» SET «setting of the original» TO «value»",
      "ALTER ROLE «user» RESET «setting that the original does not have»",
      "GRANT «original» TO «user»",
    ],
    rollbackSecret: [
      "DROP ROLE «user»",
      "ALTER ROLE «user» NOLOGIN PASSWORD NULL",
      "ALTER ROLE «user» PASSWORD «SCRAM verifier of the password before, or NULL»",
    ],
  },
  "postgres-single-user": {
    setSecret: ["ALTER ROLE «user» PASSWORD «SCRAM verifier of the new password»"],
    rollbackSecret: ["ALTER ROLE «user» PASSWORD «SCRAM verifier of the old password»"],
  },
  "random-text": { setSecret: [], rollbackSecret: [] },
  "random-value": { setSecret: [], rollbackSecret: [] },
  "redis-dual": {
    setSecret: ["ACL SAVE", "ACL SETUSER «user» «hashes of both passwords»"],
    rollbackSecret: ["ACL SAVE", "ACL SETUSER «user» «the new password's hash taken away»"],
  },
};
