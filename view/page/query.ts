import { useState } from "preact/hooks";

/** A member of the address' query, "" where it is not there: a page that is opened again, or in another tab, shows the same. */
export function useQuery(name: string): readonly [value: string, set: (value: string) => void] {
  const [value, setValue] = useState(() => new URLSearchParams(location.search).get(name) ?? "");
  const set = (next: string) => {
    const query = new URLSearchParams(location.search);
    if (next === "") query.delete(name);
    else query.set(name, next);
    const text = query.toString();
    history.replaceState(history.state, "", `${location.pathname}${text === "" ? "" : `?${text}`}`);
    setValue(next);
  };
  return [value, set];
}
