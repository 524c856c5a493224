import type { CommandOption } from "./command.ts";

/** Of every request: goes into the event and the log. */
export const REASON: CommandOption = { flags: "--reason <text>", description: "why, for the log" };
