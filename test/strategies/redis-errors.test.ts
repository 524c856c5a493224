import { inspect } from "node:util";
import { ReplyError } from "ioredis";
import { expect, test } from "vitest";
import { RotationError } from "../../core/errors.ts";
import { codeOf, toRotationError } from "../../core/strategies/redis-errors.ts";

const attempt = { host: "cache.example", port: 6379, versionId: "v-1", command: "ACL SETUSER" };

/** As the driver makes it: the whole command hangs on it. */
function reply(text: string): Error {
  return Object.assign(new ReplyError(`${text} 'hunter2'`), { command: { name: "auth", args: ["app", "hunter2"] } });
}

/** As Redis 6, 7 and 8 and Valkey 7, 8 and 9 say it. */
test.each([
  ["WRONGPASS invalid username-password pair or user is disabled.", "CredentialRejected", "WRONGPASS"],
  ["NOPERM this user has no permissions to run the 'acl' command or its subcommand", "AccessDenied", "NOPERM"],
  ["NOPERM User app has no permissions to run the 'acl|setuser' command", "AccessDenied", "NOPERM"],
  ["NOAUTH Authentication required.", "AccessDenied", "NOAUTH"],
  ["DENIED Redis is running in protected mode because", "AccessDenied", "DENIED"],
  ["LOADING Redis is loading the dataset in memory", "TargetUnavailable", "LOADING"],
  ["BUSY Redis is busy running a script.", "TargetUnavailable", "BUSY"],
  ["MASTERDOWN Link with MASTER is down", "TargetUnavailable", "MASTERDOWN"],
  ["READONLY You can't write against a read only replica.", "TargetUnavailable", "READONLY"],
  ["ERR max number of clients reached", "TargetUnavailable", "ERR_MAX_CLIENTS"],
  [
    "ERR Error in ACL SETUSER modifier '!00': The password you are trying to remove from the user does not exist",
    "TargetUnavailable",
    "ERR_NO_SUCH_PASSWORD",
  ],
  ["ERR This Redis instance is not configured to use an ACL file.", "ConfigurationInvalid", "ERR_NO_ACL_FILE"],
  ["ERR This Valkey instance is not configured to use an ACL file.", "ConfigurationInvalid", "ERR_NO_ACL_FILE"],
  ["ERR There was an error trying to save the ACLs.", "TargetUnavailable", "ERR_NOT_SAVED"],
  ["ERR unknown command 'ACL', with args beginning with:", "ConfigurationInvalid", "ERR_UNKNOWN_COMMAND"],
  ["ERR unknown subcommand 'SETUSER'. Try ACL HELP.", "ConfigurationInvalid", "ERR_UNKNOWN_COMMAND"],
  ["ERR wrong number of arguments for 'auth' command", "ConfigurationInvalid", "ERR_UNKNOWN_COMMAND"],
  ["ERR Error in ACL SETUSER modifier '#x': Syntax error", "InternalError", "ERR"],
  ["hunter2 is no code", "InternalError", "ERR"],
])("%s is %s, and nothing of the reply is left but a code", (text, name, code) => {
  const error = toRotationError(reply(text), attempt);

  expect(error.name).toBe(name);
  expect(error.message).toContain("cache.example:6379");
  expect(error.message).toContain("v-1");
  expect(error.message).toContain(`(${code})`);
  expect(codeOf(error)).toBe(code);
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test.each([
  ["ECONNREFUSED", "TargetUnavailable"],
  ["ENOTFOUND", "TargetUnavailable"],
  ["EPIPE", "TargetUnavailable"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "ConfigurationInvalid"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "ConfigurationInvalid"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "ConfigurationInvalid"],
  [undefined, "TargetUnavailable"],
])("the connection's error %s is %s", (code, name) => {
  const error = toRotationError(Object.assign(new Error("hunter2"), code && { code }), attempt);

  expect(error.name).toBe(name);
  expect(error.message).toContain(code ?? "no answer");
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test("a denied command is named, and a refused credential is told without one", () => {
  expect(toRotationError(reply("NOPERM"), attempt).message).toContain("denied ACL SETUSER (NOPERM)");
  expect(toRotationError(reply("WRONGPASS"), attempt).message).toContain("refused the credential (WRONGPASS)");
});

test("a code that is no code is not passed on", () => {
  const error = toRotationError(Object.assign(new Error(), { code: "it's hunter2" }), attempt);

  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test("an error that is ours already stays as it is", () => {
  const error = new RotationError("AccessDenied", "ours");

  expect(toRotationError(error, attempt)).toBe(error);
});
