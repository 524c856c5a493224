import { useEffect, useState } from "preact/hooks";
import { timeOfDay } from "../model/words.ts";
import type { Connection } from "./api.ts";

/** Says when what is shown is not what is true now any more. */
export function ConnectionBanner({ connection }: { readonly connection: Connection }) {
  const [since, setSince] = useState<Date>();
  useEffect(() => {
    if (connection === "live") setSince(undefined);
    else if (connection !== "connecting") setSince((before) => before ?? new Date());
  }, [connection]);
  const isLost = connection === "gone" || connection === "refused";
  return (
    <div role="status" class={isLost ? "panel problem" : "hidden"} data-connection={connection}>
      {connection === "gone" &&
        `The server is gone. What is shown is of ${timeOfDay(since ?? new Date())}. Looking for it again …`}
      {connection === "refused" &&
        "The server was started anew, and this page is not its own. Open the address that it has printed."}
      {connection === "live" && "Connected."}
    </div>
  );
}
