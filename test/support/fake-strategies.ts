import { z } from "zod";
import { RotationError } from "../../core/errors.ts";
import { defineStrategy, type RotationContext } from "../../core/strategies/strategy.ts";
import { ask } from "./fake-connection.ts";

/** Takes the place of `core/strategies/index.ts` in functions that are bundled for tests with a fake target. */
export { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
export { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";

export const fakeCredential = z.looseObject({
  host: z.string(),
  port: z.number(),
  username: z.string().min(1),
  password: z.string().min(1),
});
export type FakeCredential = z.infer<typeof fakeCredential>;

type Context = Pick<RotationContext, "timeoutMs" | "signal" | "versionId">;

/** One user, one password: from setSecret until finishSecret whoever reads AWSCURRENT is refused. */
export const fakeSingleUser = defineStrategy<FakeCredential>({
  name: "fake-single-user",
  scheme: "single-user",
  credential: fakeCredential,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  async setSecret({ candidate, base, previous }, context) {
    checkSameUser(candidate, base, context);
    if (await isAccepted(candidate, context)) return;
    for (const known of sameUsers([base, previous], base)) {
      if (await setPasswords(known, [candidate.password], context)) return;
    }
    if (await isAccepted(candidate, context)) return;
    throw drift(context);
  },

  testSecret,

  async rollbackSecret({ candidate, base, previous }, context) {
    if (await isAccepted(base, context)) return;
    for (const known of sameUsers([candidate, previous], base)) {
      if (await setPasswords(known, [base.password], context)) return;
    }
    if (await isAccepted(base, context)) return;
    throw drift(context);
  },

  signIn,
  sessions,
});

/** One user, two passwords at most: base and candidate both sign in until the next rotation. */
export const fakeDual = defineStrategy<FakeCredential>({
  name: "fake-dual",
  scheme: "dual",
  credential: fakeCredential,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  async setSecret({ candidate, base }, context) {
    checkSameUser(candidate, base, context);
    if (await isAccepted(candidate, context)) return;
    if (!(await setPasswords(base, [base.password, candidate.password], context))) throw drift(context);
  },

  testSecret,

  async rollbackSecret({ candidate, base, previous }, context) {
    if (!(await isAccepted(base, context))) throw drift(context);
    if (sameUsers([candidate], base).length === 0 || !(await isAccepted(candidate, context))) return;
    const kept = sameUsers([previous], base).map(({ password }) => password);
    if (!(await setPasswords(base, [base.password, ...kept], context))) throw drift(context);
  },

  signIn,
  sessions,
});

// --- what both share ---

async function testSecret(credential: FakeCredential, context: Context): Promise<void> {
  if (await isAccepted(credential, context)) return;
  throw new RotationError("CredentialRejected", `The fake target refused version ${context.versionId}.`);
}

async function signIn(credential: FakeCredential, context: Context) {
  try {
    return (await isAccepted(credential, context)) ? "accepted" : "rejected";
  } catch {
    return "unreachable";
  }
}

async function sessions(credential: FakeCredential, context: Context) {
  const askedAt = Date.now();
  const reply = await ask(credential, { op: "sessions" }, context);
  if (!reply.accepted) throw new RotationError("CredentialRejected", "The fake target refused the credential.");
  return (reply.sessions ?? []).map(({ application, ageMs }) => ({
    application,
    address: "127.0.0.1",
    begunAt: new Date(askedAt - ageMs),
  }));
}

async function isAccepted(credential: FakeCredential, context: Context): Promise<boolean> {
  return (await ask(credential, { op: "sign-in" }, context)).accepted;
}

/** False, and nothing changed, when `login` is refused. */
async function setPasswords(login: FakeCredential, passwords: readonly string[], context: Context): Promise<boolean> {
  return (await ask(login, { op: "set", passwords, versionId: context.versionId }, context)).accepted;
}

function sameUsers(versions: readonly (FakeCredential | undefined)[], base: FakeCredential): readonly FakeCredential[] {
  return versions.filter((version) => version !== undefined).filter((version) => isSameUser(version, base));
}

function isSameUser(one: FakeCredential, other: FakeCredential): boolean {
  return one.username === other.username && one.host === other.host && one.port === other.port;
}

function checkSameUser(candidate: FakeCredential, base: FakeCredential, { versionId }: Context): void {
  if (isSameUser(candidate, base)) return;
  throw new RotationError("ConfigurationInvalid", `Version ${versionId} is for another user than the base.`);
}

function drift({ versionId }: Context): RotationError {
  return new RotationError("CredentialDrift", `Version ${versionId}: no known version signs in at the fake target.`);
}
