import type { Command } from "../command.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { exportRun } from "./export.ts";
import { local } from "./local.ts";
import { notifyTest } from "./notify-test.ts";
import { plan } from "./plan.ts";
import { rehearse } from "./rehearse.ts";
import { repair } from "./repair.ts";
import { report } from "./report.ts";
import { retry } from "./retry.ts";
import { rollBack } from "./roll-back.ts";
import { rotate } from "./rotate.ts";
import { runs } from "./runs.ts";
import { secrets } from "./secrets.ts";
import { show } from "./show.ts";
import { stop } from "./stop.ts";
import { trigger } from "./trigger.ts";
import { unfreeze } from "./unfreeze.ts";
import { view } from "./view.ts";
import { watch } from "./watch.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  secrets,
  plan,
  rotate,
  rehearse,
  runs,
  show,
  watch,
  exportRun,
  view,
  retry,
  rollBack,
  stop,
  repair,
  unfreeze,
  doctor,
  report,
  notifyTest,
  trigger,
  local,
  demo,
];
