import type { Told } from "../wire.ts";
import { CopyCommand } from "./copy.tsx";

/** What a person has to do next, and what has to be known besides. */
export function Todo({ told }: { readonly told: Told }) {
  const { nextSteps, remarks } = told;
  if (nextSteps.length === 0 && remarks.length === 0) return null;
  return (
    <section class="panel todo" aria-label="To do">
      <h2>{nextSteps.length > 0 ? "To do" : "To know"}</h2>
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
      {remarks.length > 0 && (
        <details open={nextSteps.length === 0}>
          <summary>Besides</summary>
          {remarks.map((remark) => (
            <p key={remark} class="quiet">
              {remark}
            </p>
          ))}
        </details>
      )}
    </section>
  );
}
