import type { ComponentChildren } from "preact";
import type { Run } from "../../core/history.ts";
import { retriesOf } from "../model/retries.ts";
import { clock, count, duration, plain } from "../model/words.ts";
import type { RunHead, Told } from "../wire.ts";
import { signOf, toneOf } from "./status.tsx";

export interface VerdictProps {
  readonly head: RunHead;
  readonly verdict: string;
  readonly told: Told | null;
  readonly run: Run;
  readonly events: number;
  /** In place of the verdict, where an earlier moment is shown. */
  readonly moment: string | undefined;
  readonly children: ComponentChildren;
}

/** Is production working, which version is live, what is there to do: in one sentence, before everything else. */
export function Verdict({ head, verdict, told, run, events, moment, children }: VerdictProps) {
  const outcome = moment === undefined ? head.outcome : "RUNNING";
  const { count: retries, waitedMs } = retriesOf(run);
  const facts = [
    head.mode,
    run.startedAt && `began ${clock(run.startedAt)}`,
    duration(run.durationMs),
    count(events, "event"),
    retries > 0 && `${count(retries, "retry", "retries")}, ${duration(waitedMs)} of waiting for them`,
    told?.secret.owner && `owner ${told.secret.owner}`,
    told?.secret.strategy,
  ];
  return (
    <section class={`panel verdict ${toneOf(outcome)}`} aria-label="Verdict">
      <p class="sentence">
        <strong>
          <span aria-hidden="true">{signOf(outcome)} </span>
          {moment === undefined ? plain(outcome).toUpperCase() : "REPLAY"}
        </strong>{" "}
        {moment ?? verdict}
      </p>
      {moment === undefined && <Failures told={told} />}
      <p class="quiet">{facts.filter(Boolean).join(" · ")}</p>
      <div class="buttons">{children}</div>
    </section>
  );
}

// --- internal ---

function Failures({ told }: { readonly told: Told | null }) {
  const failures = [told?.failure, told?.rollbackFailure].filter((each) => each != null);
  return (
    <>
      {failures.map(({ step, name, message, likelyCause }) => (
        <p key={step} class="failure">
          <code>{name}</code> in {step}: {message}
          {likelyCause !== null && <span class="quiet"> Likely: {likelyCause}</span>}
        </p>
      ))}
    </>
  );
}
