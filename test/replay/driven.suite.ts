import { testContinuations } from "./continuations.ts";

testContinuations("driven", ({ input }) => input.mode === "driven");
