import net, { type Socket } from "node:net";
import type { FunctionId } from "../../../core/deployed-functions.ts";
import type { Target } from "../../interleavings/target.ts";
import type { Exchange, Fate, Interpose } from "../../support/interposed.ts";
import type { Doors } from "../arena.ts";
import { Crash, type Owner } from "../in-process/environment.ts";

/** A server of its own kind, to which each connection and each statement of a function goes through a door. */
export interface RealTarget extends Target {
  readonly gate: FunctionId;
  /** Whether it says who is signed in since when. */
  readonly seesSessions: boolean;
  /** See `Played`. */
  readonly isProvedEarly: boolean;
  /** What takes the place of `node:net` in a function. */
  readonly net: (owner: Owner) => object;
  open(door: Doors["statement"]): void;
}

/**
 * Puts a door between functions and the target that `start` makes. What it accepts is read again after each statement, and whoever
 * watches is told if that has changed; asked without a reason, it is not read.
 */
export async function withDoor(
  facts: Pick<RealTarget, "gate" | "seesSessions" | "isProvedEarly">,
  start: (interpose: Interpose) => Promise<Target>,
): Promise<RealTarget> {
  const owners = new Owners();
  let door: Doors["statement"] = async (_name, _caller, forward) => {
    await forward();
    return "reply";
  };
  const target = await start(interpose);
  /** What it accepts has been read since it may have changed, or is being read. */
  let known: Promise<void> | undefined;

  const real: RealTarget = {
    ...target,
    ...facts,
    net: (owner) => owners.net(owner),
    open(opened) {
      door = opened;
    },
    async refresh() {
      known ??= target.refresh?.();
      await known;
    },
    async changeByHand(...change) {
      await target.changeByHand(...change);
      known = undefined;
    },
    async end() {
      await target.end();
      known = undefined;
    },
  };
  return real;

  async function interpose({ text, clientPort, forward }: Exchange): Promise<Fate> {
    const { owner, hangUp } = text === undefined ? await owners.arriving(clientPort) : owners.at(clientPort);
    if (!owner.isAlive()) return "cut";
    try {
      return await door(text === undefined ? "connect" : kindOf(text), owner.functionName, async () => {
        await forward();
        if (text !== undefined) await look();
      });
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      owner.die();
      hangUp();
      return "cut";
    }
  }

  async function look(): Promise<void> {
    const before = real.doors();
    known = undefined;
    await real.refresh?.();
    const after = real.doors();
    if (before !== after) real.onChange({ username: "", before: [before], after: [after] });
  }
}

/** Its first words: nothing that could be a name or a password. */
function kindOf(text: string): string {
  return /^\s*([A-Z]+(?: [A-Z]+)*)\b/.exec(text)?.[1] ?? "statement";
}

interface Place {
  readonly owner: Owner;
  /** Ends all of its connections. */
  hangUp(): void;
}

/** Whose a connection is, by the port that it comes from. Ports come again, and a driver may not say that it has closed its socket. */
class Owners {
  /** Of connections that the proxy has not heard of yet, or that their clients have not. */
  readonly #leaving = new Map<number, Place>();
  readonly #awaited = new Map<number, (place: Place) => void>();
  readonly #arrived = new Map<number, Place>();

  async arriving(port: number): Promise<Place> {
    const place = this.#leaving.get(port) ?? (await new Promise<Place>((resolve) => this.#awaited.set(port, resolve)));
    this.#leaving.delete(port);
    this.#arrived.set(port, place);
    return place;
  }

  at(port: number): Place {
    const place = this.#arrived.get(port);
    if (place === undefined) throw new Error(`Nobody has come from port ${port}.`);
    return place;
  }

  /** `node:net` with sockets that are the owner's, and go nowhere once it is dead. */
  net(owner: Owner): object {
    const owned = new Set<Socket>();
    const hangUp = () => {
      for (const socket of owned) socket.destroy();
    };
    const opened = (socket: Socket) => {
      const { localPort = 0 } = socket;
      const awaited = this.#awaited.get(localPort);
      owned.add(socket);
      this.#awaited.delete(localPort);
      if (awaited === undefined) this.#leaving.set(localPort, { owner, hangUp });
      else awaited({ owner, hangUp });
    };
    return {
      ...net,
      Socket: class extends net.Socket {
        // biome-ignore lint/suspicious/noExplicitAny: in whatever form a driver says it
        override connect(...where: any[]): this {
          if (!owner.isAlive()) return this;
          this.once("connect", () => opened(this));
          return super.connect(...(where as [number, string]));
        }
      },
    };
  }
}
