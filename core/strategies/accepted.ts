import { RotationError } from "../errors.ts";

/**
 * What one sign-in says of a credential.
 * @returns whether it was accepted
 * @throws RotationError for everything that leaves this open: TargetUnavailable, AccessDenied, ConfigurationInvalid
 */
export async function accepted(signIn: Promise<unknown>): Promise<boolean> {
  try {
    await signIn;
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") return false;
    throw error;
  }
}
