import { useState } from "preact/hooks";
import type { DependentCell, DependentRow } from "../model/dependents.ts";
import { Status } from "./status.tsx";

/** So many are shown at first: failures come first. */
const SHOWN = 50;

/** Each dependent before, on the new version, and back on the old one; how strong the evidence is. */
export function DependentsTable({ rows }: { readonly rows: readonly DependentRow[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, SHOWN);
  return (
    <section class="panel" aria-label="Dependents">
      <h2>Dependents</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <div class="wide" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Dependent</th>
              <th scope="col">Before</th>
              <th scope="col">On the new version</th>
              <th scope="col">Back on the old</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ name, before, after, restored }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <Cell of={before} />
                </td>
                <td>
                  <Cell of={after} />
                </td>
                <td>
                  <Cell of={restored} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < rows.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {rows.length.toLocaleString("en")}
        </button>
      )}
      {rows.length === 0 && <p class="empty">None is declared, or none was read yet.</p>}
    </section>
  );
}

// --- internal ---

function Cell({ of: { state, says, because } }: { readonly of: DependentCell }) {
  if (state === "nothing" && says === "") return <span class="quiet">not looked at</span>;
  return (
    <span title={because === "" ? says : because}>
      <Status of={state} says={says} />
      {state === "bad" && because !== "" && <span class="because">{because}</span>}
    </span>
  );
}
