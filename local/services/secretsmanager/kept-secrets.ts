import type { Journal } from "../../journal.ts";
import type { KeptRotation, Rotations } from "./rotation.ts";
import type { RotationSchedules } from "./rotation-schedules.ts";
import type { Secret, Store } from "./store.ts";

export interface KeptSecretsOptions {
  readonly journal: Journal;
  readonly store: Store;
  readonly rotations: () => Rotations;
  readonly schedules: () => RotationSchedules;
  readonly now: () => number;
}

export interface KeptSecrets {
  /** Keeps the secret as it is now, with its rotation; or that it is gone. */
  save(secret: Secret): void;
  /** Puts what an earlier process kept into the store. Rotations and schedules go on as soon as `resumed` says so. */
  recover(resumed: Promise<boolean>): readonly Secret[];
}

const KIND = "secret";

/** Secrets in the journal: each one whole, its values included. What an owner's `rotate` does is a function, and is not kept. */
export function createKeptSecrets({ journal, store, now, ...rest }: KeptSecretsOptions): KeptSecrets {
  return {
    save(secret) {
      if (store.lookUp(secret.arn) !== secret) journal.remove(KIND, secret.arn);
      else journal.put(KIND, secret.arn, { secret, rotation: rest.rotations().kept(secret) });
    },
    recover(resumed) {
      return journal.kept<Kept>(KIND).flatMap(({ secret: entries, rotation }) => {
        const secret = fromEntries(entries);
        if (secret.deletionDate !== undefined && secret.deletionDate <= now()) {
          journal.remove(KIND, secret.arn);
          return [];
        }
        store.put(secret);
        if (rotation !== undefined) rest.rotations().recover(secret, rotation, resumed);
        const { watchedFrom } = secret;
        if (watchedFrom === undefined) return [secret];
        void resumed.then((isResumed) => isResumed && rest.schedules().arm(secret, watchedFrom));
        return [secret];
      });
    },
  };
}

// --- internal ---

type Entries<M> = M extends Map<infer K, infer V> ? [K, V][] : M;
type InJson = { readonly [member in keyof Secret]: Entries<Secret[member]> };

interface Kept {
  readonly secret: InJson;
  readonly rotation?: KeptRotation;
}

function fromEntries({ tags, versions, labels, ...rest }: InJson): Secret {
  const known = tags === undefined ? {} : { tags: new Map(tags) };
  return { ...rest, ...known, versions: new Map(versions), labels: new Map(labels) };
}
