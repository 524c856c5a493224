import type { Command } from "../command.ts";
import { rotate } from "./rotate.ts";
import { runs } from "./runs.ts";
import { secrets } from "./secrets.ts";
import { show } from "./show.ts";
import { watch } from "./watch.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [secrets, rotate, runs, show, watch];
