import { type ChildProcess, spawn } from "node:child_process";
import type { Binaries } from "./database-binaries.ts";
import { HOST } from "./database-port.ts";
import type { User } from "./database-user.ts";

export const SUPERUSER = "postgres";

export interface ServerStart {
  readonly binaries: Binaries;
  /** Absent: our own. */
  readonly user: User | undefined;
  /** Holds the file `password`, and will hold the data. The supervisor removes it in the end. */
  readonly home: string;
  readonly port: number;
  /** Settings of postgresql.conf besides ours, and stronger. */
  readonly settings: Readonly<Record<string, string>>;
  /** The file descriptor of the log. */
  readonly log: number;
}

/** Runs initdb and the server. The end of the process's standard input ends both, however it comes about. */
export function spawnServer({ binaries, user, home, port, settings, log }: ServerStart): ChildProcess {
  const allSettings = { ...DEFAULT_SETTINGS, ...settings, port: String(port) };
  const server = spawn(
    "/bin/sh",
    ["-c", SUPERVISOR, "sh", home, binaries.initdb, binaries.postgres, ...flags(allSettings)],
    {
      ...user,
      cwd: home,
      detached: true,
      stdio: ["pipe", log, log],
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    },
  );
  // Writing to a supervisor that is gone is no fault: its end is seen as such.
  server.stdin?.on("error", () => {});
  return server;
}

/** Ends the supervisor and all that it started, at once. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

// --- internal ---

/**
 * Makes the cluster, runs the server, and outlives our process just long enough to end it: standard input is a pipe whose other end
 * only we hold, so it ends when we do, however that happens. Run in a session of its own, so that Ctrl-C does not reach it.
 */
const SUPERVISOR = `
home=$1 initdb=$2 postgres=$3
shift 3
exec 3<&0 </dev/null
{
  "$initdb" --pgdata="$home/data" --username=${SUPERUSER} --pwfile="$home/password" --auth=scram-sha-256 \\
    --encoding=UTF8 --locale=C --no-sync --no-instructions 3<&- || exit 1
  rm -f "$home/password"
  exec "$postgres" -D "$home/data" "$@" 3<&-
} &
server=$!
{
  read -r _ <&3
  tries=0
  while kill -s QUIT "$server" 2>/dev/null && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  kill -s KILL "$server" 2>/dev/null
} &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
cd /
tries=0
until rm -rf "$home" 2>/dev/null || [ -z "$(ls -A "$home")" ] || [ $tries -ge 50 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
exit $status
`;

/** Nothing here has to survive a crash, and little else may be listened to. */
const DEFAULT_SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: "",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  shared_buffers: "16MB",
  max_connections: "100",
  timezone: "UTC",
  log_timezone: "UTC",
};

function flags(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
