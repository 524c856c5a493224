import { INSTANTS, type VersionRow } from "../model/versions.ts";
import { shortId } from "../model/words.ts";
import type { Told } from "../wire.ts";
import { Status } from "./status.tsx";

export interface VersionsTableProps {
  readonly rows: readonly VersionRow[];
  /** Of a failed rollback: which version the target accepts. */
  readonly truth: Told["state"]["truthTable"];
}

/** Which staging labels each version carried, as they were read. */
export function VersionsTable({ rows, truth }: VersionsTableProps) {
  const signIn = (id: string) => truth?.find((row) => row.id === id)?.signIn;
  return (
    <section class="panel" aria-label="Versions">
      <h2>Versions</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <div class="wide" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Before</th>
              <th scope="col">After promotion</th>
              <th scope="col">Now</th>
              {truth !== null && <th scope="col">Sign-in</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.id}>
                <th scope="row" title={row.id}>
                  <code>{shortId(row.id)}</code> <span class="quiet">{ROLES[row.role]}</span>
                </th>
                {INSTANTS.map((instant) => (
                  <td key={instant}>
                    <Labels of={row[instant]} />
                  </td>
                ))}
                {truth !== null && <td>{signIn(row.id) !== undefined && <Status of={signIn(row.id) ?? ""} />}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && <p class="empty">No version was read yet.</p>}
    </section>
  );
}

// --- internal ---

const ROLES = { candidate: "new", base: "old", other: "" } as const;

function Labels({ of }: { readonly of: readonly string[] | undefined }) {
  if (of === undefined) return <span class="quiet">not read</span>;
  if (of.length === 0) return <span class="quiet">none</span>;
  return (
    <>
      {of.map((label) => (
        <span key={label} class={`label ${label.toLowerCase().replaceAll("_", "-")}`}>
          {label}
        </span>
      ))}
    </>
  );
}
