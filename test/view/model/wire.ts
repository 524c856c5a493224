import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { type Definition, readDefinition } from "../../../view/model/definition.ts";
import type { WireEvent } from "../../../view/wire.ts";
import { history, type Line } from "../../history/events.ts";

/** Events as the page is given them. */
export function wire(...lines: readonly Line[]): readonly WireEvent[] {
  return history(...lines).map(toWire);
}

export function toWire(event: HistoryEvent): WireEvent {
  return JSON.parse(JSON.stringify(event)) as WireEvent;
}

/** The workflow's own. */
export function rotation(): Definition {
  const file = join(import.meta.dirname, "../../../statemachines/rotation.asl.json");
  const definition = readDefinition(JSON.parse(readFileSync(file, "utf8")));
  if (definition === undefined) throw new Error(`${file} is no definition`);
  return definition;
}

/** A run that has entered these states of the main line one after the other. */
export function entered(...names: readonly string[]): readonly WireEvent[] {
  const definition = rotation();
  const lines = names.flatMap((name, index): Line[] => {
    const type = definition.states.get(name)?.type ?? "Task";
    const id = index * 2 + 2;
    return [
      [id, id - 1, id, `${type}StateEntered` as Line[3], { name, input: "{}" }],
      [id + 1, id, id + 1, `${type}StateExited` as Line[3], { name, output: "{}" }],
    ];
  });
  return wire([1, 0, 0, "ExecutionStarted", { input: "{}" }], ...lines);
}
