import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Attempt, Step } from "../../core/history.ts";
import type { DefinedState } from "../model/definition.ts";
import { logLink } from "../model/log-link.ts";
import { objectOf } from "../model/payload.ts";
import { retriersOf, retryInWords } from "../model/retry-policy.ts";
import { clock, duration } from "../model/words.ts";
import { CopyCommand } from "./copy.tsx";
import { Status } from "./status.tsx";

export interface DetailsProps {
  readonly title: string;
  readonly steps: readonly Step[];
  /** By name: the states of the execution's own definition. */
  readonly states: ReadonlyMap<string, DefinedState>;
  readonly command: string;
  readonly note: string | undefined;
  readonly onClose: () => void;
}

/** Everything that is known of one step, or of the steps of one iteration. */
export function Details({ title, steps, states, command, note, onClose }: DetailsProps) {
  const unentered = states.get(title);
  return (
    <section class="panel details" aria-label={`Details of ${title}`}>
      <header>
        <h2>{title}</h2>
        <CopyCommand command={command} says="Copy as command" />
        <button type="button" data-close onClick={onClose}>
          Close
        </button>
      </header>
      {steps.length === 0 && <p class="empty">This state was not entered.</p>}
      {steps.map((step) => (
        <StepDetails
          key={`${step.iteration?.index}/${step.name}`}
          step={step}
          state={states.get(step.name)}
          note={note}
          many={steps.length > 1}
        />
      ))}
      {steps.length === 0 && unentered !== undefined && <Policy state={unentered} />}
    </section>
  );
}

// --- internal ---

interface StepDetailsProps {
  readonly step: Step;
  readonly state: DefinedState | undefined;
  readonly note: string | undefined;
  readonly many: boolean;
}

function StepDetails({ step, state, note, many }: StepDetailsProps) {
  const { name, type, status, attempts, startedAt, durationMs, entries, request, output, assigned } = step;
  return (
    <article>
      <h3>
        {many ? `${name} ` : ""}
        <Status of={status} {...(note !== undefined && !many ? { says: note } : {})} />
      </h3>
      <p class="quiet">
        {[type, `entered ${clock(startedAt)}`, duration(durationMs), entries > 1 ? `entered ${entries} times` : ""]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {state?.comment !== undefined && <p>{state.comment}</p>}
      {attempts.length > 0 && <Attempts attempts={attempts} step={step} />}
      {state !== undefined && <Policy state={state} />}
      <Payload says="Input" value={request} />
      <Payload says="Output" value={output} />
      <Payload says="Variables that it set" value={assigned} />
    </article>
  );
}

const SHOWN_TRIES = 50;

function Attempts({ attempts, step }: { readonly attempts: readonly Attempt[]; readonly step: Step }) {
  const shown = attempts.slice(-SHOWN_TRIES);
  const skipped = attempts.length - shown.length;
  return (
    <>
      <h4>{attempts.length === 1 ? "One try" : `${attempts.length} tries`}</h4>
      {skipped > 0 && <p class="quiet">The last {SHOWN_TRIES} are shown. All of them: Events.</p>}
      <ol class="tries" start={skipped + 1}>
        {shown.map((attempt, index) => (
          <Try key={skipped + index} attempt={attempt} before={attempts[skipped + index - 1]} step={step} />
        ))}
      </ol>
    </>
  );
}

function Try({
  attempt,
  before,
  step,
}: {
  readonly attempt: Attempt;
  readonly before: Attempt | undefined;
  readonly step: Step;
}) {
  const { startedAt, endedAt, error, message } = attempt;
  const waited = before?.endedAt && startedAt.getTime() - before.endedAt.getTime();
  const took = endedAt && duration(endedAt.getTime() - startedAt.getTime());
  const log = logLink(step.request, attempt);
  return (
    <li>
      <Status
        of={
          error !== undefined
            ? "failed"
            : endedAt === undefined
              ? step.endedAt === undefined
                ? "running"
                : "aborted"
              : "succeeded"
        }
        {...(error === undefined ? {} : { says: error })}
      />
      <span class="quiet">
        {" "}
        {clock(startedAt)}
        {took === undefined ? "" : `, ${took}`}
        {waited === undefined || waited < 1 ? "" : `, after a pause of ${duration(waited)}`}
      </span>
      {message !== undefined && <p class="message">{message}</p>}
      {log !== undefined && log.console !== null && (
        <p class="log">
          <a href={log.console} target="_blank" rel="noreferrer">
            Log
          </a>{" "}
          <CopyCommand command={log.command} says="Copy the log's command" />
        </p>
      )}
    </li>
  );
}

function Policy({ state: { body } }: { readonly state: DefinedState }) {
  const retriers = retriersOf(body).map(retryInWords);
  const seconds = body["TimeoutSeconds"];
  const catches = Array.isArray(body["Catch"]) ? body["Catch"].map(objectOf) : [];
  if (retriers.length === 0 && typeof seconds !== "number" && catches.length === 0) return null;
  return (
    <details>
      <summary>Retry policy</summary>
      <ul>
        {retriers.map((retrier) => (
          <li key={retrier}>{retrier}</li>
        ))}
        {retriers.length === 0 && <li>It is tried once.</li>}
        {typeof seconds === "number" && <li>Each try may take {seconds} s.</li>}
        {catches.map(({ ErrorEquals, Next }, index) => (
          <li key={index}>
            After{" "}
            {Array.isArray(ErrorEquals) && !ErrorEquals.includes("States.ALL") ? ErrorEquals.join(", ") : "any error"}{" "}
            it goes on with {String(Next)}.
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Of a long payload so much is shown at first, in characters. */
const SHOWN_PAYLOAD = 20_000;

function Payload({ says, value }: { readonly says: string; readonly value: unknown }): ComponentChildren {
  const [isOpen, setOpen] = useState(false);
  const [isWhole, setWhole] = useState(false);
  if (value === undefined) return null;
  const text = isOpen ? JSON.stringify(value, null, 2) : "";
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{says}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <pre tabIndex={0}>{isWhole ? text : text.slice(0, SHOWN_PAYLOAD)}</pre>
      {!isWhole && text.length > SHOWN_PAYLOAD && (
        <button type="button" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString("en")} characters
        </button>
      )}
    </details>
  );
}
