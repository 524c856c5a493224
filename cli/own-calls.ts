import type { ErrorName } from "../core/errors.ts";

/** What to do where a call of the CLI itself has failed: other than where a rotation has, nothing of one has to be put right. */
export const OWN_CALLS: Readonly<Partial<Record<ErrorName, string>>> = {
  SecretNotFound:
    "see which there are: rotor secrets --all; or name another account with --profile, or another --region",
  Throttled: "run the command again in a minute: calls of the whole account share the limit",
  ServiceUnavailable: "run the command again; where it goes on, check the network and --endpoint-url",
  AccessDenied: "sign in as somebody who may do that, or have it granted (docs/cli.md#rights)",
  InternalError: "run the command again with --debug to see which call it was",
};
