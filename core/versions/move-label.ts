import { type SecretsManagerClient, UpdateSecretVersionStageCommand } from "@aws-sdk/client-secrets-manager";
import { fromAwsError, hasName, isDeleted } from "../aws.ts";

export interface LabelMove {
  readonly secretArn: string;
  readonly label: string;
  /** The version to put it on; absent: it is only taken off. */
  readonly to?: string;
  /** The version that is expected to hold it; absent: it is expected to be on no version. */
  readonly from?: string;
}

/**
 * The only write of a label that this project makes besides PutSecretValue: a compare-and-swap. AWS refuses it when the
 * label is on another version than `from` (UpdateSecretVersionStage, RemoveFromVersionId; secrets-manager-rotation 3.1).
 *
 * May be repeated: a second move after a lost reply is refused, so whoever gets "refused" reads what is true now. The
 * text and even the name of the refusal are not documented for every case, so every client-side refusal counts as one.
 *
 * @throws RotationError SecretNotFound (scheduled for deletion), AccessDenied, Throttled, ServiceUnavailable (it may or may
 *   not have taken effect), ConfigurationInvalid (20 labels)
 */
export async function moveLabel(client: SecretsManagerClient, move: LabelMove): Promise<"moved" | "refused"> {
  try {
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: move.secretArn,
        VersionStage: move.label,
        MoveToVersionId: move.to,
        RemoveFromVersionId: move.from,
      }),
    );
    return "moved";
  } catch (error) {
    const refusal = hasName(error, "InvalidParameterException", "InvalidRequestException", "ResourceNotFoundException");
    if (refusal && !isDeleted(error) && !/managed by another service/i.test((error as Error).message)) return "refused";
    throw fromAwsError(error, `secretsmanager:UpdateSecretVersionStage of ${move.label} on ${move.secretArn}`);
  }
}
