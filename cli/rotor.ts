import { main } from "./main.ts";

// Known to the AWS SDK: its notice about Node's age is for whoever writes programs, not for whoever runs them.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
await main(process.argv.slice(2));
