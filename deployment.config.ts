import { defineDeployment } from "./core/deployment.ts";

/** How this account is deployed to: docs/deploy.md. The secrets themselves are in rotation.config.ts. */
export default defineDeployment({
  region: "eu-west-1",
  runbooks: {
    alarms: "https://runbooks.example.com/rotor/alarms",
    errors: "https://runbooks.example.com/rotor/runbooks",
  },
});
