import { ViewError, type ViewSource } from "../view/source.ts";
import { placeOf } from "./execution-file.ts";
import { checkName } from "./given.ts";
import { Progress } from "./progress.ts";
import { findRun } from "./runs.ts";
import type { Session } from "./session.ts";
import { ViewActions } from "./view-actions.ts";
import { toViewError } from "./view-error.ts";
import { ViewList } from "./view-list.ts";
import { ViewRun } from "./view-run.ts";

/** So many runs that nobody looks at any more are remembered: a page that is loaded again does not read them again. */
const REMEMBERED = 5;

/**
 * What AWS, or an embedded account, says. It is asked only while somebody looks.
 *
 * @param isReadOnly no action is offered, done, or tried
 * @throws what findDeployment throws
 */
export async function viewSource(session: Session, isReadOnly: boolean): Promise<ViewSource> {
  const deployment = await session.deployment();
  const quiet: Session = { ...session, progress: new Progress(process.stderr, true) };
  const list = new ViewList(quiet, deployment);
  const actions = isReadOnly ? undefined : new ViewActions(quiet, deployment);
  const runs = new Map<string, ViewRun>();

  return {
    readPlace: async () => placeOf(deployment),
    watchList: (signal) => list.watch(signal),
    readExecution: (reference) =>
      told(async () => {
        checkName(reference);
        const { execution } = await findRun(session.clients, deployment, reference);
        return await runOf(execution.name).read();
      }),
    watchExecution: (name, after, signal) => runOf(name).watch(after, signal),
    act: (name, action, confirm) =>
      told(async () => {
        if (actions === undefined) return { done: false, said: [READ_ONLY], run: name };
        checkName(name);
        const found = await findRun(session.clients, deployment, name);
        if (found.execution.name !== name) throw new ViewError(404, `There is no run ${name}.`, null);
        const reply = await actions.act(found, action, confirm);
        runOf(name).disturb();
        return reply;
      }),
  };

  function runOf(name: string): ViewRun {
    const run =
      runs.get(name) ?? new ViewRun(quiet, deployment, name, async (found) => (await actions?.of(found)) ?? []);
    runs.delete(name);
    runs.set(name, run);
    const unwatched = [...runs].filter(([, each]) => each !== run && !each.isWatched);
    for (const [oldest] of unwatched.slice(0, Math.max(0, unwatched.length - REMEMBERED))) runs.delete(oldest);
    return run;
  }
}

// --- internal ---

const READ_ONLY = "This view is read-only (--read-only). Nothing was done.";

async function told<T>(work: () => Promise<T>): Promise<T> {
  return await work().catch((error: unknown) => Promise.reject(toViewError(error)));
}
