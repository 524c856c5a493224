import { shortId } from "../model/words.ts";
import type { Told } from "../wire.ts";
import { CopyCommand } from "./copy.tsx";
import { Status } from "./status.tsx";

/** What a person has to do next, what has to be known besides, and, after a failed rollback, which version opens the door. */
export function Todo({ told }: { readonly told: Told }) {
  const { nextSteps, remarks, state } = told;
  if (nextSteps.length === 0 && remarks.length === 0 && state.truthTable === null) return null;
  return (
    <section class="panel todo" aria-label="To do">
      <h2>{nextSteps.length > 0 ? "To do" : "To know"}</h2>
      {state.truthTable !== null && (
        <ul class="truth">
          {state.truthTable.map(({ id, labels, signIn }) => (
            <li key={id}>
              <code>{shortId(id)}</code> {labels.join(", ")} <Status of={signIn} />
            </li>
          ))}
        </ul>
      )}
      <ol>
        {nextSteps.map(({ say, command }) => (
          <li key={say}>
            {say}
            {command !== null && (
              <div>
                <CopyCommand command={command} />
              </div>
            )}
          </li>
        ))}
      </ol>
      {remarks.map((remark) => (
        <p key={remark} class="quiet">
          {remark}
        </p>
      ))}
    </section>
  );
}
