import * as z from "zod/mini";
import { defineStrategy } from "../../core/strategies/strategy.ts";

/** As little as a strategy can be: a word that nobody checks. */
export const word = defineStrategy<{ word: string }>({
  name: "word",
  scheme: "replace",
  credential: z.object({ word: z.string() }),
  createSecret: (_current, generate) => ({ word: generate() }),
  setSecret: async () => {},
  testSecret: async () => {},
  rollbackSecret: async () => {},
  signIn: async () => "accepted",
});
