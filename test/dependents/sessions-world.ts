import type { Character, DependentWorld, Subject } from "../contracts/dependent.ts";
import { uniqueName } from "../support/database.ts";
import { startClient } from "./aws-clients.ts";
import { startSecretStore } from "./secret-store.ts";

/** Clients of a database that nobody can ask: one that goes over to AWSCURRENT, and one that keeps its old connection. */
export async function startSessionsWorld(): Promise<DependentWorld> {
  const store = await startSecretStore();
  const client = startClient(store);
  const ends: (() => Promise<void>)[] = [];

  const start: Partial<Record<Character, () => Promise<Subject>>> = {
    honest: async () => {
      const application = uniqueName("honest");
      const use = await client.takeIntoUse(application);
      ends.push(use.close);
      return {
        target: {},
        application,
        goOver: async () => {
          await use.reload();
        },
      };
    },
    liar: async () => {
      const application = uniqueName("liar");
      ends.push(await client.holdBase(application));
      return { target: undefined, application, goOver: async () => {} };
    },
  };

  return {
    base: store.base,
    candidate: store.candidate,
    canary: store.base.credential.password,
    start: async (character) => {
      const begin = start[character];
      if (begin === undefined) throw new Error(`Nobody asks it, so it cannot be ${character}.`);
      return begin();
    },
    hazards: async () => ({}),
    set: store.set,
    promote: store.promote,
    restore: store.restore,
    sessions: store.sessions,
    [Symbol.asyncDispose]: async () => {
      for (const end of ends) await end();
      client[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
