import { isRefused, type Limits, openPool, type VersionPool } from "./service-database.ts";
import type { SecretVersion } from "./service-secret.ts";

export interface Use {
  readonly application: string;
  /** "reload": reads the secret again when the database refuses it. "cache": only when it is asked to. */
  readonly mode: "reload" | "cache";
  readonly readCurrent: () => Promise<SecretVersion>;
  readonly log: (event: string, facts: Readonly<Record<string, string>>) => void;
  /** A service's usual ones, unless given. */
  readonly limits?: Limits;
}

/** A credential in use: one pool at a time, each of one version. */
export interface CredentialInUse {
  /** The version of the newest authentication, and whether the last statement worked. */
  health(): { readonly working: boolean; readonly versionId: string; readonly authenticatedAt: string };
  /**
   * Goes over to AWSCURRENT: a new pool is opened and authenticates, then the old one is closed. Concurrent calls take
   * turns. When it fails, the old pool stays.
   */
  reload(): Promise<string>;
  /** One statement, as the service's daily work. Never throws. */
  work(): Promise<void>;
  close(): Promise<void>;
}

/** @throws the errors of the SDK and of the driver: a service that cannot sign in does not start */
export async function takeIntoUse({ application, mode, readCurrent, log, limits }: Use): Promise<CredentialInUse> {
  let pool: VersionPool = await openNewest();
  let working = true;
  let turn: Promise<unknown> = Promise.resolve();

  async function openNewest(): Promise<VersionPool> {
    const opened = await openPool(await readCurrent(), application, limits);
    log("authenticated", { versionId: opened.versionId });
    return opened;
  }

  async function goOver(): Promise<string> {
    const old = pool;
    pool = await openNewest();
    working = true;
    await old.close();
    return pool.versionId;
  }

  function reload(): Promise<string> {
    const mine = turn.then(goOver);
    turn = mine.catch(() => {});
    return mine;
  }

  async function work(): Promise<void> {
    const used = pool;
    const error = await used.work().then(
      () => undefined,
      (reason: unknown) => reason ?? "unknown",
    );
    // Closed in favour of a newer one meanwhile: what became of its statement says nothing of the service.
    if (used !== pool) {
      return;
    }
    working = error === undefined;
    if (mode === "reload" && isRefused(error)) {
      await reload().catch(() => {});
    }
  }

  return {
    health: () => ({ working, versionId: pool.versionId, authenticatedAt: pool.authenticatedAt().toISOString() }),
    reload,
    work,
    close: () => pool.close(),
  };
}
