import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { toCloudFormation } from "./cloudformation.ts";
import type { Graph } from "./harness/graph.ts";

/** cfn-lint knows every resource's schema, every IAM action and ASL's. It is a Python program: where it is missing, this is said. */
const { production } = inject("graphs");
const isInstalled = spawnSync("cfn-lint", ["--version"]).status === 0;

describe.skipIf(!isInstalled)(`cfn-lint${isInstalled ? "" : " (not run: it is not installed)"}`, () => {
  test("finds nothing", async () => {
    expect(await lint(production)).toEqual([]);
  }, 180_000);

  test("finds a misspelt action, a comparison that there is not, and a definition that begins nowhere", async () => {
    const broken = JSON.stringify(production)
      .replaceAll("secretsmanager:PutSecretValue", "secretsmanager:PutSecretValues")
      .replaceAll("LessThanThreshold", "LessThan")
      .replace('\\"StartAt\\":\\"Plan\\"', '\\"StartAt\\":\\"Plans\\"');
    const found = (await lint(JSON.parse(broken))).join("\n");
    expect(found).toContain("'putsecretvalues' is not one of");
    expect(found).toContain("'LessThan' is not one of");
    expect(found).toContain("Missing 'Next' target 'Plans'");
  }, 180_000);
});

test("the template leaves out only what CloudFormation says elsewhere", () => {
  expect(toCloudFormation(production).left).toEqual([
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:s3/bucketObjectv2:BucketObjectv2",
  ]);
});

/** What cfn-lint says, one line each. */
async function lint(graph: Graph): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), "rotor-lint-"));
  const file = join(directory, "template.json");
  await writeFile(file, JSON.stringify(toCloudFormation(graph).template));
  const child = spawn("cfn-lint", ["--format", "json", "--regions", "eu-west-1", "--", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => child.on("close", resolve));
  await rm(directory, { recursive: true });
  const found = JSON.parse(text) as { Rule: { Id: string }; Message: string; Location: { Path: string[] } }[];
  return found.map(({ Rule, Message, Location }) => `${Rule.Id} ${Location.Path.join("/")}: ${Message}`);
}
