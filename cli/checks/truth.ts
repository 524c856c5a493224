import { describeSecret } from "../../core/versions/secret.ts";
import { measureSecret } from "../truth.ts";
import { blocking, type Check, ok, unseen, warning } from "./check.ts";

/** Whether AWSCURRENT of the secret signs in at its target. One sign-in, by the function that may read the value. */
export const truth: Check = async (session, secretId) => {
  if (secretId === undefined) return [];
  try {
    const secret = await describeSecret(session.clients.secretsManager, secretId);
    const measured = await measureSecret(session, secret);
    if (measured === undefined)
      return [warning("sign-in", "No strategy can try whether AWSCURRENT signs in.", "give its policy a strategy")];
    const rows = measured.truthTable.map(
      ({ versionId, labels, signIn }) => `${versionId} (${labels.join(", ")}): ${signIn}`,
    );
    const says = `AWSCURRENT of ${secret.name}: ${measured.current}. ${rows.join("; ")}.`;
    if (measured.current === "accepted") return [ok("sign-in", says)];
    if (measured.current === "rejected") return [blocking("sign-in", says, "see docs/runbooks.md#credentialdrift")];
    return [warning("sign-in", says, "see docs/runbooks.md#targetunavailable")];
  } catch (error) {
    return [unseen("sign-in", secretId, error)];
  }
};
