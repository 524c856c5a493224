import { RETRYABLE, RotationError, TERMINAL } from "../core/errors.ts";
import { adviceFor } from "../core/notifications/advice.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { OWN_CALLS } from "./own-calls.ts";

/** What the CLI itself has to say: what happened, and what to do. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exit: ExitStatus;
  readonly todo: string | undefined;
  /** The name of the error that it comes to, where a rotation has one for it. */
  readonly about: string | undefined;

  constructor(exit: ExitStatus, message: string, todo?: string, about?: string) {
    super(message);
    this.exit = exit;
    this.todo = todo;
    this.about = about;
  }
}

export interface Explained {
  readonly exit: ExitStatus;
  readonly message: string;
  readonly todo: string | undefined;
  /** The section of docs/runbooks.md. */
  readonly runbook: string | undefined;
}

/** What is said of a thrown value: what happened, what to do, where it is written down. Never a secret: no text of AWS's is repeated. */
export function explain(error: unknown): Explained {
  if (error instanceof CliError) {
    return { exit: error.exit, message: error.message, todo: error.todo, runbook: runbookOf(error.about) };
  }
  const known = SURROUNDINGS.find(({ name }) => [error, Object(error).cause].some((each) => name.test(nameOf(each))));
  if (known !== undefined) return { exit: EXIT.environment, message: known.says, todo: known.todo, runbook: undefined };
  if (error instanceof RotationError) {
    // What a function threw has no cause: that stays in its process.
    const own = error.cause === undefined ? undefined : OWN_CALLS[error.name];
    const isConfiguration = ["ConfigurationInvalid", "EventInvalid", "SecretNotFound"].includes(error.name);
    return {
      exit: isConfiguration ? EXIT.environment : EXIT.service,
      message: `${error.name}: ${error.message}`,
      todo: own ?? adviceFor(error.name).todo,
      runbook: runbookOf(error.name),
    };
  }
  const { code } = Object(error) as { readonly code?: unknown };
  if (typeof code === "string" && /^E[A-Z]+$/.test(code)) {
    return {
      exit: EXIT.service,
      message: `AWS could not be reached (${code}).`,
      todo: "check the network, and --endpoint-url or AWS_ENDPOINT_URL where the account is an embedded one",
      runbook: undefined,
    };
  }
  if ("$metadata" in Object(error)) {
    return {
      exit: EXIT.service,
      message: `AWS refused a call (${nameOf(error)}).`,
      todo: "run the command again with --debug to see which call it was",
      runbook: undefined,
    };
  }
  const place = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exit: EXIT.general, message: `A fault of rotor: ${place}`, todo: undefined, runbook: undefined };
}

// --- internal ---

/** docs/runbooks.md has a section for each of our errors. */
function runbookOf(name: string | undefined): string | undefined {
  const known = [...RETRYABLE, ...TERMINAL].find((each) => each === name);
  return known === undefined ? undefined : `docs/runbooks.md#${known.toLowerCase()}`;
}

function nameOf(error: unknown): string {
  const { name } = Object(error) as { readonly name?: unknown };
  return typeof name === "string" ? name : "";
}

const SIGN_IN = "sign in with the AWS CLI (aws sso login, or aws configure), or name a profile with --profile";

/** By the SDK's names of errors: what is missing around the command. */
const SURROUNDINGS: readonly { readonly name: RegExp; readonly says: string; readonly todo: string }[] = [
  {
    name: /^(CredentialsProviderError|TokenProviderError|ProviderError)$/,
    says: "No AWS credentials were found.",
    todo: SIGN_IN,
  },
  {
    name: /^(ExpiredToken(Exception)?|UnrecognizedClientException|InvalidClientTokenId|SignatureDoesNotMatch)$/,
    says: "AWS does not take these credentials: they have expired, or are of nobody.",
    todo: SIGN_IN,
  },
];
