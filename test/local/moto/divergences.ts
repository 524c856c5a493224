import type { Divergence } from "./compare.ts";

/**
 * A known divergence of moto 5.2.1 from the embedded account, and why the account is right. moto decides nothing: where AWS is
 * `recorded` or `documented`, the account does as AWS does, and where it is `unconfirmed` either may be wrong.
 */
export interface KnownDivergence extends Divergence {
  readonly aws: "recorded" | "documented" | "unconfirmed";
  /** AWS's page, or what was recorded. See docs/conformance.md. */
  readonly why: string;
}

/** `*` stands for any text. */
export const KNOWN: readonly KnownDivergence[] = [
  // Replies.
  {
    ...{ step: "*", at: "status", ours: "400", motos: "404" },
    ...{ aws: "recorded", why: "Secrets Manager refuses with status 400, also what it cannot find." },
  },
  {
    ...{ step: "*: *", at: "*LastAccessedDate", ours: "a date", motos: "(absent)" },
    ...{ aws: "recorded", why: "A secret that was read says on which day." },
  },
  {
    ...{ step: "*: ListSecretVersionIds", at: "Versions.*.LastAccessedDate", ours: "(absent)", motos: "a date" },
    ...{
      aws: "recorded",
      why: "A version that was never read has no LastAccessedDate; moto gives the time of the call.",
    },
  },
  {
    ...{ step: "*: ListSecretVersionIds", at: "Versions.*.KmsKeyIds", ours: "DefaultEncryptionKey", motos: "(absent)" },
    ...{ aws: "recorded", why: "Each version names its key." },
  },
  {
    ...{ step: "*: ListSecretVersionIds", at: "ARN", ours: "arn:aws:secretsmanager:*", motos: "*" },
    ...{ aws: "recorded", why: "ARN is the ARN; moto gives the name." },
  },
  {
    ...{ step: "promotion *: ListSecretVersionIds", at: "NextToken", ours: "(absent)", motos: "an empty token" },
    ...{ aws: "recorded", why: "There is no NextToken on the last page." },
  },
  {
    ...{ step: "version-pages 2: *", at: "NextToken", ours: "a token", motos: "an empty token" },
    ...{ aws: "documented", why: "API_ListSecretVersionIds, MaxResults; moto has no pages." },
  },
  {
    ...{ step: "version-pages 2: *", at: "Versions.v2.*", ours: "(absent)", motos: "*" },
    ...{ aws: "documented", why: "API_ListSecretVersionIds, MaxResults; moto has no pages." },
  },
  {
    ...{
      step: "versions-of-a-missing-secret 1: *",
      at: "outcome",
      ours: "ResourceNotFoundException",
      motos: "status 500",
    },
    ...{ aws: "recorded", why: "moto breaks down." },
  },

  // Labels.
  {
    ...{ step: "*", at: "*ToStages.*", ours: "(absent)", motos: "none" },
    ...{ aws: "recorded", why: "Only versions with a label are in the map (API_DescribeSecret, VersionIdsToStages)." },
  },
  {
    ...{ step: "promotion 10: *", at: "Versions.v1.*", ours: "(absent)", motos: "*" },
    ...{ aws: "recorded", why: "A version without a label is listed with IncludeDeprecated only." },
  },
  {
    ...{ step: "promotion 11: *", at: "Versions.v1.VersionStages", ours: "(absent)", motos: "none" },
    ...{ aws: "recorded", why: "A version without a label has no VersionStages." },
  },
  {
    ...{ step: "promotion 5: GetSecretValue", at: "*", ours: "*v2", motos: "*v1" },
    ...{
      aws: "recorded",
      why: "A moved AWSCURRENT is what is read; moto reads the version that was written as current.",
    },
  },
  {
    ...{
      step: "promotion 5: GetSecretValue",
      at: "VersionStages",
      ours: "AWSCURRENT, AWSPENDING",
      motos: "AWSPREVIOUS",
    },
    ...{ aws: "recorded", why: "The same." },
  },
  {
    ...{ step: "write-after-promotion 3: *", at: "*ToStages.v2", ours: "AWSPREVIOUS", motos: "AWSCURRENT, AWSPENDING" },
    ...{ aws: "recorded", why: "AWSCURRENT leaves the promoted version; moto then has it on two versions." },
  },
  {
    ...{ step: "write-after-promotion 3: *", at: "*ToStages.v1", ours: "(absent)", motos: "AWSPREVIOUS" },
    ...{ aws: "recorded", why: "The same." },
  },
  {
    ...{ step: "write-after-promotion 4: *", at: "*ToStages.v2", ours: "(absent)", motos: "AWSCURRENT, AWSPENDING" },
    ...{ aws: "recorded", why: "The same, one write later." },
  },
  {
    ...{ step: "custom-labels 2: *", at: "*ToStages.v2", ours: "AWSPREVIOUS, PUT0", motos: "AWSPREVIOUS" },
    ...{ aws: "recorded", why: "A custom label stays with its version when AWSCURRENT leaves it." },
  },
  {
    ...{ step: "label-held-elsewhere 2: *", at: "outcome", ours: "InvalidParameterException", motos: "answered" },
    ...{
      aws: "documented",
      why: "API_UpdateSecretVersionStage, RemoveFromVersionId: compare-and-swap, for every label.",
    },
  },
  {
    ...{ step: "label-held-elsewhere 2: *", at: "*ToStages.v1", ours: "AWSCURRENT", motos: "AWSCURRENT, AWSPENDING" },
    ...{ aws: "documented", why: "A label is on one version at a time (API_PutSecretValue, VersionStages)." },
  },
  {
    ...{ step: "label-already-there 2: *", at: "*ToStages.v2", ours: "MINE", motos: "MINE, MINE" },
    ...{ aws: "documented", why: "A label is there or it is not." },
  },
  {
    ...{ step: "label-already-there 3: *", at: "outcome", ours: "answered", motos: "InvalidParameterException" },
    ...{
      aws: "unconfirmed",
      why: "API_UpdateSecretVersionStage asks for RemoveFromVersionId where the label is on another version, and of one that is there already says nothing.",
    },
  },
  {
    ...{ step: "current-taken-off 1: *", at: "outcome", ours: "InvalidParameterException", motos: "answered" },
    ...{ aws: "documented", why: "User guide, whats-in-a-secret: a secret always has a version labelled AWSCURRENT." },
  },
  {
    ...{ step: "current-taken-off 1: *", at: "*ToStages.v1", ours: "AWSCURRENT", motos: "AWSPREVIOUS" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "compare-and-swap *", at: "message", ours: "Staging label * is not attached to version *", motos: "*" },
    ...{ aws: "unconfirmed", why: "The refusal is documented, its text is not known." },
  },
  {
    ...{ step: "absent-label 3: *", at: "message", ours: "Staging label * is not attached to version *", motos: "*" },
    ...{ aws: "unconfirmed", why: "The refusal is documented, its text is not known." },
  },
  {
    ...{ step: "compare-and-swap 6: *", at: "outcome" },
    ...{ ours: "ResourceNotFoundException", motos: "InvalidParameterException" },
    ...{
      aws: "unconfirmed",
      why: "API_UpdateSecretVersionStage lists both; which of them is for an unknown version is not said.",
    },
  },
  {
    ...{ step: "compare-and-swap 6: *", at: "*ToStages.v2", ours: "AWSPENDING", motos: "none" },
    ...{ aws: "documented", why: "A call that is refused moves no label." },
  },
  {
    ...{
      step: "no-move 1: *",
      at: "message",
      ours: "You must provide *",
      motos: "The parameter RemoveFromVersionId *",
    },
    ...{ aws: "unconfirmed", why: "A call that names no version at all is not described." },
  },
  {
    ...{ step: "no-move-of-a-custom-label 2: *", at: "outcome", ours: "InvalidParameterException", motos: "answered" },
    ...{ aws: "unconfirmed", why: "A call that names no version at all is not described." },
  },
  {
    ...{ step: "too-many-labels 1: *", at: "outcome", ours: "LimitExceededException", motos: "answered" },
    ...{ aws: "documented", why: "User guide, reference_limits: 20 labels attached across all versions." },
  },
  {
    ...{ step: "too-many-labels 1: *", at: "*ToStages.v2", ours: "(absent)", motos: "L0, L1, *" },
    ...{ aws: "documented", why: "The same." },
  },

  // Values.
  {
    ...{ step: "same-token-pending-other-value 2: *", at: "outcome" },
    ...{ ours: "ResourceExistsException", motos: "answered" },
    ...{
      aws: "documented",
      why: "API_PutSecretValue, ClientRequestToken: a version cannot be modified, AWSPENDING or not.",
    },
  },
  {
    ...{ step: "same-token-pending-other-value 3: *", at: "SecretString", ours: "value v2", motos: "another" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "bad-writes 3: *", at: "outcome", ours: "InvalidParameterException", motos: "answered" },
    ...{ aws: "documented", why: "API_PutSecretValue: SecretBinary or SecretString, but not both." },
  },
  {
    ...{ step: "value-too-long 1: *", at: "outcome", ours: "ValidationException", motos: "answered" },
    ...{ aws: "documented", why: "User guide, reference_limits: 65,536 bytes." },
  },
  {
    ...{ step: "create-with-a-bad-name 1: *", at: "outcome", ours: "ValidationException", motos: "answered" },
    ...{ aws: "recorded", why: "A name has no space." },
  },
  {
    ...{
      step: "read-by-a-bad-name 1: *",
      at: "outcome",
      ours: "ValidationException",
      motos: "ResourceNotFoundException",
    },
    ...{ aws: "recorded", why: "It is refused as a name, wherever a secret is asked for." },
  },
  {
    ...{ step: "reads 11: *", at: "message" },
    ...{ ours: "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS" },
    ...{ motos: "Secrets Manager can't find the specified secret." },
    ...{ aws: "recorded", why: "It is the value that is missing." },
  },
  {
    ...{
      step: "list-first 4: *",
      at: "message",
      ours: "1 validation error *",
      motos: "1 validation error * 'color' *",
    },
    ...{ aws: "unconfirmed", why: "AWS's text repeats the value. The account repeats none, whatever the member." },
  },
  {
    ...{
      step: "random-password 3: *",
      at: "message",
      ours: "The password length 3 *",
      motos: "InvalidParameterException: *",
    },
    ...{ aws: "unconfirmed", why: "moto's text holds boto's frame of it." },
  },
  {
    ...{ step: "random-password 4: *", at: "outcome", ours: "ValidationException", motos: "InvalidParameterValue" },
    ...{
      aws: "documented",
      why: "API_GetRandomPassword, PasswordLength, at most 4096; Secrets Manager has no InvalidParameterValue.",
    },
  },

  ...["bad-writes 3", "value-too-long 1", "put-after-deletion 2", "rotate-without-a-function 1"].flatMap(afterRefusal),

  // Deletion.
  {
    ...{ step: "*deletion *", at: "*essage" },
    ...{ ours: "You can't perform this operation on the secret because it was marked for deletion." },
    ...{ motos: "*You * perform *marked *delet*" },
    ...{ aws: "documented", why: "The text is reported of AWS for reads and writes; moto has three of its own." },
  },
  {
    ...{ step: "deletion 6: *", at: "outcome", ours: "InvalidRequestException", motos: "ResourceExistsException" },
    ...{ aws: "recorded", why: "The name of a secret that is scheduled for deletion is refused in its own words." },
  },
  {
    ...{ step: "*-after-deletion 2: *", at: "outcome", ours: "InvalidRequestException", motos: "answered" },
    ...{ aws: "documented", why: "InvalidRequestException of each operation: the secret is scheduled for deletion." },
  },
  {
    ...{ step: "move-after-deletion 2: *", at: "*ToStages.v1", ours: "AWSCURRENT", motos: "AWSCURRENT, MINE" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{
      step: "forced-deletion 1: *",
      at: "message",
      ours: "The RecoveryWindowInDays value *",
      motos: "An error occurred (*",
    },
    ...{ aws: "unconfirmed", why: "moto's text holds boto's frame of it." },
  },
  {
    ...{
      step: "forced-deletion 2: *",
      at: "message",
      ours: "You can't use ForceDeleteWithoutRecovery *",
      motos: "An error occurred (*",
    },
    ...{ aws: "unconfirmed", why: "moto's text holds boto's frame of it." },
  },
  {
    ...{ step: "forced-deletion 5: *", at: "ARN", ours: "(absent)", motos: "arn:aws:secretsmanager:*" },
    ...{
      aws: "unconfirmed",
      why: "What is answered about a secret that is not there is not said. moto makes an ARN up.",
    },
  },

  // RotateSecret.
  {
    ...{ step: "rotate-without-a-function 1: *", at: "outcome", ours: "InvalidRequestException", motos: "answered" },
    ...{ aws: "recorded", why: "No Lambda rotation function ARN is associated with this secret." },
  },
  {
    ...{ step: "rotate-by-a-missing-function 1: *", at: "outcome" },
    ...{ ours: "AccessDeniedException", motos: "ResourceNotFoundException" },
    ...{ aws: "recorded", why: "Secrets Manager cannot invoke the specified Lambda function." },
  },
  {
    ...{ step: "rotate-by-a-missing-function *", at: "*", ours: "(absent)", motos: "*" },
    ...{ aws: "recorded", why: "Nothing is stored then; moto has made a version and stored a configuration." },
  },
  {
    ...{
      step: "rotate-by-a-function-that-does-nothing 2: *",
      at: "message",
      ours: "* VersionId: v2",
      motos: "* AWSCURRENT",
    },
    ...{ aws: "recorded", why: "What was asked for is what cannot be found." },
  },
  {
    ...{ step: "rotate-by-a-function-that-does-nothing 3: *", at: "outcome" },
    ...{ ours: "answered", motos: "ResourceNotFoundException" },
    ...{ aws: "documented", why: "AWSCURRENT has not moved; moto takes the new version for the default all the same." },
  },
  {
    ...{ step: "rotate-*: DescribeSecret", at: "LastRotatedDate", ours: "(absent)", motos: "a date" },
    ...{ aws: "documented", why: "API_DescribeSecret: when the secret was rotated, which it was not." },
  },
  {
    ...{
      step: "rotate-by-a-function-that-does-nothing 6: *",
      at: "NextRotationDate",
      ours: "(absent)",
      motos: "a date",
    },
    ...{
      aws: "documented",
      why: "API_DescribeSecret: none where rotation has been turned off, which CancelRotateSecret does.",
    },
  },
  {
    ...{ step: "rotate-again 2: *", at: "outcome", ours: "InvalidRequestException", motos: "answered" },
    ...{
      aws: "documented",
      why: "User guide, rotate-secrets_lambda-functions: AWSPENDING elsewhere means a rotation in progress.",
    },
  },
  {
    ...{ step: "rotate-while-another-version-is-pending 2: *", at: "outcome" },
    ...{ ours: "InvalidRequestException", motos: "answered" },
    ...{ aws: "documented", why: "The same; moto's condition is the other way round." },
  },
  {
    ...{ step: "rotate-while-current-is-pending 3: *", at: "outcome" },
    ...{ ours: "answered", motos: "InvalidRequestException" },
    ...{
      aws: "documented",
      why: "The same; AWSPENDING on AWSCURRENT is one of the two states that a rotation ends in.",
    },
  },
  {
    ...{ step: "rotate-again 2: *", at: "*ToStages.v2", ours: "AWSPENDING", motos: "none" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "rotate-again 2: *", at: "*ToStages.v3", ours: "(absent)", motos: "AWSPENDING" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "rotate-while-another-version-is-pending 2: *", at: "*ToStages.v2", ours: "AWSPENDING", motos: "none" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{
      step: "rotate-while-another-version-is-pending 2: *",
      at: "*ToStages.v3",
      ours: "(absent)",
      motos: "AWSPENDING",
    },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{
      step: "rotate-while-current-is-pending 3: *",
      at: "*ToStages.v2",
      ours: "AWSCURRENT",
      motos: "AWSCURRENT, AWSPENDING",
    },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "rotate-while-current-is-pending 3: *", at: "*ToStages.v3", ours: "AWSPENDING", motos: "(absent)" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "rotate-with-a-test-only 1: *", at: "*ToStages.v2", ours: "(absent)", motos: "AWSPENDING" },
    ...{ aws: "documented", why: "API_RotateSecret, RotateImmediately: the version of a test is removed." },
  },
  {
    ...{ step: "rotate-by-a-schedule 1: *", at: "*ToStages.v2", ours: "(absent)", motos: "AWSPENDING" },
    ...{ aws: "documented", why: "API_RotateSecret, RotateImmediately: the version of a test is removed." },
  },
  {
    ...{ step: "rotate-*: RotateSecret", at: "VersionId", ours: "v2", motos: "v1" },
    ...{ aws: "documented", why: "API_RotateSecret, VersionId: the id of the new version." },
  },
  {
    ...{ step: "rotate-by-two-rules 1: *", at: "outcome", ours: "InvalidParameterException", motos: "answered" },
    ...{ aws: "documented", why: "API_RotationRulesType: AutomaticallyAfterDays or ScheduleExpression, not both." },
  },
  {
    ...{ step: "rotate-by-two-rules 1: *", at: "*ToStages.v2", ours: "(absent)", motos: "AWSPENDING" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "rotate-by-a-schedule 2: *", at: "RotationEnabled", ours: "true", motos: "false" },
    ...{ aws: "documented", why: "API_RotationRulesType; moto knows no ScheduleExpression." },
  },
  {
    ...{
      step: "rotate-by-a-schedule 2: *",
      at: "RotationRules.ScheduleExpression",
      ours: "rate(4 days)",
      motos: "(absent)",
    },
    ...{ aws: "documented", why: "API_RotationRulesType; moto knows no ScheduleExpression." },
  },
  {
    ...{ step: "rotate-by-a-schedule 2: *", at: "RotationRules.Duration", ours: "3h", motos: "(absent)" },
    ...{ aws: "documented", why: "API_RotationRulesType; moto knows no ScheduleExpression." },
  },
  {
    ...{ step: "rotate-by-a-schedule 2: *", at: "RotationRules.AutomaticallyAfterDays", ours: "(absent)", motos: "0" },
    ...{ aws: "documented", why: "API_RotationRulesType; moto knows no ScheduleExpression." },
  },
  {
    ...{ step: "rotate-by-a-schedule 2: *", at: "NextRotationDate", ours: "a date", motos: "(absent)" },
    ...{ aws: "documented", why: "The same." },
  },
  {
    ...{ step: "cancel-without-a-rotation 1: *", at: "outcome", ours: "answered", motos: "InvalidRequestException" },
    ...{ aws: "unconfirmed", why: "API_CancelRotateSecret gives a reason of RotateSecret's; nothing was recorded." },
  },
];

/** moto has made v2 current where AWS refuses the call. */
function afterRefusal(step: string): readonly KnownDivergence[] {
  const aws = "documented";
  const why = "A call that is refused moves no label.";
  return [
    { step: `${step}: *`, at: "VersionIdsToStages.v1", ours: "AWSCURRENT", motos: "AWSPREVIOUS", aws, why },
    { step: `${step}: *`, at: "VersionIdsToStages.v2", ours: "(absent)", motos: "AWSCURRENT", aws, why },
  ];
}
