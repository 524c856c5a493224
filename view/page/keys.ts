import { useEffect } from "preact/hooks";
import { BASE } from "./api.ts";

/** What each key does, for people. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ["j, k", "to the next row, to the one before"],
  ["Enter", "shows the row's details, or opens it"],
  ["Esc", "closes the details"],
  ["/", "to the filter"],
  ["g", "to the list"],
  ["?", "these keys"],
];

/** Keys that work wherever nothing is typed. */
export function useKeys(help: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
      const target = event.target as HTMLElement;
      const isTyping =
        /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && (target as HTMLInputElement).type !== "checkbox";
      if (event.key === "Escape") {
        if (isTyping) target.blur();
        else document.querySelector<HTMLElement>("[data-close]")?.click();
        return;
      }
      if (isTyping) return;
      if (event.key === "?") help();
      else if (event.key === "g") location.assign(`${BASE}/`);
      else if (event.key === "/") document.querySelector<HTMLElement>("[data-filter]")?.focus();
      else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [help]);
}

// --- internal ---

function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
