import { randomUUID } from "node:crypto";
import { type ErrorName, RotationError } from "../errors.ts";
import {
  type Arn,
  type DependentMethod,
  type DependentTools,
  defineDependent,
  type SecretChange,
} from "./dependent.ts";
import { networksOf } from "./http-address.ts";
import { type Answer, exchange, NoAnswer } from "./http-exchange.ts";
import { signatureHeaders } from "./http-signature.ts";
import { type HttpEndpoint, httpTarget } from "./http-target.ts";

/**
 * A service that is asked over HTTP. It is handed ids only, and reads the secret itself. Of its answers nothing is kept
 * but the status and the version id; messages name its host, never a path or query.
 *
 * - verify: 2xx that names the version, in JSON or a header. That is a claim: the target's sessions confirm it or not. 2xx
 *   that names none is weak evidence, unless the policy says where it is named.
 * - refresh: 2xx once the request is accepted.
 * - probe: 2xx that names the version, with which it has just signed in.
 *
 * refresh and probe are signed where the policy names a key: whoever verifies them does nothing for a stranger, and nothing
 * twice. verify changes nothing, and is not signed.
 */
export const httpEndpoint = defineDependent<HttpEndpoint>({
  kind: "http-endpoint",
  target: httpTarget,
  canProbe: ({ probe }) => probe !== undefined,
  actions: [
    {
      action: "secretsmanager:GetSecretValue",
      during: signed,
      on: ({ signing }, arn) => (signing === undefined ? [] : [arnOfSecret(signing.secretId, arn)]),
    },
    {
      action: "kms:Decrypt",
      during: signed,
      on: ({ signing }) => (signing?.kmsKeyArn === undefined ? [] : [signing.kmsKeyArn]),
      when: (_, arn) => ({ StringEquals: { "kms:ViaService": [`secretsmanager.${regionOf(arn)}.amazonaws.com`] } }),
    },
  ],

  /** @throws RotationError DependentUnhealthy (it cannot sign in, or refuses), Throttled, TargetUnavailable, ConfigurationInvalid; what readKey throws */
  async probe(endpoint, candidate, signal, tools) {
    if (endpoint.probe === undefined) {
      return;
    }
    const { status, versionIds, host } = await post("probe", endpoint.probe, endpoint, candidate, signal, tools);
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

  /** @throws RotationError DependentUnhealthy (it refuses), Throttled, TargetUnavailable, ConfigurationInvalid; what readKey throws */
  async refresh(endpoint, change, signal, tools) {
    if (endpoint.refresh !== undefined) {
      await post("refresh", endpoint.refresh, endpoint, change, signal, tools);
    }
  },

  /** @throws RotationError DependentNotReady, ConfigurationInvalid */
  async verify(endpoint, { versionId }, signal) {
    const { verify: url, version } = endpoint;
    const { host } = new URL(url);
    const request = { method: "GET", url, reads: "version", ...limitsOf(endpoint), signal } as const;
    const { status, versionIds } = await exchange(request).catch((error: unknown) =>
      Promise.reject(asRotationError(error, "DependentNotReady", host)),
    );
    if (!isSuccess(status)) {
      throw new RotationError(
        "DependentNotReady",
        `${host} is not healthy: it answered with status ${status}${hint(status)}.`,
      );
    }
    if (versionIds.length === 0 && version !== undefined) {
      throw new RotationError(
        "DependentNotReady",
        `${host} is healthy (status ${status}) and does not say which version it uses where the policy says it does.`,
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
  endpoint: HttpEndpoint,
  { secretArn, versionId }: SecretChange,
  signal: AbortSignal,
  tools: DependentTools = {},
): Promise<Answer & { readonly host: string }> {
  const { host } = new URL(to);
  // Its purpose is in it, so that what was signed for one is not taken for the other.
  const body = JSON.stringify({ action: purpose, secretId: secretArn, versionId });
  const headers = await sign(endpoint, body, signal, tools);
  const reads = purpose === "probe" ? "version" : "status";
  const request = { method: "POST", url: to, body, headers, reads, ...limitsOf(endpoint), signal } as const;
  const answer = await exchange(request).catch((error: unknown) =>
    Promise.reject(asRotationError(error, "TargetUnavailable", host)),
  );
  if (isSuccess(answer.status)) {
    return { ...answer, host };
  }
  const name = nameOf(answer.status);
  const did = name === "DependentUnhealthy" ? "refused" : "did not accept";
  throw new RotationError(name, `${host} ${did} the ${purpose} with status ${answer.status}${hint(answer.status)}.`);
}

/** What is signed, of what the target has. */
function signed({ refresh, probe }: HttpEndpoint): readonly DependentMethod[] {
  return [...(probe === undefined ? [] : ["probe" as const]), ...(refresh === undefined ? [] : ["refresh" as const])];
}

/** A request that is repeated is a message of its own: a receiver may refuse every id that it has seen. */
async function sign(
  { signing }: HttpEndpoint,
  body: string,
  signal: AbortSignal,
  { readKey }: DependentTools,
): Promise<Readonly<Record<string, string>>> {
  if (signing === undefined) return {};
  if (readKey === undefined) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The requests have to be signed with the key in ${signing.secretId}, and this function may not read one.`,
    );
  }
  return signatureHeaders(await readKey(signing.secretId, signal), body, `msg_${randomUUID()}`, new Date());
}

function limitsOf({ version, addresses, timeoutSeconds }: HttpEndpoint) {
  return { place: version, allowed: addresses && networksOf(addresses), timeoutSeconds };
}

function regionOf(arn: Arn): string {
  return arn("kms", "").split(":")[3] ?? "";
}

/** A name lacks the six characters that AWS appends to it in an ARN. */
function arnOfSecret(secretId: string, arn: Arn): string {
  return secretId.startsWith("arn:") ? secretId : arn("secretsmanager", `secret:${secretId}-??????`);
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
