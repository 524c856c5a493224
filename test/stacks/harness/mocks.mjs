// What AWS and its Pulumi provider would answer to a program that is only evaluated.
export const ACCOUNT = "123456789012";
const PARTITION = "aws";
const KEY = "1234abcd-12ab-34cd-56ef-1234567890ab";

/** @param region of the provider */
export function createMocks(region) {
  const arn = (service, resource, inRegion = region) =>
    `arn:${PARTITION}:${service}:${inRegion}:${ACCOUNT}:${resource}`;
  const random = (name) => `${name}-AbCdEf`;
  /** Type -> what AWS gives a resource besides its inputs. */
  const outputs = {
    "aws:lambda/function:Function": (name) => ({
      arn: arn("lambda", `function:${name}`),
      qualifiedArn: arn("lambda", `function:${name}:$LATEST`),
      version: "$LATEST",
    }),
    "aws:iam/role:Role": (name) => ({ arn: arn("iam", `role/${name}`, "") }),
    "aws:sns/topic:Topic": (name) => ({ arn: arn("sns", name), id: arn("sns", name) }),
    "aws:sqs/queue:Queue": (name) => {
      const url = `https://sqs.${region}.amazonaws.com/${ACCOUNT}/${name}`;
      return { arn: arn("sqs", name), url, id: url };
    },
    "aws:cloudwatch/eventBus:EventBus": (name) => ({ arn: arn("events", `event-bus/${name}`) }),
    "aws:cloudwatch/eventRule:EventRule": (name, { eventBusName }) => ({
      arn: arn("events", eventBusName === undefined ? `rule/${name}` : `rule/${eventBusName}/${name}`),
    }),
    "aws:cloudwatch/logGroup:LogGroup": (name) => ({ arn: arn("logs", `log-group:${name}`) }),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (name) => ({ arn: arn("cloudwatch", `alarm:${name}`) }),
    "aws:sfn/stateMachine:StateMachine": (name) => {
      const own = arn("states", `stateMachine:${name}`);
      return { arn: own, id: own };
    },
    "aws:secretsmanager/secret:Secret": (name) => {
      const own = arn("secretsmanager", `secret:${random(name)}`);
      return { arn: own, id: own };
    },
    "aws:s3/bucketObjectv2:BucketObjectv2": (_name, { key }) => ({ id: key }),
  };
  return {
    newResource({ type, name: logical, id: given, inputs = {} }) {
      const name = given || inputs.name || logical;
      const { id = name, ...own } = outputs[type]?.(name, inputs) ?? {};
      return { id, state: { ...inputs, ...(inputs.name === undefined && { name }), ...own } };
    },
    call({ token, inputs }) {
      switch (token) {
        case "aws:index/getCallerIdentity:getCallerIdentity":
          return { accountId: ACCOUNT, arn: arn("iam", "user/test", ""), userId: "AIDATEST", id: ACCOUNT };
        case "aws:index/getRegion:getRegion":
          return { region, name: region, id: region, description: region, endpoint: `ec2.${region}.amazonaws.com` };
        case "aws:index/getPartition:getPartition":
          return { partition: PARTITION, dnsSuffix: "amazonaws.com", id: PARTITION, reverseDnsPrefix: "com.amazonaws" };
        case "aws:secretsmanager/getSecret:getSecret": {
          const { arn: own = arn("secretsmanager", `secret:${random(inputs.name)}`) } = inputs;
          const name = own.split(":secret:")[1].slice(0, -"-AbCdEf".length);
          if (name.includes("absent"))
            throw failure(`reading Secrets Manager Secret (${name}): couldn't find resource`);
          return { arn: own, id: own, name, kmsKeyId: name.includes("with-key") ? KEY : "" };
        }
        case "aws:secretsmanager/getSecretRotation:getSecretRotation": {
          const rotated = inputs.secretId.includes("of-another-stage");
          return { rotationLambdaArn: rotated ? arn("lambda", "function:rotor-other-gate") : "" };
        }
        // Only SST's own role documents: the stacks put theirs in place of them.
        case "aws:iam/getPolicyDocument:getPolicyDocument":
          return { id: "0", json: '{"Statement":"SST"}', minifiedJson: '{"Statement":"SST"}' };
        default:
          throw new Error(`There is no mock for the provider's call ${token}.`);
      }
    },
  };
}

/** As the provider's come: Pulumi passes on the details only. */
function failure(details) {
  return Object.assign(new Error(details), { details });
}
