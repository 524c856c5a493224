import { distance } from "../model/words.ts";
import type { SecretRow } from "../wire.ts";
import { BASE } from "./api.ts";
import { Status } from "./status.tsx";
import { VirtualRows } from "./virtual-rows.tsx";

export function SecretsTable({ rows }: { readonly rows: readonly SecretRow[] }) {
  const now = new Date();
  const when = (text: string | null) => (text === null ? "" : distance(new Date(text), now));
  return (
    <VirtualRows
      class="secrets-rows"
      label="Secrets"
      rows={rows}
      rowHeight={27}
      columns={7}
      keyOf={({ arn }) => arn}
      empty="No secret is like that."
      head={
        <>
          <th scope="col">Secret</th>
          <th scope="col">State</th>
          <th scope="col">Last outcome</th>
          <th scope="col">Rotated</th>
          <th scope="col">Next</th>
          <th scope="col">Policy</th>
          <th scope="col">Owner</th>
        </>
      }
      render={({ name, arn, states, lastRun, lastRotatedAt, currentSince, nextAt, policy, owner }) => (
        <>
          <th scope="row" title={arn}>
            {lastRun === null ? (
              name
            ) : (
              <a data-row href={`${BASE}/runs/${encodeURIComponent(lastRun.name)}`}>
                {name}
              </a>
            )}
          </th>
          <td>{states.length === 0 ? <Status of="good" says="ok" /> : <Status of="bad" says={states.join(", ")} />}</td>
          <td>{lastRun === null ? <span class="quiet">none</span> : <Status of={lastRun.outcome} />}</td>
          <td>{when(latest(lastRotatedAt, currentSince))}</td>
          <td>{when(nextAt)}</td>
          <td>
            {policy === null ? (
              <span class="quiet">none</span>
            ) : (
              [policy.mode, policy.strategy].filter(Boolean).join(", ")
            )}
          </td>
          <td>{owner ?? ""}</td>
        </>
      )}
    />
  );
}

// --- internal ---

/** LastRotatedDate is Secrets Manager's own: of a rotation that another asks for AWSCURRENT's age tells. */
function latest(a: string | null, b: string | null): string | null {
  return (
    [a, b]
      .filter((each) => each !== null)
      .sort()
      .at(-1) ?? null
  );
}
