import { useRef } from "preact/hooks";
import { KEYS } from "./keys.ts";

export function Help({ onClose }: { readonly onClose: () => void }) {
  const opened = useRef(false);
  const show = (dialog: HTMLDialogElement | null) => {
    if (dialog === null || opened.current) return;
    opened.current = true;
    dialog.showModal();
  };
  return (
    <dialog ref={show} aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={onClose}>
        Close
      </button>
    </dialog>
  );
}
