import { describe, expect, test } from "vitest";
import { buildNotification } from "../../core/notifications/build-notification.ts";
import { readFacts, type WorkflowReport, workflowReport } from "../../core/outcome-facts.ts";

const BASE = "9f21c3d4-0000-4000-8000-0000000000a1";
const TOKEN = "c07e5b6a-0000-4000-8000-0000000000b2";
const NAME = `rot-0123456789abcdef-${TOKEN}`;

/** What a Notify state hands over, of a driven rotation of which no step has left anything. */
const report = {
  outcome: "NOT_CONVERGED",
  execution: {
    arn: `arn:aws:states:eu-west-1:123456789012:execution:rotation:${NAME}`,
    name: NAME,
    startedAt: "2026-11-23T02:00:00.000Z",
  },
  plan: {
    secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db/app-AbCdEf",
    secretName: "orders/db/app",
    token: TOKEN,
    mode: "driven",
    strategy: "postgres-single-user",
    base: BASE,
    reason: "asked for",
    labels: { [BASE]: ["AWSCURRENT"] },
  },
  failure: null,
  finish: null,
  evidence: [],
  rollback: null,
  rollbackFailure: null,
  restored: [],
  freeze: null,
  discard: null,
  signedInAt: "2026-11-23T02:00:09.120Z",
} satisfies WorkflowReport;

const caught = (step: string, name: string, errorMessage: string) => ({
  step,
  error: { Error: name, Cause: JSON.stringify({ errorType: name, errorMessage, trace: [] }) },
});

const told = (facts: Partial<WorkflowReport>) => {
  const message = buildNotification(readFacts(workflowReport.parse({ ...report, ...facts })), { stage: "prod" });
  return { ...message, text: message.email.replaceAll(/\s+/g, " ") };
};

describe("a new version that is kept because RollBack has found it promoted", () => {
  const said = `Version ${TOKEN} of orders/db/app is AWSCURRENT, and its policy keeps a promoted version. Nothing was undone.`;
  const kept = caught("RollBack", "NotConverged", said).error;
  const lost = caught("FinishSecret", "ServiceUnavailable", "The reply was lost.");

  test("is live: two reads have shown that, and nobody else has moved it", () => {
    const { verdict, subject, json } = told({ kept, failure: lost });
    expect(verdict).toContain(
      "the new version c07e5b6a is live (it signed in at 2026-11-23 02:00:09 UTC) and stays live",
    );
    expect(verdict).toContain("no dependent was seen using the new one; to do: see that every dependent uses the new");
    expect(subject).toContain("NOT CONVERGED, new live - ServiceUnavailable in FinishSecret");
    expect(json.state).toMatchObject({ live: "new", liveVersionId: TOKEN, versions: [{ id: BASE, now: null }] });
  });

  test("is told with what RollBack said, whole", () => {
    expect(told({ kept, failure: lost }).json.remarks[0]).toBe(said);
    expect(told({ kept, failure: lost }).text).toContain(said);
    const plain = { Error: "NotConverged", Cause: "in plain words" };
    expect(told({ kept: plain, failure: lost }).json.remarks).toEqual(["in plain words"]);
  });

  test("by a repair is told with what was repaired, too", () => {
    const { json, verdict } = told({ kept, plan: { ...report.plan, reason: `repairs ${NAME}` } });
    expect(json.remarks).toEqual([`Why it ran: repairs ${NAME}.`, said]);
    expect(verdict).toContain("the new version c07e5b6a is live");
    expect(verdict).toContain("to do: see that every dependent uses the new version");
  });

  test("is live even where a step before had seen somebody else at work: RollBack has read after that", () => {
    const failure = caught("FinishSecret", "RotationInProgress", "AWSCURRENT was moved by somebody else.");
    expect(told({ kept, failure }).json.state.live).toBe("new");
  });

  test("is not known to be live where somebody else rotates: RollBack may have seen that AWSCURRENT has moved on", () => {
    const { verdict, json } = told({ kept, failure: lost, plan: { ...report.plan, mode: "observed" } });
    expect(json.state.live).toBeNull();
    expect(json.remarks).toEqual([said]);
    expect(verdict).not.toContain("somebody else has moved AWSCURRENT");
  });

  test("is not told of anybody else's move where RollBack has not said why it ended", () => {
    const { verdict, subject } = told({ failure: lost });
    expect(verdict).toMatch(/^Production may be broken: which version is live now was not read, /);
    expect(subject).toContain("NOT CONVERGED - ");
  });
});

describe("a repair, in which nothing has failed", () => {
  const repair = (outcome: "REJECTED" | "ROLLED_BACK", reason: string) =>
    told({ outcome, plan: { ...report.plan, reason } });

  test.each([
    ["REJECTED", "no execution has ever rotated the version"],
    ["REJECTED", `${NAME} died before it had a plan`],
    ["ROLLED_BACK", `repairs ${NAME}`],
  ] as const)("that ends %s says what it repaired: %s", (outcome, reason) => {
    const { subject, text, verdict, json } = repair(outcome, reason);
    expect(subject).toContain(` - ${reason}`.slice(0, 30));
    expect(json.remarks).toEqual([`Why it ran: ${reason}.`]);
    expect(text).toContain(`Why it ran: ${reason}.`);
    expect(verdict).toContain("to do: see why a repair was needed");
    expect(text).not.toMatch(/the reason is not known|see the failed step/);
  });

  test("is told of no reason where a failure is one, or where nothing went wrong", () => {
    const failure = caught("SetSecret", "TargetUnavailable", "It did not answer.");
    expect(told({ outcome: "ROLLED_BACK", failure }).json.remarks).toEqual([]);
    expect(told({ outcome: "SUCCEEDED" }).json.remarks).toEqual([]);
  });
});

describe("the gap in which AWSCURRENT may not have signed in", () => {
  const labels = { [TOKEN]: ["AWSCURRENT"], [BASE]: ["AWSPREVIOUS"] };
  const changedAt = "2026-11-23T02:00:09.000Z";
  const finish = { labels, promotedAt: "2026-11-23T02:00:10.000Z", liveAt: "2026-11-23T02:00:10.050Z" };
  const rollback = { labels, remarks: [], signedInAt: "2026-11-23T02:00:14.000Z" };
  const failure = caught("TestSecret", "CredentialRejected", "It does not sign in.");
  const gapOf = (report: Parameters<typeof told>[0]) => told(report).json.state.credentialGapMs;

  test("ends with the promotion, also where that is taken back later", () => {
    expect(gapOf({ changedAt, finish })).toBe(1050);
    expect(gapOf({ outcome: "ROLLED_BACK", changedAt, finish, rollback, failure })).toBe(1050);
  });

  test("ends with the rollback where nothing was promoted", () => {
    expect(gapOf({ outcome: "ROLLED_BACK", changedAt, finish: null, rollback, failure })).toBe(5000);
  });

  test("is not told where both credentials work, and where its end is not known", () => {
    expect(gapOf({ changedAt: null, finish })).toBeNull();
    expect(gapOf({ outcome: "ROLLBACK_FAILED", changedAt, finish: null, failure })).toBeNull();
  });
});

test("a version that somebody else has overtaken is not told to be live", () => {
  const labels = { [TOKEN]: ["AWSCURRENT"], [BASE]: ["AWSPREVIOUS"] };
  const finish = { labels, promotedAt: "2026-11-23T02:00:10.000Z" };
  const failure = caught("ConfirmEvidence", "RotationInProgress", "It is not AWSCURRENT any more.");
  const { verdict, json } = told({ finish, failure });
  expect(json.state.live).toBeNull();
  expect(verdict).toContain("somebody else has moved AWSCURRENT, and which version is live now was not read");
});
