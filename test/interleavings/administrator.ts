import { randomUUID } from "node:crypto";
import type { Place } from "./target.ts";

/** The ARN of the secret of that name, which is made with this value where there is none. */
export function secretNamed(name: string, value: object, place: Place): string {
  try {
    return String(place.ask("secretsManager", "DescribeSecret", { SecretId: name })["ARN"]);
  } catch {
    const first = { Name: name, SecretString: JSON.stringify(value), ClientRequestToken: randomUUID() };
    return String(place.ask("secretsManager", "CreateSecret", first)["ARN"]);
  }
}
