import { z } from "zod";
import { defined } from "../service.ts";
import { type Context, dateOf } from "./context.ts";
import { metadata } from "./describe.ts";
import { invalidNextToken } from "./errors.ts";
import { labelsOf, versionIdsToStages } from "./labels.ts";
import type { Secret } from "./store.ts";
import { maxResults, nextToken, parse, secretId } from "./validation.ts";

const FILTER_KEYS = ["description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"] as const;
type FilterKey = (typeof FILTER_KEYS)[number];

const SORT_KEYS = {
  "created-date": (secret: Secret) => secret.created,
  "last-accessed-date": (secret: Secret) => secret.lastAccessed ?? 0,
  "last-changed-date": (secret: Secret) => secret.lastChanged,
  name: (secret: Secret) => secret.name,
};

const Filter = z.object({
  Key: z.enum(FILTER_KEYS),
  Values: z.array(z.string().max(512)).min(1).max(10),
});
export const filters = z.array(Filter).max(10);

const ListSecretsRequest = z.object({
  IncludePlannedDeletion: z.boolean().optional(),
  MaxResults: maxResults.optional(),
  NextToken: nextToken.optional(),
  Filters: filters.optional(),
  SortBy: z.enum(["created-date", "last-accessed-date", "last-changed-date", "name"]).optional(),
  SortOrder: z.enum(["asc", "desc"]).optional(),
});

/** @throws InvalidNextTokenException, ValidationException */
export function listSecrets(context: Context, input: unknown) {
  const request = parse(ListSecretsRequest, input);
  const key = SORT_KEYS[request.SortBy ?? "created-date"];
  const listed = context.store
    .all()
    .filter((secret) => request.IncludePlannedDeletion || secret.deletionDate === undefined)
    .filter((secret) => matchesFilters(secret, request.Filters ?? []))
    .toSorted((a, b) => compare(key(a), key(b)));
  if (request.SortOrder === "desc") listed.reverse();
  const { items, next } = page(listed, request.MaxResults, request.NextToken);
  return defined({ SecretList: items.map(listEntry), NextToken: next });
}

function listEntry(secret: Secret) {
  return { ...metadata(secret), ...defined({ SecretVersionsToStages: versionIdsToStages(secret) }) };
}

const ListSecretVersionIdsRequest = z.object({
  SecretId: secretId,
  MaxResults: maxResults.optional(),
  NextToken: nextToken.optional(),
  IncludeDeprecated: z.boolean().optional(),
});

/** @throws ResourceNotFoundException, InvalidNextTokenException */
export function listSecretVersionIds(context: Context, input: unknown) {
  const request = parse(ListSecretVersionIdsRequest, input);
  const secret = context.store.find(request.SecretId);
  const versions = [...secret.versions.values()].map((version) => ({ version, labels: labelsOf(secret, version.id) }));
  const listed = versions.filter(({ labels }) => request.IncludeDeprecated || labels.length > 0);
  const { items, next } = page(listed, request.MaxResults, request.NextToken);
  const Versions = items.map(({ version, labels }) =>
    defined({
      VersionId: version.id,
      VersionStages: labels.length > 0 ? labels : undefined,
      LastAccessedDate: dateOf(version.lastAccessed),
      CreatedDate: dateOf(version.created),
      KmsKeyIds: [secret.kmsKeyId ?? "DefaultEncryptionKey"],
    }),
  );
  return defined({ ARN: secret.arn, Name: secret.name, Versions, NextToken: next });
}

/** One of a filter's values has to match, and every filter. */
export function matchesFilters(secret: Secret, wanted: z.infer<typeof filters>): boolean {
  return wanted.every(({ Key, Values }) => matches(secret, Key, Values));
}

/** A value that begins with an exclamation mark matches what it would not match without. */
function matches(secret: Secret, key: FilterKey, values: readonly string[]): boolean {
  return values.some((value) =>
    value.startsWith("!") ? !matchesValue(secret, key, value.slice(1)) : matchesValue(secret, key, value),
  );
}

function matchesValue(secret: Secret, key: FilterKey, value: string): boolean {
  const begins = (text: string | undefined) => text?.startsWith(value) ?? false;
  switch (key) {
    case "description":
      return secret.description?.toLowerCase().startsWith(value.toLowerCase()) ?? false;
    case "name":
      return begins(secret.name);
    case "tag-key":
      return [...(secret.tags?.keys() ?? [])].some(begins);
    case "tag-value":
      return [...(secret.tags?.values() ?? [])].some(begins);
    case "primary-region":
      return begins(secret.primaryRegion);
    case "owning-service":
      return begins(secret.owningService);
    case "all":
      return matchesAnywhere(secret, value);
  }
}

function matchesAnywhere(secret: Secret, value: string): boolean {
  const { name, description = "", tags = new Map(), primaryRegion = "", owningService = "" } = secret;
  const text = [name, description, ...[...tags].flat(), primaryRegion, owningService].join(" ").toLowerCase();
  return value
    .toLowerCase()
    .split(/[\s/_+=.@-]+/)
    .some((word) => word !== "" && text.includes(word));
}

/** @throws InvalidNextTokenException */
export function page<T>(
  items: readonly T[],
  size = 100,
  token?: string,
): { items: readonly T[]; next: string | undefined } {
  const start = token === undefined ? 0 : pageStart(token);
  const end = start + size;
  const next = end < items.length ? Buffer.from(`from:${end}`).toString("base64") : undefined;
  return { items: items.slice(start, end), next };
}

function pageStart(token: string): number {
  const start = /^from:(\d+)$/.exec(Buffer.from(token, "base64").toString())?.[1];
  if (start === undefined) throw invalidNextToken();
  return Number(start);
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
