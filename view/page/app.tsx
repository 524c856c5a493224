import { useEffect, useState } from "preact/hooks";
import { LINES } from "../model/lines.ts";
import { clock } from "../model/words.ts";
import type { ExecutionFile, Place } from "../wire.ts";
import { ask, BASE, type Connection, Refused } from "./api.ts";
import { Boundary } from "./boundary.tsx";
import { ConnectionBanner } from "./connection-banner.tsx";
import { CopyCommand } from "./copy.tsx";
import { readFile } from "./execution-file.ts";
import { Execution } from "./execution-page.tsx";
import { Help } from "./help.tsx";
import { useKeys } from "./keys.ts";
import { List } from "./list-page.tsx";
import { useExecution } from "./use-execution.ts";

/** The whole page: the list, one execution, or one that was exported. */
export function App() {
  const [, , page, name] = location.pathname.split("/");
  const [opened, setOpened] = useState<ExecutionFile>();
  const [place, setPlace] = useState<Place>();
  const [connection, setConnection] = useState<Connection>("connecting");
  const [problem, setProblem] = useState<string>();
  const [helps, setHelps] = useState(false);
  useKeys(() => setHelps(true));
  useEffect(() => {
    ask<Place>("place").then(setPlace, () => {});
  }, []);
  const open = async (file: File) => {
    try {
      setOpened(readFile(await file.text()));
      setProblem(undefined);
    } catch (error) {
      setProblem(`${file.name}: ${error instanceof Error ? error.message : "it cannot be read"}`);
    }
  };
  const isRun = page === "runs" && name !== undefined;
  const where = opened?.place ?? place;
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={`${BASE}/`}>
          Rotor
        </a>
        {where !== undefined && (
          <span class="place quiet">
            {where.account} · {where.region} · stage {where.stage}
          </span>
        )}
        <span class="grow" />
        <label class="open">
          Open a file
          <input
            type="file"
            accept=".json,application/json"
            onChange={(event) => {
              const [file] = event.currentTarget.files ?? [];
              if (file !== undefined) void open(file);
              event.currentTarget.value = "";
            }}
          />
        </label>
        <button type="button" aria-haspopup="dialog" onClick={() => setHelps(true)}>
          Keys <kbd>?</kbd>
        </button>
      </header>
      {problem !== undefined && (
        <p class="panel problem" role="alert">
          {problem}
        </p>
      )}
      {opened === undefined && <ConnectionBanner connection={connection} />}
      <div id="content">
        {opened !== undefined ? (
          <Boundary
            key={opened.run.name}
            says="This file is not as rotor writes it. What is wrong with it: rotor view --file"
          >
            <Heading
              file={opened}
              note={`Opened from a file of ${clock(new Date(opened.readAt))}`}
              onClose={() => setOpened(undefined)}
            />
          </Boundary>
        ) : isRun ? (
          <LiveExecution name={decodeURIComponent(name)} onConnection={setConnection} />
        ) : (
          <List onConnection={setConnection} />
        )}
      </div>
      {helps && <Help onClose={() => setHelps(false)} />}
    </>
  );
}

// --- internal ---

function LiveExecution({
  name,
  onConnection,
}: {
  readonly name: string;
  readonly onConnection: (to: Connection) => void;
}) {
  const { file, problem, failure } = useExecution(name, onConnection);
  if (failure !== undefined) {
    return (
      <main class="panel problem">
        <h1>{name}</h1>
        <p>{failure.message}</p>
        {failure instanceof Refused && failure.todo !== null && <p>To do: {failure.todo}</p>}
      </main>
    );
  }
  if (file === undefined) {
    return (
      <main class="panel" aria-busy="true">
        <h1>{name}</h1>
        <p role="status">Reading the execution …</p>
      </main>
    );
  }
  return <Heading file={file} note={problem} />;
}

interface HeadingProps {
  readonly file: ExecutionFile;
  readonly note?: string | undefined;
  readonly onClose?: () => void;
}

function Heading({ file, note, onClose }: HeadingProps) {
  const { run, told } = file;
  useEffect(() => {
    document.title = `${run.outcome.replaceAll("_", " ").toLowerCase()}: ${run.secret.name} - Rotor`;
  }, [run.outcome, run.secret.name]);
  // The account of AWS's documentation, which the embedded one has, is in nobody's console.
  const isAws = file.place.account !== "123456789012";
  const links = [
    ["Step Functions", isAws ? told?.links.execution : null],
    ["Secret", isAws ? told?.links.secret : null],
    ["Runbook", told?.links.errorRunbook ?? told?.links.runbook],
  ] as const;
  return (
    <>
      <section class="heading" aria-label="Run">
        <h1>{run.secret.name || run.name}</h1>
        <span class="quiet run-name" title={run.arn}>
          {run.name}
        </span>
        {note !== undefined && (
          <span class="quiet" role="status">
            {note}
          </span>
        )}
        {onClose !== undefined && (
          <button type="button" onClick={onClose}>
            Close the file
          </button>
        )}
      </section>
      <Execution
        file={file}
        links={
          <>
            {links.map(([says, to]) =>
              to == null || !/^https:\/\//.test(to) ? null : (
                <a key={says} class="button" href={to} target="_blank" rel="noreferrer">
                  {says}
                </a>
              ),
            )}
            {onClose === undefined && (
              <a
                class="button"
                href={`${BASE}/api/runs/${encodeURIComponent(run.name)}?download`}
                download={`${run.name}.json`}
              >
                Export
              </a>
            )}
            {onClose === undefined && <CopyCommand command={LINES.export(run.name)} says="Copy the export's command" />}
          </>
        }
      />
    </>
  );
}
