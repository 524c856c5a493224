import type { LabelTable } from "../../core/outcome.ts";
import type { LiveOutput } from "../../core/terminal/live-output.ts";
import { type Colors, renderDependents, renderLabelTable, renderMessages } from "../../core/terminal/run-text.ts";
import { StepsView } from "../../core/terminal/steps-view.ts";
import { holderOf } from "../../core/versions/secret.ts";
import type { Dependent } from "./dependent.ts";
import { Expectations } from "./expectations.ts";
import { type Rotation, readLabels, rotate, signIn, untilRecorded } from "./rotation.ts";
import { BILLING, ORDERS, REPORTS, type World } from "./world.ts";

export interface Stage {
  readonly world: World;
  readonly output: LiveOutput;
  readonly colors: Colors;
  readonly signal: AbortSignal;
}

/**
 * Two rotations that succeed, at the same time, and one that has to be rolled back.
 * @returns what was looked at, and whether it was as it should be
 */
export async function tell(stage: Stage): Promise<Expectations> {
  const { world, output, colors, signal } = stage;
  const expectations = new Expectations();
  const report = (what: string, holds: boolean) => output.append(`  ${expectations.check(what, holds, colors)}`);

  output.append("", colors.bold("1. Two passwords are rotated under three running services"), "");
  const view = new StepsView(output, colors);
  const [orders, reports] = await Promise.all(
    [ORDERS, REPORTS].map((secretId) =>
      rotate(world, secretId, (run) => view.update(secretId.padEnd(REPORTS.length), run), signal),
    ),
  );
  for (const rotation of [orders, reports]) {
    if (rotation === undefined) continue;
    show(stage, rotation);
    await checkSucceeded(stage, rotation, report);
  }

  output.append(
    "",
    colors.bold(`2. ${BILLING} now refuses to read the secret again (422), and orders-db is rotated`),
    "",
  );
  const billing = world.dependents.find(({ name }) => name === BILLING);
  await billing?.answerRefreshesWith(422);
  const second = new StepsView(output, colors);
  const rolledBack = await rotate(world, ORDERS, (run) => second.update(ORDERS, run), signal);
  show(stage, rolledBack);
  await checkRolledBack(stage, rolledBack, report);
  const { account, deployment } = world;
  const inboxes = Object.values(deployment.topicArns).map((arn) => account.sns.inbox(arn).length);
  report(
    "each topic got three messages in all, one for each rotation",
    inboxes.every((length) => length === 3),
  );
  return expectations;
}

type Report = (what: string, holds: boolean) => void;

async function checkSucceeded({ world, signal }: Stage, rotation: Rotation, report: Report): Promise<void> {
  const { secretId, token, base, run, facts } = rotation;
  const labels = await readLabels(world, secretId);
  report("the execution ended SUCCEEDED", run.status === "SUCCEEDED" && facts?.outcome === "SUCCEEDED");
  report(
    "AWSCURRENT is the new version, AWSPREVIOUS the old one",
    holderOf(labels, "AWSCURRENT") === token && holderOf(labels, "AWSPREVIOUS") === base,
  );
  report("a fresh sign-in with the new password works", (await signIn(world, secretId, token)) === "accepted");
  const old = await signIn(world, secretId, base);
  if (secretId === ORDERS) report("the old password is refused", old === "rejected");
  else report("the old user still signs in, so nobody was locked out meanwhile", old === "accepted");
  report("every dependent's newest authentication is with the new version", await allUse(world, secretId, token));
  const evidence = facts?.dependents.after ?? [];
  report(
    "the database itself has seen each of them sign in since",
    evidence.length === dependentsOf(world, secretId).length && evidence.every(({ strength }) => strength === "strong"),
  );
  checkMessages(rotation, "rotation.succeeded", report);
  report("Secrets Manager has recorded the rotation as succeeded", await untilRecorded(world, secretId, token, signal));
}

async function checkRolledBack({ world }: Stage, rotation: Rotation, report: Report): Promise<void> {
  const { secretId, token, base, run, facts, labelsBefore } = rotation;
  report("the execution ended RolledBack", run.error === "RolledBack" && facts?.outcome === "ROLLED_BACK");
  report("a fresh sign-in with the old password works", (await signIn(world, secretId, base)) === "accepted");
  report("the new password is refused", (await signIn(world, secretId, token)) === "rejected");
  const labels = await readLabels(world, secretId);
  report(
    "AWSCURRENT and AWSPREVIOUS are where they were",
    ["AWSCURRENT", "AWSPREVIOUS"].every((label) => holderOf(labels, label) === holderOf(labelsBefore, label)),
  );
  report("no version holds AWSPENDING", holderOf(labels, "AWSPENDING") === undefined);
  report("nobody else's labels were touched", sameOthers(labelsBefore, labels));
  report("every dependent's newest authentication is with the old version", await allUse(world, secretId, base));
  checkMessages(rotation, "rotation.rolled_back", report);
}

function checkMessages({ messages }: Rotation, event: string, report: Report): void {
  const to = (topic: string) => messages.filter((each) => each.topic === topic);
  const once = ["events", "email"].every((topic) => to(topic).length === 1 && to(topic)[0]?.event === event);
  report(`one message "${event}" went to each topic, and no other`, once);
}

async function allUse(world: World, secretId: string, versionId: string): Promise<boolean> {
  const all = await Promise.all(dependentsOf(world, secretId).map((each) => each.health()));
  return all.every((health) => health.status === "ok" && health.versionId === versionId);
}

function dependentsOf(world: World, secretId: string): readonly Dependent[] {
  return world.dependents.filter((each) => each.secretId === secretId);
}

/** Ours come and go with a rotation, and so does AWSPENDING. */
function sameOthers(before: LabelTable, now: LabelTable): boolean {
  const others = (labels: LabelTable) =>
    Object.entries(labels)
      .flatMap(([id, held]) =>
        held.filter((label) => !/^(AWSPENDING$|ROTATION_)/.test(label)).map((label) => `${label} ${id}`),
      )
      .sort()
      .join();
  return others(before) === others(now);
}

/** What the operator is told. */
function show({ output, colors }: Stage, { secretId, facts, messages, verdict }: Rotation): void {
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  output.append("", `  ${colors.bold(secretId)}: ${verdict ?? "no notification was sent"}`, "");
  if (facts !== undefined) {
    output.append(...indented(renderLabelTable(facts, colors)), "");
    output.append(...indented(renderDependents(facts.dependents, colors)), "");
  }
  output.append(...indented(renderMessages(messages, colors)), "");
}
