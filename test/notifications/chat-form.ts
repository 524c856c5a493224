import { expect } from "vitest";
import * as z from "zod/mini";

/** "Custom notifications using Amazon Q Developer in chat applications": of any other form they are dropped without a word. */
const custom = z.strictObject({
  version: z.literal("1.0"),
  source: z.literal("custom"),
  id: z.string().check(z.minLength(1)),
  content: z.strictObject({
    textType: z.literal("client-markdown"),
    title: z.string().check(z.minLength(1), z.maxLength(150)),
    description: z.string().check(z.minLength(1), z.maxLength(2500)),
    nextSteps: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1), z.maxLength(6))),
  }),
  metadata: z.strictObject({
    threadId: z.string().check(z.minLength(1)),
    summary: z.string().check(z.maxLength(150)),
    eventType: z.string().check(z.regex(/^[a-z-]+$/)),
    relatedResources: z.array(z.string()),
    additionalContext: z.record(z.string(), z.string()),
  }),
});

/** Of that form, and with no mention, link or markup that others have put into it. */
export function expectChat(text: string): void {
  const parsed = custom.safeParse(JSON.parse(text));
  expect(parsed.error).toBeUndefined();
  const { title = "", description = "", nextSteps = [] } = parsed.data?.content ?? {};
  for (const each of [title, description, ...nextSteps.filter((step) => !step.startsWith("Runbook: "))]) {
    expect(each).not.toMatch(/[<>]|@(channel|here|everyone|all)\b/i);
  }
}
