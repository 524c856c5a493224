import { AWSCURRENT, AWSPREVIOUS } from "../../core/versions/secret.ts";
import type { Subject } from "./recording.ts";
import { STABLE } from "./stable.ts";
import type { Scene } from "./stage.ts";

/** Where every recording begins: an older version that nobody accepts any more, and a base that everybody uses. */
export function firstScene({ policy, dependents }: Subject): Pick<Scene, "situation" | "values"> {
  const masterarn = policy.strategy === "postgres-alternating-users" ? { masterarn: "«administrator»" } : {};
  const place = { engine: "postgres", host: "«host»", port: "«port»", dbname: "postgres", ssl: false, ...masterarn };
  const value = JSON.stringify({ ...place, username: STABLE.user, password: "«password»" });
  return {
    values: { [STABLE.base]: value, [STABLE.older]: value },
    situation: {
      labels: { [STABLE.base]: [AWSCURRENT], [STABLE.older]: [AWSPREVIOUS, "BLUE"] },
      users: { [STABLE.user]: { accepts: STABLE.base, comment: null } },
      dependents: Object.fromEntries(
        Object.keys(dependents).map((each) => [each, { versionId: STABLE.base, ill: false }]),
      ),
    },
  };
}
