import "./place.ts";
import { RotationError } from "../../../core/errors.ts";
import type { FakeReply, FakeRequest } from "../../support/fake-target.ts";

/** Takes the place of `test/support/fake-connection.ts` in functions that run in this process. */
export async function ask(
  { username, password }: { readonly username: string; readonly password: string },
  request: Omit<FakeRequest, "id" | "username" | "password">,
): Promise<FakeReply> {
  const reply = await __place.askTarget({ id: 0, username, password, ...request });
  if (reply !== undefined) return reply;
  throw new RotationError("TargetUnavailable", "The fake target gave no answer.");
}
