import { createHash } from "node:crypto";
import { devNull } from "node:os";

export interface Given {
  readonly functionName: string;
  readonly region: string;
  readonly memoryMegabytes: number;
  /** The account's own endpoint. */
  readonly endpoint: string;
}

/** What Lambda itself puts into a function's environment, plus the one variable that leads the SDK to the account. */
export function givenVariables({ functionName, region, memoryMegabytes, endpoint }: Given): Record<string, string> {
  return {
    AWS_REGION: region,
    AWS_LAMBDA_FUNCTION_NAME: functionName,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMegabytes),
    AWS_ACCESS_KEY_ID: accessKeyOf(functionName),
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_SESSION_TOKEN: "local",
    AWS_ENDPOINT_URL: endpoint,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    // On Lambda there is no ~/.aws; here the developer's must not be read.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
  };
}

/** One key id per function: it alone tells a function's calls apart from others. */
export function accessKeyOf(functionName: string): string {
  return `ASIA${createHash("sha256").update(functionName).digest("hex").slice(0, 16).toUpperCase()}`;
}
