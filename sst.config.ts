/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  async app(input) {
    const production = input.stage === "production";
    const { default: deployment } = await import("./deployment.config.ts");
    return {
      name: "rotor",
      home: "aws",
      removal: production ? "retain" : "remove",
      protect: production,
      providers: {
        aws: {
          region: deployment.region as aws.Region,
          defaultTags: { tags: { ...deployment.tags, app: "rotor", stage: input.stage, "managed-by": "sst" } },
        },
      },
    };
  },
  async run() {
    const { createRotor } = await import("./stacks/index.ts");
    return createRotor();
  },
});
