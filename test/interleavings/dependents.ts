import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Account } from "../../local/account.ts";
import type { Behaviour, Scenario } from "./scenario.ts";
import type { Login, Target } from "./target.ts";

/** What is known of one dependent in a run. */
export interface Dependent {
  readonly name: string;
  readonly behaviour: Behaviour;
  /** The version of its newest authentication, and all that it ever authenticated with. */
  authenticated: string;
  readonly history: string[];
}

/** The services that use a run's secret, behind one address. */
export interface DependentServer extends AsyncDisposable {
  readonly url: string;
  /** What a request to one of its URLs is answered with. `versionId`: as its body names it. */
  ask(url: string, versionId: string): Promise<DependentAnswer>;
  /** They sign in with AWSCURRENT. */
  begin(secretArn: string, names: readonly string[], scenario: Scenario): Promise<readonly Dependent[]>;
}

interface Running extends Dependent {
  /** What it has read last. */
  versionId: string;
  login: Login;
  /** The version it was last told of. */
  told: string;
  refreshed: boolean;
}

export type DependentAnswer = { readonly status: number; readonly versionId?: string };

export async function startDependents(account: Account, target: Target): Promise<DependentServer> {
  const running = new Map<string, Running>();
  let secretArn = "";
  let flakyUntil = 0;

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ask: (url, versionId) => answerTo(new URL(url).pathname, versionId),
    async begin(arn, names, { behaviours, flakySeconds }) {
      running.clear();
      secretArn = arn;
      flakyUntil = account.clock.now() + flakySeconds * 1000;
      for (const name of names) {
        const { versionId, login } = read("AWSCURRENT");
        const behaviour = behaviours[name] ?? "reloading";
        const one: Running = {
          ...{ name, behaviour, versionId, login, told: versionId, refreshed: false, authenticated: "", history: [] },
        };
        running.set(name, one);
        await authenticate(one);
      }
      return [...running.values()];
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const { versionId: asked = "" } = text === "" ? {} : (JSON.parse(text) as { versionId?: string });
    const { status, versionId } = await answerTo(request.url ?? "", asked);
    const body = versionId === undefined ? "{}" : JSON.stringify({ versionId });
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  }

  async function answerTo(url: string, asked: string): Promise<DependentAnswer> {
    const [, name = "", path = ""] = url.split("/");
    const one = running.get(name);
    return one === undefined ? { status: 404 } : await answer(one, path, asked);
  }

  async function answer(one: Running, path: string, versionId: string): Promise<DependentAnswer> {
    if (path === "probe") return probe(one, versionId);
    return path === "refresh" ? refresh(one, versionId) : health(one);
  }

  async function health(one: Running): Promise<DependentAnswer> {
    const { behaviour } = one;
    if (behaviour === "down" || (behaviour === "dying" && one.refreshed)) return { status: 503 };
    // It opens a connection for each look, and reads the secret again where it is refused.
    if ((behaviour === "reloading" || behaviour === "silent") && !(await authenticate(one))) await reload(one);
    if (behaviour === "silent") return { status: 200 };
    return { status: 200, versionId: behaviour === "lying" ? one.told : one.authenticated };
  }

  async function refresh(one: Running, versionId: string): Promise<DependentAnswer> {
    one.told = versionId;
    one.refreshed = true;
    if (one.behaviour === "refusing") return { status: 422 };
    if (one.behaviour === "flaky" && account.clock.now() < flakyUntil) return { status: 503 };
    if (one.behaviour !== "deaf" && one.behaviour !== "lying") await reload(one);
    return { status: 202 };
  }

  async function probe(one: Running, versionId: string): Promise<DependentAnswer> {
    if (one.behaviour === "refusing") return { status: 422 };
    const login = readVersion(versionId);
    const accepted = login !== undefined && (await target.signInAs(login, `${one.name}-probe`));
    return accepted ? { status: 200, versionId } : { status: 503 };
  }

  async function reload(one: Running): Promise<void> {
    const { versionId, login } = read("AWSCURRENT");
    one.versionId = versionId;
    one.login = login;
    await authenticate(one);
  }

  async function authenticate(one: Running): Promise<boolean> {
    const { versionId } = one;
    if (!(await target.signInAs(one.login, one.name))) return false;
    one.authenticated = versionId;
    if (one.history.at(-1) !== versionId) one.history.push(versionId);
    return true;
  }

  function read(VersionStage: string): { versionId: string; login: Login } {
    const reply = ask({ SecretId: secretArn, VersionStage });
    return { versionId: reply.VersionId, login: JSON.parse(reply.SecretString) as Login };
  }

  function readVersion(VersionId: string): Login | undefined {
    try {
      return JSON.parse(ask({ SecretId: secretArn, VersionId }).SecretString) as Login;
    } catch {
      return undefined;
    }
  }

  function ask(input: object): { VersionId: string; SecretString: string } {
    return account.secretsManager.operations["GetSecretValue"]?.(input) as { VersionId: string; SecretString: string };
  }
}
