import { createThreads } from "../../local/services/index.ts";

/** The accounts of a test process follow each other, and their functions are the same. */
export const threads = createThreads();
