import { listen } from "../../local/demo/service-http.ts";

/** A service that says of every version it is asked to take that it uses it, or refuses to. */
export interface WeakDependent extends Disposable {
  readonly policy: { name: string; kind: string; evidence: "weak"; target: object };
  /** Answers refreshes with this status, and does not take the version. */
  refuses?: number | undefined;
}

export async function startWeakDependent(name: string, firstVersion: () => string): Promise<WeakDependent> {
  let versionId: string | undefined;
  const server = await listen(
    {
      "GET /health": () => ({ status: 200, body: { versionId: versionId ?? firstVersion() } }),
      "POST /refresh": (body) => {
        if (dependent.refuses !== undefined) return { status: dependent.refuses };
        ({ versionId } = body as { versionId: string });
        return { status: 202 };
      },
    },
    0,
  );
  const url = `http://127.0.0.1:${server.port}`;
  const target = { refresh: `${url}/refresh`, verify: `${url}/health` };
  const dependent: WeakDependent = {
    policy: { name, kind: "http-endpoint", evidence: "weak", target },
    [Symbol.dispose]: () => server.close(),
  };
  return dependent;
}
