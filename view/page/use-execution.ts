import { useEffect, useRef, useState } from "preact/hooks";
import { withEvents } from "../model/moments.ts";
import type { ApiError, ExecutionFile, ExecutionPart, WireEvent } from "../wire.ts";
import { ask, type Connection, listen } from "./api.ts";

export interface Followed {
  readonly file: ExecutionFile | undefined;
  /** Why it could not be looked at just now; what is shown is what was last seen. */
  readonly problem: string | undefined;
  /** Why there is nothing to show. */
  readonly failure: Error | undefined;
}

/** A run that was asked for begins a little later, and what AWS has no room for it has later: between two looks, in ms, and how many. */
const LOOKS = 12;
const AGAIN_MS = 5000;

/** Reads an execution, and follows it for as long as the page is open: a run that has ended may be made to go on. */
export function useExecution(name: string, onConnection: (to: Connection) => void): Followed {
  const [file, setFile] = useState<ExecutionFile>();
  const [problem, setProblem] = useState<string>();
  const [failure, setFailure] = useState<Error>();
  const known = useRef<ExecutionFile | undefined>(undefined);
  useEffect(() => {
    let stop = () => {};
    let isLeft = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let looks = LOOKS;
    const show = (next: ExecutionFile) => {
      known.current = next;
      setFile(next);
    };
    const change = (make: (before: ExecutionFile) => ExecutionFile) => {
      setProblem(undefined);
      if (known.current !== undefined) show(make(known.current));
    };
    const begin = async (): Promise<void> => {
      try {
        const first = await ask<ExecutionFile>(`runs/${encodeURIComponent(name)}`);
        if (isLeft) return;
        setFailure(undefined);
        show(first);
        const path = `runs/${encodeURIComponent(first.run.name)}/live`;
        stop = listen({
          path: () => `${path}?after=${known.current?.events.at(-1)?.id ?? 0}`,
          connection: onConnection,
          on: {
            part: (data) => change((before) => ({ ...before, ...(data as ExecutionPart) })),
            events: (data) =>
              change((before) => ({ ...before, events: withEvents(before.events, data as readonly WireEvent[]) })),
            problem: (data) => setProblem((data as ApiError).message),
          },
        });
      } catch (error) {
        if (isLeft) return;
        setFailure(error as Error);
        const isGone = error instanceof TypeError;
        if (isGone) onConnection("gone");
        else looks -= 1;
        if (looks > 0) timer = setTimeout(() => void begin(), isGone ? 2000 : AGAIN_MS);
      }
    };
    void begin();
    return () => {
      isLeft = true;
      clearTimeout(timer);
      stop();
    };
  }, [name, onConnection]);
  return { file, problem, failure };
}
