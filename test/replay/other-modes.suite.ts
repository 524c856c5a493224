import { testContinuations } from "./continuations.ts";

testContinuations("other modes", ({ input }) => input.mode !== "driven");
