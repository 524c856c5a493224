import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { rehearsalRequested, repairRequested, rotationRequested } from "../../core/events.ts";
import { digestBody } from "../../core/notifications/digest-schema.ts";
import { incidentBody } from "../../core/notifications/incident-schema.ts";
import { plainBody } from "../../core/notifications/plain.ts";
import { eventDetail, notificationBody } from "../../core/notifications/schema.ts";

const FOLDER = join(import.meta.dirname, "../../docs/schemas");

/** What others read or write, by the name of its file. */
const SCHEMAS = {
  "rotation.notification-1": notificationBody,
  "rotation.incident-1": incidentBody,
  "rotation.plain-1": plainBody,
  "rotation.digest-1": digestBody,
  "outcome-event.detail": eventDetail,
  "rotation-requested.detail": rotationRequested,
  "repair-requested.detail": repairRequested,
  "rehearsal-requested.detail": rehearsalRequested,
} as const;

test.each(Object.entries(SCHEMAS))(
  "docs/schemas/%s.json is the schema that messages and requests are held to",
  async (name, schema) => {
    const published = { $id: `urn:rotor:${name}`, ...z.toJSONSchema(schema, { io: "input" }) };
    await expect(`${JSON.stringify(published, undefined, 2)}\n`).toMatchFileSnapshot(join(FOLDER, `${name}.json`));
  },
);

test("there is no other one", () => {
  expect(readdirSync(FOLDER).sort()).toEqual(
    Object.keys(SCHEMAS)
      .map((name) => `${name}.json`)
      .sort(),
  );
});
