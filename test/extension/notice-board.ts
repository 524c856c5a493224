import * as z from "zod/mini";
import { defineDependent } from "../../core/dependents/dependent.ts";

/** As little as a kind of dependents can be: one that is asked nothing. */
export const noticeBoard = defineDependent<{ board: string }>({
  kind: "notice-board",
  target: z.object({ board: z.string() }),
  verify: async ({ board }, { versionId }) => ({ strength: "weak", seen: `${board} shows ${versionId}` }),
});
