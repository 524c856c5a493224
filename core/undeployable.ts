import { RotationError } from "./errors.ts";

/** What a deployment is refused with before anything is created. @param problems a sentence each */
export function undeployable(
  file: "rotation.config" | "deployment.config",
  problems: readonly string[],
): RotationError {
  const all = problems.join(" ");
  return new RotationError("ConfigurationInvalid", `${file} cannot be deployed. ${all} Nothing was deployed.`);
}
