import { describe, expect, it } from "vitest";
import { RealClock } from "../../local/clock.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";

const HOUR = 3_600_000;

/** Whether the promise has settled once everything that can run now has run. */
async function settledNow(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("a virtual clock", () => {
  it("begins where it is told to", () => {
    expect(new VirtualClock({ start: "2030-05-06T07:08:09Z" }).now()).toBe(Date.parse("2030-05-06T07:08:09Z"));
  });

  it.for(["wait", "retry"] as const)("jumps over a %s at once", async (kind) => {
    const clock = new VirtualClock({ start: 0 });
    expect(await clock.sleep(HOUR, kind)).toBe(true);
    expect(clock.now()).toBe(HOUR);
  });

  it("never jumps to a timeout", async () => {
    const clock = new VirtualClock({ start: 0 });
    expect(await settledNow(clock.sleep(1, "timeout"))).toBe(false);
    expect(clock.now()).toBe(0);
  });

  it("fires a timeout that a jump passes, in the order of time", async () => {
    const clock = new VirtualClock({ start: 0 });
    const fired: string[] = [];
    const timeout = clock.sleep(10, "timeout").then(() => fired.push(`timeout at ${clock.now()}`));
    const wait = clock.sleep(20, "wait").then(() => fired.push(`wait at ${clock.now()}`));
    await Promise.all([timeout, wait]);
    expect(fired).toEqual(["timeout at 10", "wait at 20"]);
  });

  it("stands still while tracked work runs, however long that really takes", async () => {
    const clock = new VirtualClock({ start: 0 });
    let finish: (value: string) => void = () => {};
    const work = clock.track(new Promise<string>((resolve) => (finish = resolve)));
    const waiting = clock.sleep(HOUR, "wait");
    expect(await settledNow(waiting)).toBe(false);
    finish("done");
    expect(await work).toBe("done");
    expect(await waiting).toBe(true);
  });

  it("goes on when tracked work fails", async () => {
    const clock = new VirtualClock();
    await expect(clock.track(Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await clock.sleep(HOUR, "retry")).toBe(true);
  });

  it("moves by advance, fires what is due and nothing later, even while work runs", async () => {
    const clock = new VirtualClock({ start: 0 });
    void clock.track(new Promise(() => {}));
    const due = clock.sleep(100, "timeout");
    const later = clock.sleep(101, "timeout");
    await clock.advance(100);
    expect(await settledNow(due)).toBe(true);
    expect(await settledNow(later)).toBe(false);
    expect(clock.now()).toBe(100);
  });

  it("lets whoever waited run before time moves on", async () => {
    const clock = new VirtualClock({ start: 0 });
    void clock.track(new Promise(() => {}));
    const seen: number[] = [];
    void clock.sleep(10, "wait").then(async () => {
      seen.push(clock.now());
      await clock.sleep(10, "wait");
      seen.push(clock.now());
    });
    await clock.advance(100);
    expect(seen).toEqual([10, 20]);
  });

  it("forgets a sleep that was aborted", async () => {
    const clock = new VirtualClock({ start: 0 });
    const controller = new AbortController();
    const sleeping = clock.sleep(HOUR, "wait", controller.signal);
    controller.abort();
    expect(await sleeping).toBe(false);
    expect(await clock.sleep(1, "wait", AbortSignal.abort())).toBe(false);
    await clock.sleep(5, "wait");
    expect(clock.now()).toBe(5);
  });
});

describe("the real clock", () => {
  it("sleeps and tells the time of the machine", async () => {
    const clock = new RealClock();
    const before = clock.now();
    expect(await clock.sleep(15, "wait")).toBe(true);
    expect(clock.now() - before).toBeGreaterThanOrEqual(14);
  });

  it("wakes when aborted, also from a sleep longer than setTimeout can take", async () => {
    const clock = new RealClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(2 ** 40, "timeout", controller.signal);
    expect(await settledNow(sleeping)).toBe(false);
    controller.abort();
    expect(await sleeping).toBe(false);
    expect(await clock.sleep(1, "wait", controller.signal)).toBe(false);
  });
});
