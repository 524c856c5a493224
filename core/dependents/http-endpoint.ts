import * as z from "zod/mini";
import { type ErrorName, RotationError } from "../errors.ts";
import { defineDependent, type SecretChange } from "./dependent.ts";
import { faultOfUrl } from "./http-address.ts";
import { type Answer, exchange, NoAnswer } from "./http-exchange.ts";

const url = (field: string) =>
  z.string({ error: `${field} must be a URL` }).check(
    z.superRefine((text, context) => {
      const fault = faultOfUrl(text);
      if (fault !== undefined) {
        context.addIssue({ code: "custom", message: `${field} ${fault}` });
      }
    }),
  );

const seconds = "timeoutSeconds must be a whole number from 1 to 20";

const target = z.strictObject(
  {
    /** POST {secretId, versionId}: read the secret again. Absent: it notices a new version by itself. */
    refresh: z.optional(url("refresh")),
    /** GET: healthy, and the version that its newest authentication used. */
    verify: url("verify"),
    /** POST {secretId, versionId}: sign in with that version, without going over to it. */
    probe: z.optional(url("probe")),
    /** For one request as a whole, in seconds. */
    timeoutSeconds: z._default(z.int({ error: seconds }).check(z.minimum(1, seconds), z.maximum(20, seconds)), 5),
  },
  {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `there is no field ${issue.keys.join(", ")}: the fields are refresh, verify, probe and timeoutSeconds`
        : "the target must be an object with at least verify, a URL",
  },
);
export type HttpEndpoint = z.infer<typeof target>;

/**
 * A service that is asked over HTTP. It is handed ids only, and reads the secret itself. Of its answers nothing is kept
 * but the status and the version id; messages name its host, never a path or query.
 *
 * - verify: 2xx with JSON `{"versionId"}` or the header `rotation-version-id`. That is a claim: the target's sessions
 *   confirm it or not. 2xx that names no version is weak evidence.
 * - refresh: 2xx once the request is accepted.
 * - probe: 2xx with JSON `{"versionId"}`, the version that it has just signed in with.
 */
export const httpEndpoint = defineDependent<HttpEndpoint>({
  kind: "http-endpoint",
  target,
  canProbe: ({ probe }) => probe !== undefined,

  /** @throws RotationError DependentUnhealthy (it cannot sign in, or refuses), Throttled, TargetUnavailable, ConfigurationInvalid */
  async probe(endpoint, candidate, signal) {
    if (endpoint.probe === undefined) {
      return;
    }
    const { status, versionIds, host } = await post("probe", endpoint.probe, endpoint, candidate, signal);
    if (versionIds.length === 0 || versionIds.includes(null)) {
      throw new RotationError(
        "DependentUnhealthy",
        `${host} answered the probe with status ${status} and no version id: it proved nothing.`,
      );
    }
    const another = versionIds.find((id) => id !== candidate.versionId);
    if (another !== undefined) {
      throw new RotationError(
        "DependentUnhealthy",
        `${host} answered the probe for version ${candidate.versionId} with ${shown(another)}.`,
      );
    }
  },

  /** @throws RotationError DependentUnhealthy (it refuses), Throttled, TargetUnavailable, ConfigurationInvalid */
  async refresh(endpoint, change, signal) {
    if (endpoint.refresh !== undefined) {
      await post("refresh", endpoint.refresh, endpoint, change, signal);
    }
  },

  /** @throws RotationError DependentNotReady, ConfigurationInvalid */
  async verify({ verify, timeoutSeconds }, { versionId }, signal) {
    const { host } = new URL(verify);
    const request = { method: "GET", url: verify, reads: "version", timeoutSeconds, signal } as const;
    const { status, versionIds } = await exchange(request).catch((error: unknown) =>
      Promise.reject(asRotationError(error, "DependentNotReady", host)),
    );
    if (!isSuccess(status)) {
      throw new RotationError(
        "DependentNotReady",
        `${host} is not healthy: it answered with status ${status}${hint(status)}.`,
      );
    }
    if (versionIds.length === 0) {
      return { strength: "weak", seen: `${host} is healthy (status ${status}) and does not say which version it uses` };
    }
    if (versionIds.includes(null)) {
      throw new RotationError("DependentNotReady", `${host} has not authenticated yet, expected version ${versionId}.`);
    }
    const another = versionIds.find((id) => id !== versionId);
    if (another !== undefined) {
      throw new RotationError("DependentNotReady", `${host} reports ${shown(another)}, expected version ${versionId}.`);
    }
    return { strength: "claimed", seen: `${host} says that its newest authentication used version ${versionId}` };
  },
});

// --- answers ---

async function post(
  purpose: "refresh" | "probe",
  to: string,
  { timeoutSeconds }: HttpEndpoint,
  { secretArn, versionId }: SecretChange,
  signal: AbortSignal,
): Promise<Answer & { readonly host: string }> {
  const { host } = new URL(to);
  const body = { secretId: secretArn, versionId };
  const reads = purpose === "probe" ? "version" : "status";
  const answer = await exchange({ method: "POST", url: to, body, reads, timeoutSeconds, signal }).catch(
    (error: unknown) => Promise.reject(asRotationError(error, "TargetUnavailable", host)),
  );
  if (isSuccess(answer.status)) {
    return { ...answer, host };
  }
  const name = nameOf(answer.status);
  const did = name === "DependentUnhealthy" ? "refused" : "did not accept";
  throw new RotationError(name, `${host} ${did} the ${purpose} with status ${answer.status}${hint(answer.status)}.`);
}

function nameOf(status: number): ErrorName {
  // Case 1: it asks for time.
  if (status === 429) return "Throttled";
  // Case 2: Request Timeout, Too Early, or a fault of its own. Asking again may help.
  if (status === 408 || status === 425 || status >= 500) return "TargetUnavailable";
  // Case 3: it has moved. Only the policy can say whether the new place is to be trusted.
  if (status < 400) return "ConfigurationInvalid";
  // Case 4: it says no.
  return "DependentUnhealthy";
}

function asRotationError(error: unknown, name: ErrorName, host: string): unknown {
  return error instanceof NoAnswer ? new RotationError(name, `${host} ${error.why}.`) : error;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

function hint(status: number): string {
  return status >= 300 && status <= 399 ? "; redirects are not followed, give its final URL" : "";
}

/** What a dependent puts where a version id belongs may be anything, so only what looks like one is repeated. */
function shown(versionId: string | null): string {
  return versionId !== null && UUID.test(versionId) ? `version ${versionId}` : "an id that is not a UUID";
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
