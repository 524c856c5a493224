import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential, PostgresCredential } from "../../core/strategies/postgres-credential.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { uniqueName, useDatabase } from "../support/database.ts";
import { createAdministrator, giveAdmin, MASTER_ARN } from "./postgres-target.ts";

const database = useDatabase();
const strategy = postgresSingleUser;
const generate = passwordGenerator(passwordRules.parse({}));

/** A user whom the administrator may change, and versions of its secret by their passwords. */
async function userOf(administrator: { username: string }, password: string, attributes = "") {
  const username = uniqueName('O\'Brien "app"');
  await database.createRole(username, password, attributes);
  await giveAdmin(database, administrator, { username });
  const { host, port } = database;
  return (of: string): PostgresCredential => ({
    engine: "postgres",
    ...{ host, port, ssl: false, username, password: of, masterarn: MASTER_ARN },
  });
}

function contextOf(administrator: unknown, rest: Partial<RotationContext> = {}): RotationContext {
  return {
    secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf",
    versionId: "v-1",
    readSecret: async () => administrator,
    timeoutMs: 5000,
    policy: { openSessions: "report", administratorSecretId: MASTER_ARN },
    signal: new AbortController().signal,
    ...rest,
  };
}

const hardName = () => uniqueName(`O'Brien "the admin"; DROP ROLE postgres; -- Ü`);
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

describe("a single user whose password an administrator changes", () => {
  test("need not be able to change it, in either direction", async () => {
    const administrator = await createAdministrator(database);
    const version = await userOf(administrator, "password-1");
    const versions = { base: version("password-1"), candidate: version("password-2") };
    await database.query(`ALTER ROLE ${quoted(versions.base.username)} SET default_transaction_read_only = on`);
    const context = contextOf(administrator);

    await strategy.setSecret(versions, context);
    expect(await strategy.signIn(versions.candidate, context)).toBe("accepted");
    await strategy.rollbackSecret(versions, context);

    expect(await strategy.signIn(versions.base, context)).toBe("accepted");
    expect(await strategy.signIn(versions.candidate, context)).toBe("rejected");
  });

  test("is proved by the version before the base, too", async () => {
    const administrator = await createAdministrator(database);
    const version = await userOf(administrator, "password-1");
    const versions = { previous: version("password-1"), base: version("password-2"), candidate: version("password-3") };

    await strategy.rollbackSecret(versions, contextOf(administrator));
    expect(await strategy.signIn(versions.base, contextOf(administrator))).toBe("accepted");
  });

  test("keeps everything but the password", async () => {
    const administrator = await createAdministrator(database);
    const version = await userOf(administrator, "password-1", "CONNECTION LIMIT 3 VALID UNTIL '2099-01-01'");
    const versions = { base: version("password-1"), candidate: version("password-2") };
    const role = () =>
      database.query("SELECT to_jsonb(r) AS role FROM pg_roles r WHERE rolname = $1", [versions.base.username]);
    const before = await role();

    await strategy.setSecret(versions, contextOf(administrator));

    expect(await role()).toEqual(before);
  });

  test("may not be given another administrator by the candidate", async () => {
    const administrator = await createAdministrator(database);
    const version = await userOf(administrator, "password-1");
    const readSecret = async () => {
      throw new Error("not to be read");
    };

    for (const masterarn of ["arn:of-another-administrator", undefined]) {
      const candidate = { ...version("password-2"), masterarn };
      const set = strategy.setSecret({ base: version("password-1"), candidate }, contextOf({}, { readSecret }));
      await expect(set).rejects.toMatchObject({ name: "ConfigurationInvalid" });
    }
  });

  test("costs no look at the administrator's secret when there is nothing to change", async () => {
    const administrator = await createAdministrator(database);
    const version = await userOf(administrator, "password-1");
    const readSecret = async () => {
      throw new Error("not to be read");
    };
    const context = contextOf({}, { readSecret });

    await strategy.setSecret({ base: version("password-0"), candidate: version("password-1") }, context);
    await strategy.rollbackSecret({ base: version("password-1"), candidate: version("password-2") }, context);
  });

  test("changes it itself where the policy names no administrator, as before the secret had a masterarn", async () => {
    const version = await userOf(await createAdministrator(database), "password-1");
    const readSecret = async () => {
      throw new Error("not to be read");
    };
    const context = contextOf({}, { readSecret, policy: { openSessions: "report" } });
    const versions = { base: version("password-1"), candidate: version("password-2") };

    await strategy.setSecret(versions, context);
    expect(await strategy.signIn(versions.candidate, context)).toBe("accepted");
    await strategy.rollbackSecret(versions, context);

    expect(await strategy.signIn(versions.base, context)).toBe("accepted");
  });

  test("is AccessDenied where the administrator may not, or is refused", async () => {
    const administrator = await createAdministrator(database);
    const version = await userOf(administrator, "password-1");
    const versions = { base: version("password-1"), candidate: version("password-2") };
    const weak = { username: uniqueName("weak"), password: "weak-password" };
    await database.createRole(weak.username, weak.password);

    for (const [who, says] of [
      [weak, "SQLSTATE 42501"],
      [{ ...administrator, password: "wrong" }, "refused the administrator that masterarn names"],
    ] as const) {
      await expect(strategy.setSecret(versions, contextOf(who))).rejects.toMatchObject({
        name: "AccessDenied",
        message: expect.stringContaining(says),
      });
    }
    expect(await strategy.signIn(versions.base, contextOf(administrator))).toBe("accepted");
  });
});

describe("a password that nobody knows", () => {
  async function unknownPassword() {
    const administrator = await createAdministrator(database);
    const version = await userOf(administrator, "nobody-knows");
    const versions = { previous: version("password-0"), base: version("password-1"), candidate: version("password-2") };
    const role = quoted(versions.base.username);
    const context = contextOf(administrator);
    return { versions, context, role, known: version("nobody-knows") };
  }

  test("is set anew where the role's comment names the secret, and a rollback gives the base's", async () => {
    const { versions, context, role } = await unknownPassword();
    await database.query(
      `COMMENT ON ROLE ${role} IS 'Orders. Its password may be set for ${context.secretArn} always.'`,
    );

    await strategy.setSecret(versions, context);
    expect(await strategy.signIn(versions.candidate, context)).toBe("accepted");
    await strategy.rollbackSecret(versions, context);

    expect(await strategy.signIn(versions.base, context)).toBe("accepted");
  });

  test("is given back by a rollback although nothing was ever set", async () => {
    const { versions, context, role } = await unknownPassword();
    await database.query(`COMMENT ON ROLE ${role} IS '${context.secretArn}'`);

    await strategy.rollbackSecret(versions, context);

    expect(await strategy.signIn(versions.base, context)).toBe("accepted");
  });

  test.each([
    ["there is no comment", "NULL", ""],
    [
      "the comment names a longer secret",
      "'arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf-QwErTy'",
      "",
    ],
    ["the role may not sign in", "'arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf'", "NOLOGIN"],
  ])("is left as it is when %s", async (_, comment, attributes) => {
    const { versions, context, role, known } = await unknownPassword();
    await database.query(`COMMENT ON ROLE ${role} IS ${comment}`);
    if (attributes !== "") await database.query(`ALTER ROLE ${role} ${attributes}`);

    for (const work of [strategy.setSecret, strategy.rollbackSecret]) {
      await expect(work(versions, context)).rejects.toMatchObject({ name: "CredentialDrift" });
    }

    await database.query(`ALTER ROLE ${role} LOGIN`);
    expect(await strategy.signIn(known, context)).toBe("accepted");
  });

  test("is left as it is where there is no such role", async () => {
    const { versions, context } = await unknownPassword();
    const username = uniqueName("nobody");
    const { base, candidate } = versions;

    await expect(
      strategy.setSecret({ base: { ...base, username }, candidate: { ...candidate, username } }, context),
    ).rejects.toMatchObject({ name: "CredentialDrift" });
  });
});

describe.each([postgresSingleUser, postgresAlternatingUsers])("the administrator's secret for $name", (one) => {
  /** In a database of its own, outside of which the administrator may change nothing. */
  async function rotation() {
    const administrator = await createAdministrator(database, hardName());
    const version = await userOf(administrator, "password-1");
    const dbname = uniqueName('Orders "db"');
    await database.query(`CREATE DATABASE ${quoted(dbname)}`);
    await database.query(`ALTER ROLE ${quoted(administrator.username)} SET default_transaction_read_only = on`);
    await database.query(
      `ALTER ROLE ${quoted(administrator.username)} IN DATABASE ${quoted(dbname)} SET default_transaction_read_only = off`,
    );
    const base = { ...version("password-1"), dbname, masterarn: MASTER_ARN };
    const candidate = one.createSecret(base, generate) as PostgresAlternatingCredential;
    return { administrator, versions: { base, candidate } };
  }

  test("may be one that Amazon RDS manages: username and password, of whatever characters, and nothing else", async () => {
    const { administrator, versions } = await rotation();
    const context = contextOf(administrator);
    expect(Object.keys(administrator).sort()).toEqual(["password", "username"]);

    await one.setSecret(versions, context);
    await one.testSecret(versions.candidate, context);
    expect(await one.signIn(versions.candidate, context)).toBe("accepted");
    await one.rollbackSecret(versions, context);

    expect(await one.signIn(versions.base, context)).toBe("accepted");
    expect(await one.signIn(versions.candidate, context)).toBe("rejected");
  });

  test("is not read unless it is the one that the policy names", async () => {
    const { administrator, versions } = await rotation();
    const readSecret = async () => {
      throw new Error("not to be read");
    };
    const policyOf = (administratorSecretId: string) => ({ openSessions: "report" as const, administratorSecretId });
    const other = MASTER_ARN.replace("orders/admin", "billing/admin");

    for (const named of [other, "billing/admin", "orders/adm"]) {
      const set = one.setSecret(versions, contextOf({}, { readSecret, policy: policyOf(named) }));
      await expect(set).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining(`is not the policy's administratorSecretId, ${named}`),
      });
    }
    await one.setSecret(versions, contextOf(administrator, { policy: policyOf("orders/admin") }));
    expect(await one.signIn(versions.candidate, contextOf(administrator))).toBe("accepted");
  });

  test("may not be one of the very user that is changed: it would be wrong from then on", async () => {
    const { administrator, versions } = await rotation();
    const { username } = versions.candidate;

    for (const work of [one.setSecret, one.rollbackSecret]) {
      const secret = { username, password: versions.base.password };
      const outcome = await work(versions, contextOf(secret)).then(
        () => "nothing to do",
        (error: Error) => `${error.name}: ${error.message}`,
      );
      if (work === one.setSecret)
        expect(outcome).toContain(`ConfigurationInvalid: The administrator that masterarn names`);
      else expect(outcome).toBe("nothing to do");
    }
    expect(await one.signIn(versions.base, contextOf(administrator))).toBe("accepted");
    expect(await one.signIn(versions.candidate, contextOf(administrator))).toBe("rejected");
  });

  test("is not told to whoever asks for the password in clear text, unless it is for that host", async () => {
    const heard: Buffer[] = [];
    const [OK, READY, CLEAR_TEXT] = [
      [0x52, 0, 0, 0, 8, 0, 0, 0, 0],
      [0x5a, 0, 0, 0, 5, 0x49],
      [0x52, 0, 0, 0, 8, 0, 0, 0, 3],
    ];
    // Lets the base in, refuses the candidate, and asks the administrator for the password.
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        heard.push(chunk);
        const startup = chunk.toString("latin1");
        if (startup.includes("the-administrator")) socket.write(Buffer.from(CLEAR_TEXT));
        else if (startup.includes("application_name")) socket.write(Buffer.from(answer(startup)));
      });
    }).listen(0, "127.0.0.1");
    let signIns = 0;
    const answer = (_: string) => (++signIns % 2 === 1 ? refusal : [...OK, ...READY]);
    const fields = "SFATAL\0C28P01\0Mno\0\0";
    const refusal = [0x45, 0, 0, 0, fields.length + 4, ...Buffer.from(fields)];
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const base = { engine: "postgres" as const, host: "127.0.0.1", port, ssl: false, username: "app", password: "p-1" };
    const versions = {
      base: { ...base, masterarn: MASTER_ARN },
      candidate: { ...base, masterarn: MASTER_ARN, password: "p-2" },
    };
    if (one === postgresAlternatingUsers) versions.candidate.username = "app_clone";
    const secret = { username: "the-administrator", password: "hunter2-secret" };
    const set = (administrator: unknown) =>
      one.setSecret(versions, contextOf(administrator, { timeoutMs: 500 })).then(
        () => "set",
        (error: Error) => error.name,
      );

    expect(await set(secret)).toBe("TargetUnavailable");
    expect(Buffer.concat(heard).toString("latin1")).toContain("the-administrator");
    expect(Buffer.concat(heard).toString("latin1")).not.toContain("hunter2");

    await set({ ...secret, host: "127.0.0.1" });
    server.close();
    expect(Buffer.concat(heard).toString("latin1")).toContain("hunter2");
  });

  test("decides by its own ssl, where it has one", async () => {
    const { administrator, versions } = await rotation();
    // The server has no TLS, and the user's own secret wants none.
    const set = one.setSecret(versions, contextOf({ ...administrator, ssl: true }));

    await expect(set).rejects.toMatchObject({ name: "ConfigurationInvalid", message: expect.stringContaining("TLS") });
  });

  test("is refused when it is for another host, before anything is sent there", async () => {
    const { administrator, versions } = await rotation();

    await expect(one.setSecret(versions, contextOf({ ...administrator, host: "other.example" }))).rejects.toMatchObject(
      { name: "ConfigurationInvalid", message: expect.stringContaining("other.example") },
    );
    expect(await one.signIn(versions.base, contextOf(administrator))).toBe("accepted");
    expect(await one.signIn(versions.candidate, contextOf(administrator))).toBe("rejected");
  });
});
