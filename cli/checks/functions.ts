import { InvokeCommand } from "@aws-sdk/client-lambda";
import { fromAwsError, hasName } from "../../core/aws.ts";
import { deployedFunctions, engineOf } from "../../core/deployed-functions.ts";
import { blocking, type Check, ok, unseen } from "./check.ts";

/** Whether every function that the policies need is there and may be called. Calls none. */
export const functions: Check = async ({ clients, deployment, policies }) => {
  const here = await deployment();
  // plan says the policies: where it does not, what every deployment has is still looked at.
  const known = await policies().catch(() => undefined);
  const wanted = deployedFunctions((known ?? []).map(engineOf));
  const looks = wanted.map(async ({ id }) => {
    try {
      await clients.lambda.send(new InvokeCommand({ FunctionName: here.functionArn(id), InvocationType: "DryRun" }));
      return undefined;
    } catch (error) {
      if (hasName(error, "ResourceNotFoundException")) {
        return blocking("functions", `Function ${id} is not there.`, "deploy the stage again");
      }
      return unseen("functions", `Function ${id}`, fromAwsError(error, `lambda:Invoke of ${id}`));
    }
  });
  const wrong = (await Promise.all(looks)).filter((each) => each !== undefined);
  if (wrong.length > 0) return wrong;
  const all = `All ${wanted.length} functions`;
  return [ok("functions", `${known === undefined ? `${all} that every deployment has` : all} are there.`)];
};
