/** The process that is killed: an account on a journal, with the functions deployed. Its settings are a file's, by name. */
import { readFileSync } from "node:fs";
import { startAccount } from "../../local/account.ts";
import { type DeployOptions, deploy } from "../../local/deploy.ts";
import { BriskClock } from "./brisk-clock.ts";

export interface Settings extends Pick<DeployOptions, "bundles" | "environment"> {
  readonly port: number;
  readonly journal: string;
  readonly policies: readonly unknown[];
}

/** What the process is asked, and answers under the same id. */
export interface Question {
  readonly id: number;
  readonly ask: "idle" | "inbox" | "close";
}

/** One that waited for the process that has started it would outlive it. */
process.on("disconnect", () => process.exit());

const { port, journal, policies, ...rest }: Settings = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const account = await startAccount({
  ...{ port, journal, clock: new BriskClock() },
  rotation: { delaySeconds: 4 },
});
const { topicArns, functionArns, stateMachineArn } = await deploy(account, { ...rest, config: policies });

process.on("message", async ({ id, ask }: Question) => {
  if (ask === "idle") await account.idle();
  if (ask === "close") await account.close();
  const messages = ask === "inbox" ? account.sns.inbox(topicArns.events).map(({ Message }) => Message) : [];
  process.send?.({ id, messages });
});
process.send?.({ functionArns, stateMachineArn });
