import { randomBytes } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { type StrategyTarget, testStrategy } from "../contracts/strategy.ts";
import { type FakeCredential, fakeDual, fakeSingleUser } from "./fake-strategies.ts";
import { type FakeFault, type FakeRequest, type FakeTarget, startFakeTarget } from "./fake-target.ts";

let fake: FakeTarget;
const faults = new Map<string, (request: FakeRequest) => FakeFault | undefined>();
beforeAll(async () => {
  fake = await startFakeTarget();
  fake.fault = (request) => faults.get(request.username)?.(request);
});
afterAll(() => fake[Symbol.asyncDispose]());

const target: StrategyTarget<FakeCredential> = {
  hardUsernames: ["with space", 'quote"quote', "naïve"],
  hardPasswords: ["'; --", "\\", "ünï"],
  async user({ username = `user-${randomBytes(6).toString("hex")}`, password = "the-first-password" } = {}) {
    fake.setPasswords(username, [password]);
    const once = (fault: FakeFault) => {
      let left = 1;
      faults.set(username, ({ op }) => (op === "set" && left-- > 0 ? fault : undefined));
    };
    return {
      current: { host: fake.host, port: fake.port, username, password },
      tampered: (candidate) => ({
        "another user": { ...candidate, username: `${candidate.username}-2` },
        "another port": { ...candidate, port: candidate.port + 1 },
      }),
      readSecret: () => Promise.reject(new Error("no administrator is needed")),
      statements: () => [],
      attempts: fake.requests,
      loseStatement: () => once("lose-request"),
      loseReply: () => once("lose-reply"),
      refuse: async () => void faults.set(username, () => "refuse"),
      hang: () => void faults.set(username, () => "hang"),
      pass: () => void faults.delete(username),
      async open(credential, application) {
        fake.openSession(credential, application);
        return { [Symbol.asyncDispose]: async () => {} };
      },
      async [Symbol.asyncDispose]() {
        faults.delete(username);
        fake.drop(username);
      },
    };
  },
};

testStrategy({ strategy: fakeSingleUser, target });
testStrategy({ strategy: fakeDual, target });
