import type { Place, Service } from "./service.ts";

/** STS, as far as asking who one is. Whoever asks is the account's one user: there is no IAM. */
export function createSts({ accountId }: Place): Service {
  const identity = { UserId: "AIDALOCALCLIENT", Account: accountId, Arn: `arn:aws:iam::${accountId}:user/local` };
  return { name: "sts", operations: { GetCallerIdentity: () => identity } };
}
