import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RETRYABLE, TERMINAL } from "../../core/errors.ts";
import { buildIncident } from "../../core/notifications/build-incident.ts";
import { buildNotification } from "../../core/notifications/build-notification.ts";
import type { OutcomeFacts } from "../../core/outcome.ts";
import { DIAGNOSES } from "../../core/reconcile/finding.ts";
import { CASES } from "./facts.ts";
import { INCIDENTS } from "./incidents.ts";

const PAGE = "https://wiki.example.com/runbooks";
const CONTEXT = { stage: "prod", errorRunbook: PAGE };

/** Anchors as renderers of Markdown make them from the headings of the page. */
const page = readFileSync(new URL("../../docs/runbooks.md", import.meta.url), "utf8");
const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));

const rolledBack = CASES["rolled-back"] as OutcomeFacts;
const finding = INCIDENTS["finding"];
const linked = (facts: OutcomeFacts) => buildNotification(facts, CONTEXT).json.links.errorRunbook;

describe("a message links to the section of the runbook", () => {
  test.each(Object.entries(CASES))("that there is, for %s", (_name, facts) => {
    const link = linked(facts);
    if (facts.outcome === "SUCCEEDED") expect(link).toBeNull();
    else if (link !== null) expect(anchors.map((anchor) => `${PAGE}#${anchor}`)).toContain(link);
  });

  test.each([...RETRYABLE, ...TERMINAL])("for the error %s that began a rollback", (name) => {
    const link = linked({ ...rolledBack, failure: { step: "SetSecret", name, message: "" } });
    expect(link).toBe(`${PAGE}#${name.toLowerCase()}`);
    expect(anchors).toContain(name.toLowerCase());
  });

  test("for a rollback that failed, whatever the errors were", () => {
    expect(linked(CASES["rollback-failed"] as OutcomeFacts)).toBe(`${PAGE}#rollbackfailed`);
  });

  test("by the code in the message, where the name is not one of Rotor's", () => {
    for (const name of ["Lambda.Unknown", "States.Timeout", "__proto__", ""]) {
      expect(linked({ ...rolledBack, failure: { step: "SetSecret", name, message: "" } })).toBe(`${PAGE}#root-causes`);
    }
    expect(anchors).toContain("root-causes");
  });

  test.each(Object.entries(INCIDENTS))("for the incident %s", (_name, incident) => {
    const link = buildIncident(incident, CONTEXT).json.links.errorRunbook;
    expect(link).not.toBe(`${PAGE}#root-causes`);
    expect(anchors.map((anchor) => `${PAGE}#${anchor}`)).toContain(link);
  });

  test.each(DIAGNOSES.filter((name) => name !== "RotationDue"))("for what reconcile finds: %s", (name) => {
    if (finding === undefined) throw new Error("There is no incident of a finding.");
    expect(buildIncident({ ...finding, name }, CONTEXT).json.links.errorRunbook).toBe(`${PAGE}#${name.toLowerCase()}`);
  });

  test("in mail and in a channel, besides the policy's own", () => {
    const { email, chat } = buildNotification(rolledBack, CONTEXT);
    expect(email).toMatch(
      /^Runbook {5}https:\/\/wiki.example.com\/runbooks#dependentunhealthy\n {12}https:.*\/rotation$/m,
    );
    expect(JSON.parse(chat).content.nextSteps.at(-1)).toBe(
      `Runbook: <${PAGE}#dependentunhealthy|this error>, <https://runbooks.example.com/rotation|this secret>`,
    );
  });

  test("only where the deployment names one", () => {
    expect(buildNotification(rolledBack, { stage: "prod" }).json.links.errorRunbook).toBeNull();
  });
});
