import { DENIALS, ROLES, type Row } from "./iam-table.ts";

const INTRODUCTION = `# IAM

What each role may do, action by action. Written from the table that the tests hold the stacks to (\`test/stacks/iam-table.ts\`): what is not here is not granted.

- "secrets of policies" are the secrets that \`rotation.config.ts\` names for the stage, one by one; "secrets that Rotor rotates" those whose
  mode is not \`observed\`. A secret given by its name is looked up when it is deployed, so a role has exactly its ARN.
- Each engine has a gate, a rotate and a roll-back of its own, such as \`rotate-mariadb\`: the secrets of such a role are those of
  its engine's policies. The roll-back without a suffix tidies up where no plan could be made, whatever the engine: it looks whether a version
  has a value, and so may read the values of every secret with a strategy.
- Only gate, rotate and roll-back read values of what is rotated. dependents, which speaks to addresses that a policy names, reads none
  but keys for signing, each a secret of its own. It has what the stage's dependents need, one by one, by their kind and target, and
  without ECS services, Lambda functions and signed requests no AWS action at all.
- No role has a managed policy, deletes a secret, or ends a schedule.
- Roles of functions are trusted by \`lambda.amazonaws.com\` alone. Lambda takes a role only of its own account, and does not
  document that it sends aws:SourceAccount or aws:SourceArn when it does, so there is no such condition: with one that Lambda
  does not answer, no function would start. The roles of the state machine and of rules have both.
- What others may call: EventBridge each function for one rule's ARN; Secrets Manager the gates, for this account; CloudWatch the topic
  of alarms, for alarms of this account with the stage's prefix; EventBridge the queue, for the stage's rules; declared accounts the
  rotation bus, for the two events of a rehearsal.
- With a key of the customer's the key's own policy has to let the services use it: see [deploy](deploy.md#a-key-of-your-own).
`;

/** `docs/iam.md`. */
export function renderIam(): string {
  const sections = Object.entries(ROLES).map(([name, rows]) => `## ${name}\n\n${table(rows)}\n`);
  const wide = Object.entries(ROLES).flatMap(([name, rows]) =>
    rows.filter(({ on }) => on === "*" || on === "every secret of the account").map((row) => ({ name, row })),
  );
  const exceptions = wide
    .map(({ name, row: { actions, on, why, provided } }) => {
      const where = provided === undefined ? on : `${on}, provided that ${provided.that}`;
      return `| ${name} | ${code(actions)} | ${where} | ${why} |`;
    })
    .join("\n");
  const denials = Object.entries(DENIALS)
    .flatMap(([name, all]) => all.map(({ actions, when }) => `| ${name} | ${code(actions)} | ${when} |`))
    .join("\n");
  return `${INTRODUCTION}
## Denials

What a role is kept from, whatever else allows it. Besides, with a network, the functions' own code may not make network interfaces.

| role | actions | when |
|---|---|---|
${denials}

## Wide resources

Every grant that does not name its resource, and why.

| role | actions | on | why |
|---|---|---|---|
${exceptions}

${sections.join("\n")}`;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ actions, on, why, only, through, provided, engine, except }) =>
      `| ${code(actions)} | ${on}${through === undefined ? "" : `, only through ${through.join(", ")}`}${provided === undefined ? "" : `, provided that ${provided.that}`} | ${why} | ${[only, ...ofEngine(engine, except)].filter((each) => each !== undefined).join("; ") || "always"} |`,
  );
  return `| actions | on | why | when |\n|---|---|---|---|\n${lines.join("\n")}`;
}

function ofEngine(engine: string | undefined, except: string | undefined): readonly (string | undefined)[] {
  return [engine && `only with the suffix -${engine}`, except && `not with the suffix -${except}`];
}

function code(actions: readonly string[]): string {
  return actions.map((each) => `\`${each}\``).join(", ");
}
