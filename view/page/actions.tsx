import { useRef, useState } from "preact/hooks";
import type { Action, ActionName, ActionReply, RunHead } from "../wire.ts";
import { ask, BASE, Refused } from "./api.ts";
import { CopyCommand } from "./copy.tsx";

const WORDS: Readonly<Record<ActionName, readonly [button: string, says: string]>> = {
  retry: ["Retry", "A run that died goes on where it was; of one that has failed there is another attempt."],
  "roll-back": ["Roll back", "The version before becomes AWSCURRENT again, at the target, too, and that is proved."],
  stop: ["Stop", "The rotation is cancelled: the workflow takes back what it has done."],
};

/** What can be asked for now. Each wants the secret's name typed. */
export function Actions({ actions, run }: { readonly actions: readonly Action[]; readonly run: RunHead }) {
  const [asked, setAsked] = useState<Action>();
  const possible = actions.filter(({ refusal }) => refusal === null);
  const denied = actions.filter((action) => action.denied);
  return (
    <>
      {possible.map((action) => (
        <button key={action.name} type="button" class="action" onClick={() => setAsked(action)}>
          {WORDS[action.name][0]} …
        </button>
      ))}
      {denied.length > 0 && (
        <span class="quiet" title={denied.map(({ refusal }) => refusal).join("\n")}>
          These credentials may only look.
        </span>
      )}
      {asked !== undefined && <Confirm action={asked} run={run} onClose={() => setAsked(undefined)} />}
    </>
  );
}

// --- internal ---

function Confirm({
  action,
  run,
  onClose,
}: {
  readonly action: Action;
  readonly run: RunHead;
  readonly onClose: () => void;
}) {
  const [typed, setTyped] = useState("");
  const [said, setSaid] = useState<readonly string[]>([]);
  const [state, setState] = useState<"asking" | "sent" | "done">("asking");
  const opened = useRef(false);
  const show = (dialog: HTMLDialogElement | null) => {
    if (dialog === null || opened.current) return;
    opened.current = true;
    dialog.showModal();
  };
  const [button, what] = WORDS[action.name];
  const isMeant = typed === run.secret.name;
  const send = async () => {
    setState("sent");
    try {
      const path = `runs/${encodeURIComponent(run.name)}/${action.name}`;
      const reply = await ask<ActionReply>(path, { confirm: typed });
      setSaid(reply.said);
      setState(reply.done ? "done" : "asking");
      if (reply.done && reply.run !== run.name) location.assign(`${BASE}/runs/${encodeURIComponent(reply.run)}`);
      else if (reply.done) onClose();
    } catch (error) {
      const todo = error instanceof Refused && error.todo !== null ? [`To do: ${error.todo}`] : [];
      setSaid([
        error instanceof Refused ? error.message : "The server is gone: whether it was asked for is not known.",
        ...todo,
      ]);
      setState("asking");
    }
  };
  return (
    <dialog ref={show} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (isMeant && state === "asking") void send();
        }}
      >
        <h2 id="confirm-title">
          {button}: {run.secret.name}
        </h2>
        <p>{what}</p>
        <label>
          Type <code>{run.secret.name}</code> to go on
          <input
            type="text"
            autocomplete="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <div role="status" class="said">
          {state === "sent" && <p>Asking …</p>}
          {said.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </div>
        <footer>
          <CopyCommand command={action.command} />
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="severe" disabled={!isMeant || state !== "asking"}>
            {button}
          </button>
        </footer>
      </form>
    </dialog>
  );
}
