/**
 * What a request says by the members that Secrets Manager's model knows, without those that carry a value or a token. AWS drops the
 * others, and they may be anything: a value under a name that is written wrong.
 */
export function shownMembers(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(shownMembers);
  if (input === null || typeof input !== "object" || input instanceof Uint8Array || input instanceof Date) return input;
  const shown = Object.entries(input).filter(([name, value]) => SHOWN.has(name) && value != null);
  return Object.fromEntries(shown.map(([name, value]) => [name, shownMembers(value)]));
}

// --- internal ---

/** Of the requests of all operations, and of the structures in them. */
const SHOWN: ReadonlySet<string> = new Set(
  `SecretId Name Description KmsKeyId Type Tags TagKeys Key Value Values Region AddReplicaRegions ForceOverwriteReplicaSecret
  ClientRequestToken VersionId VersionStage VersionStages MoveToVersionId RemoveFromVersionId
  RotationLambdaARN RotationRules AutomaticallyAfterDays Duration ScheduleExpression RotateImmediately
  RecoveryWindowInDays ForceDeleteWithoutRecovery
  SecretIdList Filters SortOrder SortBy MaxResults NextToken IncludeDeprecated IncludePlannedDeletion
  PasswordLength ExcludeCharacters ExcludeNumbers ExcludePunctuation ExcludeUppercase ExcludeLowercase IncludeSpace
  RequireEachIncludedType`.split(/\s+/),
);
