import { once } from "node:events";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { type Guarded, guard } from "./guard.ts";
import { type Message, streamLive } from "./live.ts";
import type { PageFiles } from "./page-files.ts";
import { shell } from "./shell.ts";
import { type LiveMessage, ViewError, type ViewSource } from "./source.ts";
import { ACTIONS, type ActionName, type ApiError } from "./wire.ts";

export interface Served extends Guarded {
  readonly source: ViewSource;
  readonly page: PageFiles;
  /** Aborted: what is live ends. */
  readonly signal: AbortSignal;
  /** Has what changes something, until it was answered. */
  readonly changes: Set<Promise<unknown>>;
}

/** Far more than a name has. */
const BODY_BYTES = 8192;

/** The addresses that `wire.ts` lists, and the page. */
export function routes({ source, page, signal, changes, ...guarded }: Served): Hono<Node> {
  const app = new Hono<Node>();
  app.use(guard(guarded));
  app.use(bodyLimit({ maxSize: BODY_BYTES }));
  const api = app.basePath("/:token/api");

  api.get("/place", async (context) => context.json(await source.readPlace()));

  api.get("/list/live", (context) =>
    streamLive(context, signal, async function* (until): AsyncGenerator<Message> {
      for await (const data of source.watchList(until)) yield { event: "part", data };
    }),
  );

  api.get("/runs/:run", async (context) => {
    const execution = await source.readExecution(context.req.param("run"));
    if (context.req.query("download") !== undefined)
      context.header("Content-Disposition", `attachment; filename="${fileName(execution.run.name)}"`);
    return context.json(execution);
  });

  api.get("/runs/:run/live", (context) => {
    const after = lastSeen(context);
    if (after === undefined) return refuse(context, 400, "What was seen last is an event's id: a whole number.");
    const name = context.req.param("run");
    if (!/^[\w-]{1,80}$/.test(name)) return refuse(context, 404, "No run can be called so.");
    return streamLive(context, signal, async function* (until): AsyncGenerator<Message> {
      for await (const message of source.watchExecution(name, after, until)) yield { ...message, ...idOf(message) };
    });
  });

  api.post("/runs/:run/:action", async (context) => {
    const action = ACTIONS.find((each) => each === context.req.param("action"));
    if (action === undefined) throw new HTTPException(404, { message: "Not Found" });
    const confirm = await confirmed(context);
    if (confirm === undefined)
      return refuse(context, 400, 'What is asked for is confirmed by {"confirm": "<the secret\'s name>"}.');
    const done = source.act(context.req.param("run"), action satisfies ActionName, confirm);
    const change = Promise.allSettled([done, once(context.env.outgoing, "close")]);
    changes.add(change);
    void change.then(() => changes.delete(change));
    return context.json(await done);
  });

  api.all("/*", (context) => refuse(context, 404, "There is no such address."));

  app.get("/:token/page.js", (context) => context.body(page.script, 200, { "content-type": JAVASCRIPT }));
  app.get("/:token/page.css", (context) =>
    context.body(page.style, 200, { "content-type": "text/css; charset=utf-8" }),
  );
  app.get("/:token/*", (context) => context.html(shell(guarded.token)));

  app.onError((error, context) => {
    if (error instanceof HTTPException) return context.text(error.message, error.status);
    if (error instanceof ViewError) return refuse(context, error.status, error.message, error.todo);
    return refuse(context, 500, "A fault of the view: nothing is known of what was asked for.");
  });
  app.notFound((context) => context.text("Not Found", 404));
  return app;
}

// --- internal ---

/** What node-server says of a request. */
interface Node {
  Bindings: HttpBindings;
}

const JAVASCRIPT = "text/javascript; charset=utf-8";

function refuse(
  context: Context,
  status: 400 | 404 | 500 | 502,
  message: string,
  todo: string | null = null,
): Response {
  return context.json({ message, todo } satisfies ApiError, status);
}

/** A client that comes again says it in its header, and asks by the address that it had first. Undefined: it is no id. */
function lastSeen(context: Context): number | undefined {
  const text = context.req.header("last-event-id") ?? context.req.query("after") ?? "0";
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function idOf({ event, data }: LiveMessage): { readonly id?: string } {
  const last = event === "events" ? data.at(-1) : undefined;
  return last === undefined ? {} : { id: String(last.id) };
}

async function confirmed(context: Context): Promise<string | undefined> {
  const body: unknown = await context.req.json().catch(() => undefined);
  const { confirm } = Object(body) as { readonly confirm?: unknown };
  return typeof confirm === "string" ? confirm : undefined;
}

function fileName(run: string): string {
  return `${run.replace(/[^\w-]/g, "_")}.json`;
}
