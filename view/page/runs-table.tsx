import { outcomeOf } from "../model/filters.ts";
import { clock, duration } from "../model/words.ts";
import type { RunRow } from "../wire.ts";
import { BASE } from "./api.ts";
import { Status } from "./status.tsx";
import { VirtualRows } from "./virtual-rows.tsx";

export function RunsTable({ rows }: { readonly rows: readonly RunRow[] }) {
  return (
    <VirtualRows
      class="runs-rows"
      label="Runs"
      rows={rows}
      rowHeight={27}
      columns={6}
      keyOf={({ name }) => name}
      empty="No run is like that."
      head={
        <>
          <th scope="col">Began</th>
          <th scope="col">Secret</th>
          <th scope="col">Outcome</th>
          <th scope="col">Mode</th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col">Run</th>
        </>
      }
      render={(row) => {
        const { name, secret, status, mode, startedAt, endedAt } = row;
        const outcome = outcomeOf(row);
        return (
          <>
            <td>{startedAt === null ? "" : clock(new Date(startedAt))}</td>
            <td>{secret ?? <span class="quiet">not known</span>}</td>
            <td>{outcome === null ? <span class="quiet">{status.toLowerCase()} …</span> : <Status of={outcome} />}</td>
            <td>{mode ?? ""}</td>
            <td class="number">
              {startedAt === null || endedAt === null ? "" : duration(Date.parse(endedAt) - Date.parse(startedAt))}
            </td>
            <th scope="row">
              <a data-row href={`${BASE}/runs/${encodeURIComponent(name)}`}>
                {name}
              </a>
            </th>
          </>
        );
      }}
    />
  );
}
