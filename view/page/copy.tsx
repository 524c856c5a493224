import { useState } from "preact/hooks";

/** A CLI line that does or says the same, to be copied. */
export function CopyCommand({ command, says }: { readonly command: string; readonly says?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(command).catch(() => select(command));
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" class="copy" title={`Copy: ${command}`} onClick={() => void copy()}>
      <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
        <title>Copy</title>
        <path d="M4 1h7v7H9V3H4zM1 4h7v7H1z" />
      </svg>
      {says ?? <code>{command}</code>}
      <span class="hidden">{says === undefined ? ", copy as command" : `, copy the command ${command}`}</span>
      <span role="status" class="copied">
        {copied ? "copied" : ""}
      </span>
    </button>
  );
}

/** Where the clipboard may not be written, the line can at least be seen whole, selected. */
function select(command: string): void {
  prompt("Copy this line:", command);
}
