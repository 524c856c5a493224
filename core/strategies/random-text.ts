import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import { defineStrategy, type SignIn } from "./strategy.ts";

/** Of JSON, whole or spoiled: quotes that come first, in an object or a list of whatever depth, and an object with nothing in it. */
const JSON_TEXT = /^[\s[{]*"|^\s*\{\s*\}\s*$/;

/**
 * The SecretString itself, as it is: one line, which may end in a line break. No password rules make what is refused here: they
 * have neither quotes nor space. Messages never repeat it.
 */
const randomTextCredential = z.string().check(
  z.refine((text) => text.trim() !== "", { message: "the secret must not be empty", abort: true }),
  z.refine((text) => !JSON_TEXT.test(text), {
    message: "the secret looks like JSON, which a bare text would replace: for a JSON object there is random-value",
    abort: true,
  }),
  z.refine(
    (text) => !/[\r\n]/.test(text.trim()),
    "the secret has several lines, as a key or a file has, and must be a token of one",
  ),
);

/**
 * A secret that is a random token and nothing else, such as an API token that a service of yours checks against this very secret.
 * The policy's password rules say what a new one looks like. There is no target: what holds AWSCURRENT is in force because of the
 * label. With overlap: verifiers may accept AWSPREVIOUS, too. Without a target, every text can be used.
 */
export const randomText = defineStrategy<string>({
  name: "random-text",
  scheme: "replace",
  text: true,
  credential: randomTextCredential,

  createSecret: (_current, generate) => generate(),

  /**
   * Changes nothing: what is to be set is set by the label. Refuses the base's value, also where only the space around it differs:
   * readers often take that off.
   * @throws RotationError ConfigurationInvalid
   */
  async setSecret({ candidate, base }, context) {
    if (candidate.trim() === base.trim()) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} has the value of the version before it.`,
      );
    }
  },

  /** There is nothing that could refuse it. */
  async testSecret() {},

  /** There is nothing to undo: the labels go back. */
  async rollbackSecret() {},

  signIn: async (): Promise<SignIn> => "accepted",
});
