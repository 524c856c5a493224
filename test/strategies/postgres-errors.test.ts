import { inspect } from "node:util";
import { expect, test } from "vitest";
import { RotationError } from "../../core/errors.ts";
import { sqlStateOf, toRotationError } from "../../core/strategies/postgres-errors.ts";

const attempt = { host: "db.example", port: 5432, versionId: "v-1" };

function driverError(code: string | undefined): Error {
  return Object.assign(new Error('syntax error at or near "hunter2"'), {
    ...(code && { code }),
    query: "ALTER ROLE app PASSWORD 'hunter2'",
    detail: "hunter2",
  });
}

test.each([
  ["28P01", "CredentialRejected"],
  ["28000", "CredentialRejected"],
  ["42501", "AccessDenied"],
  ["0LP01", "AccessDenied"],
  ["25006", "TargetUnavailable"],
  ["53300", "TargetUnavailable"],
  ["55P03", "TargetUnavailable"],
  ["57014", "TargetUnavailable"],
  ["57P03", "TargetUnavailable"],
  ["08006", "TargetUnavailable"],
  ["40P01", "TargetUnavailable"],
  ["XX000", "TargetUnavailable"],
  ["3D000", "ConfigurationInvalid"],
  ["22023", "ConfigurationInvalid"],
  ["42601", "ConfigurationInvalid"],
  ["F0000", "InternalError"],
  ["ECONNREFUSED", "TargetUnavailable"],
  ["ENOTFOUND", "TargetUnavailable"],
  ["EPIPE", "TargetUnavailable"],
  ["ETIMEDOUT", "TargetUnavailable"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "ConfigurationInvalid"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "ConfigurationInvalid"],
  [undefined, "TargetUnavailable"],
])("%s is %s, and nothing of the driver's error is left but its code", (code, name) => {
  const error = toRotationError(driverError(code), attempt);

  expect(error.name).toBe(name);
  expect(error.message).toContain("db.example:5432");
  expect(error.message).toContain("v-1");
  expect(error.message).toContain(code ?? "no answer");
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test("a code that is no code is not passed on", () => {
  const error = toRotationError(driverError("it's hunter2"), attempt);

  expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
});

test("an error that is ours already stays as it is", () => {
  const error = new RotationError("AccessDenied", "ours");

  expect(toRotationError(error, attempt)).toBe(error);
});

test("the SQLSTATE can be read from the server's error and from ours, a socket's code cannot", () => {
  const ours = toRotationError(driverError("2BP01"), attempt);

  expect([driverError("2BP01"), ours, driverError("EPIPE"), undefined].map(sqlStateOf)).toEqual([
    "2BP01",
    "2BP01",
    undefined,
    undefined,
  ]);
});
