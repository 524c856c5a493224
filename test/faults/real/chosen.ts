import { type Effect, type Fault, injectable, isWrite, LASTING, PASSING } from "../alphabet.ts";
import { type Injection, occurrence } from "../inject.ts";
import type { Situation } from "../run.ts";

/** Every so many-th effect meets such a fault, each fault at other effects than the next. */
const [LASTING_ELSEWHERE, PASSING_ELSEWHERE, READS] = [24, 16, 8];

/**
 * Which single faults are played on a real engine. What changes something at the target meets every fault; what is read there, and
 * connections, every passing one, once: those of `rotate` on the driven path forward, those of `roll-back` on the driven path back. The
 * rest is thinned: calls of AWS and of dependents are the same with every target, and the fast fake plays all of theirs. `all`:
 * nothing is left out.
 */
export function chosen(effects: readonly Effect[], situation: Situation, all: boolean): readonly Injection[] {
  return injectable(effects, situation.mode)
    .filter(({ effect, fault }) => all || isChosen(effect, fault, situation))
    .map(({ effect, fault }) => ({ at: occurrence(effect, effects), fault }));
}

function isChosen(effect: Effect, fault: Fault, { mode, path }: Situation): boolean {
  const passing = (PASSING as readonly Fault[]).indexOf(fault);
  const lasting = (LASTING as readonly Fault[]).indexOf(fault);
  const isTurn = (stride: number) => (effect.index + Math.max(passing, lasting)) % stride === 0;
  if (effect.door !== "target") return isTurn(passing === -1 ? LASTING_ELSEWHERE : PASSING_ELSEWHERE);
  if (fault === "repeated event") return isTurn(LASTING_ELSEWHERE);
  if (isWrite(effect)) return true;
  const isPlayedElsewhere = mode === "native" || (path === "rolled-back" && effect.caller.startsWith("rotate"));
  return (passing !== -1 && !isPlayedElsewhere) || isTurn(READS);
}
