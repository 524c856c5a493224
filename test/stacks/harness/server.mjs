// What SST's components ask the CLI for while the program runs (pkg/server), over HTTP.
import { createServer } from "node:http";
import { ACCOUNT } from "./mocks.mjs";

/**
 * @param region of the provider
 * @param buildFunction (what the component says of the function) -> { out, errors }
 * @returns the server's address, and how to end it. It keeps no process alive.
 */
export async function startServer(region, buildFunction) {
  const methods = {
    "Provider.Aws.Bootstrap": async () => ({
      asset: "sst-asset-test",
      state: "sst-state-test",
      assetEcrRegistryId: ACCOUNT,
      assetEcrUrl: `${ACCOUNT}.dkr.ecr.${region}.amazonaws.com/sst-asset`,
    }),
    "Runtime.Build": async (request) => {
      const { out, errors } = await buildFunction(request);
      return { handler: "bundle.handler", out, errors, sourcemaps: [] };
    },
    "Runtime.AddTarget": async () => true,
  };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, params } = JSON.parse(body);
    const called = methods[method]?.(params[0]) ?? Promise.reject(new Error(`rpc: can't find service ${method}`));
    response.end(
      JSON.stringify(
        await called.then(
          (result) => ({ result, error: null }),
          (error) => ({ error: String(error) }),
        ),
      ),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
