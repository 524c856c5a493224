import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

export interface VirtualRowsProps<T> {
  readonly rows: readonly T[];
  /** Of each row, in px. */
  readonly rowHeight: number;
  /** What the table is called, for screen readers. */
  readonly label: string;
  readonly head: ComponentChildren;
  readonly columns: number;
  readonly keyOf: (row: T) => string | number;
  readonly render: (row: T, index: number) => ComponentChildren;
  readonly rowClass?: (row: T) => string;
  /** What is said in place of rows. */
  readonly empty: string;
  readonly class?: string;
}

/** Rows above and below what is seen, so that scrolling shows no gap. */
const MORE = 8;

/** A table that draws the rows that are seen only, however many there are. */
export function VirtualRows<T>({
  rows,
  rowHeight,
  label,
  head,
  keyOf,
  render,
  rowClass,
  empty,
  ...props
}: VirtualRowsProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = () => setSeen({ top: element.scrollTop, height: element.clientHeight });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, []);
  const last = Math.max(0, rows.length * rowHeight - seen.height);
  const top = Math.min(seen.top, last);
  const from = Math.max(0, Math.floor(top / rowHeight) - MORE);
  const to = Math.min(rows.length, Math.ceil((top + seen.height) / rowHeight) + MORE);
  const [before, after] = [from * rowHeight, (rows.length - to) * rowHeight];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section ref={scroller} class={`scroller ${props.class ?? ""}`} tabIndex={0} aria-label={label}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>{head}</tr>
        </thead>
        <tbody>
          {rows.length === 0 && (
            <tr>
              <td colSpan={props.columns} class="empty">
                {empty}
              </td>
            </tr>
          )}
          {before > 0 && <Gap columns={props.columns} height={before} />}
          {rows.slice(from, to).map((row, index) => (
            <tr
              key={keyOf(row)}
              aria-rowindex={from + index + 2}
              class={rowClass?.(row)}
              style={{ height: `${rowHeight}px` }}
            >
              {render(row, from + index)}
            </tr>
          ))}
          {after > 0 && <Gap columns={props.columns} height={after} />}
        </tbody>
      </table>
    </section>
  );
}

function Gap({ columns, height }: { readonly columns: number; readonly height: number }) {
  return (
    <tr class="gap">
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}
