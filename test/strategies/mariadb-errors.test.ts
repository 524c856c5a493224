import { inspect } from "node:util";
import { expect, test } from "vitest";
import { RotationError } from "../../core/errors.ts";
import { errorNumberOf, isTlsFailure, toRotationError } from "../../core/strategies/mariadb-errors.ts";

const attempt = { host: "db.example", port: 3306, versionId: "v-1", isSignedIn: false };

/** As the driver makes them: the statement is in the message, and in `sql`. */
function driverError(errno: number | undefined, code?: string): Error {
  const sql = "ALTER USER app IDENTIFIED BY 'hunter2'";
  return Object.assign(new Error(`(conn:1, no: ${errno}) near 'hunter2'\nsql: ${sql}`), {
    sqlMessage: "near 'hunter2'",
    sql,
    errno,
    code,
    cause: new Error("hunter2"),
  });
}

test.each([
  [1045, "CredentialRejected"],
  [1698, "CredentialRejected"],
  [1820, "AccessDenied"],
  [1862, "AccessDenied"],
  [1044, "AccessDenied"],
  [1130, "AccessDenied"],
  [1142, "AccessDenied"],
  [1227, "AccessDenied"],
  [3118, "AccessDenied"],
  [4150, "AccessDenied"],
  [4151, "AccessDenied"],
  [1040, "TargetUnavailable"],
  [1047, "TargetUnavailable"],
  [1053, "TargetUnavailable"],
  [1129, "TargetUnavailable"],
  [1203, "TargetUnavailable"],
  [1205, "TargetUnavailable"],
  [1213, "TargetUnavailable"],
  [1226, "TargetUnavailable"],
  [1396, "TargetUnavailable"],
  [1135, "TargetUnavailable"],
  [1180, "TargetUnavailable"],
  [1290, "TargetUnavailable"],
  [1792, "TargetUnavailable"],
  [1836, "TargetUnavailable"],
  [1927, "TargetUnavailable"],
  [1969, "TargetUnavailable"],
  [1049, "ConfigurationInvalid"],
  [1064, "ConfigurationInvalid"],
  [1524, "ConfigurationInvalid"],
  [1819, "ConfigurationInvalid"],
  [3159, "ConfigurationInvalid"],
  [1146, "InternalError"],
])("error %i is %s, and nothing of the driver's error is left but its number", (errno, name) => {
  const error = toRotationError(driverError(errno, "ER_WHATEVER"), attempt);

  expect(error.name).toBe(name);
  expect(error.message).toContain("db.example:3306");
  expect(error.message).toContain("v-1");
  expect(error.message).toContain(`error ${errno}`);
  expect(errorNumberOf(error)).toBe(errno);
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test.each([
  [-111, "ECONNREFUSED", "TargetUnavailable"],
  [-3008, "ENOTFOUND", "TargetUnavailable"],
  [-104, "ECONNRESET", "TargetUnavailable"],
  [45_009, "ER_SOCKET_UNEXPECTED_CLOSE", "TargetUnavailable"],
  [45_011, "ER_UNEXPECTED_PACKET", "TargetUnavailable"],
  [45_023, "ER_SERVER_SSL_DISABLED", "ConfigurationInvalid"],
  [45_044, "ER_CANNOT_RETRIEVE_RSA_KEY", "ConfigurationInvalid"],
  [45_047, "ER_NOT_SUPPORTED_AUTH_PLUGIN", "ConfigurationInvalid"],
  [undefined, "SELF_SIGNED_CERT_IN_CHAIN", "ConfigurationInvalid"],
  [undefined, "ERR_TLS_CERT_ALTNAME_INVALID", "ConfigurationInvalid"],
  [undefined, undefined, "TargetUnavailable"],
])("of a socket or of the driver: %s, %s is %s", (errno, code, name) => {
  const error = toRotationError(driverError(errno, code), attempt);

  expect(error.name).toBe(name);
  expect(error.message).toContain(errno === 45_023 ? "no TLS" : (code ?? "no answer"));
  expect(errorNumberOf(error)).toBeUndefined();
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test("a denial after the sign-in is one of a privilege, not of the credential", () => {
  const within = { ...attempt, isSignedIn: true };

  expect([1045, 1698].map((errno) => toRotationError(driverError(errno), within).name)).toEqual([
    "AccessDenied",
    "AccessDenied",
  ]);
});

test("a code that is no code is not passed on", () => {
  const error = toRotationError(driverError(undefined, "it's hunter2"), attempt);

  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test("an error that is ours already stays as it is", () => {
  const error = new RotationError("AccessDenied", "ours");

  expect(toRotationError(error, attempt)).toBe(error);
});

test("TLS has failed where there is none, or none that can be verified, and not where a password is refused", () => {
  const errors = [
    driverError(45_023, "ER_SERVER_SSL_DISABLED"),
    driverError(undefined, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    driverError(1045, "ER_ACCESS_DENIED_ERROR"),
    driverError(-111, "ECONNREFUSED"),
    undefined,
  ];

  expect(errors.map(isTlsFailure)).toEqual([true, true, false, false, false]);
});
