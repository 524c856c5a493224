/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  async app(input) {
    const production = input.stage === "production";
    // Before the CLI looks for credentials, a bucket or a Region by them.
    const { parseDeployment } = await import("./core/deployment.ts");
    const { region, tags } = parseDeployment((await import("./deployment.config.ts")).default);
    return {
      name: "rotor",
      home: "aws",
      removal: production ? "retain" : "remove",
      protect: production,
      providers: {
        aws: {
          region: region as aws.Region,
          defaultTags: { tags: { ...tags, app: "rotor", stage: input.stage, "managed-by": "sst" } },
        },
      },
    };
  },
  async run() {
    const { createRotor } = await import("./stacks/index.ts");
    return createRotor();
  },
});
