import type { IncidentBody } from "./incident-schema.ts";
import { commandField, field, page, runbooks } from "./layout.ts";
import { time } from "./text.ts";

/** An incident as plain text: `page` says of what form. */
export function writeIncidentEmail(body: IncidentBody): string {
  const { secret, rotation, links } = body;
  const owner = secret.owner === null ? [] : [`owner ${secret.owner}`];
  const policy = secret.hasPolicy ? [] : ["no policy of Rotor's"];
  const facts = [
    ["Version", rotation.token],
    ["Step", rotation.step],
    ["Function", rotation.functionArn],
  ] as const;
  const commands = [
    ["Versions", links.versions],
    ["Log", links.log],
    ["History", links.history],
  ] as const;
  return page(body.summary, [
    field("Secret", secret.name ?? `${secret.arn} (its name was not read)`),
    field("Stage", [secret.stage, ...owner, ...policy].join(", ")),
    field("What", body.name),
    field("", body.message),
    field("At", time(body.at)),
    ...facts.flatMap(([label, text]) => (text === null ? [] : [field(label, text)])),
    ...body.nextSteps.flatMap(({ say, command }, index) => [
      field(index === 0 ? "To do" : "", `${index + 1}. ${say}`),
      ...(command === null ? [] : [commandField("", command)]),
    ]),
    ...runbooks(links),
    ...(rotation.executionName === null ? [] : [field("Execution", links.execution ?? rotation.executionName)]),
    ...commands.flatMap(([label, command]) => (command === null ? [] : [commandField(label, command)])),
    field("Id", body.id),
  ]);
}
