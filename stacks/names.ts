/** What everything is called, known before anything is there: so no function has to wait for another one's ARN. */
export interface Names {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  /** `${app}-${stage}-${thing}`. */
  readonly of: (thing: string) => string;
  /** As `of`, with the Region: for what is known by its name in every Region of the account, roles and dashboards. */
  readonly acrossRegions: (thing: string) => string;
  /** An ARN in this account and Region. */
  readonly arn: (service: string, resource: string) => string;
}

/** The longest name that a role or a function may have. */
const LONGEST = 64;

/** @throws Error when the stage makes a name longer than AWS takes */
export async function findNames(): Promise<Names> {
  const [{ accountId: account }, { region }, { partition }] = await Promise.all([
    aws.getCallerIdentity({}),
    aws.getRegion({}),
    aws.getPartition({}),
  ]);
  const of = (thing: string) => {
    const name = `${$app.name}-${$app.stage}-${thing}`;
    if (name.length <= LONGEST) return name;
    throw new Error(
      `The name ${name} has ${name.length} characters, and AWS takes ${LONGEST}: use a stage with a name of at most ${$app.stage.length - (name.length - LONGEST)}.`,
    );
  };
  return {
    ...{ account, region, partition, of },
    acrossRegions: (thing) => of(`${thing}-${region}`),
    arn: (service, resource) => `arn:${partition}:${service}:${region}:${account}:${resource}`,
  };
}

export function isProduction(): boolean {
  return $app.stage === "production";
}

/** How long logs are kept, in days. */
export function logRetention(): number {
  return isProduction() ? 365 : 14;
}
