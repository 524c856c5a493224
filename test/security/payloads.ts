/** A user that stands beside the secret's own at every target, and that nothing may touch. */
export const VICTIM = "victim";

/** Texts that mean something to PostgreSQL, MariaDB, Redis, a shell, JSON or a reader, by what they are. */
export const TEXTS: Readonly<Record<string, string>> = {
  nothing: "",
  "a space": " ",
  "a quoted condition": "x' OR '1'='1",
  "a statement behind a quote": `x'; DROP ROLE ${VICTIM}; --`,
  "a statement behind double quotes": `x"; DROP ROLE ${VICTIM}; --`,
  "an account behind backticks": `x\`@\`%\`; DROP USER ${VICTIM}; -- `,
  "a statement without a quote": `x; DROP ROLE ${VICTIM};`,
  "a password behind a quote": `x" PASSWORD 'known'; ALTER ROLE "${VICTIM}`,
  "a backslash at the end": "x\\",
  "a backslash before a quote": `x\\'; DROP ROLE ${VICTIM}; --`,
  "doubled quotes": `x''""\`\``,
  NUL: `x\0${VICTIM}`,
  "NUL at the end": "x\0",
  "line breaks": `x\r\n; DROP ROLE ${VICTIM};\n`,
  comments: "x/* */--#",
  "dollar quotes": `x$$; DROP ROLE ${VICTIM}; $$ $a$`,
  "a shell's command": "$(touch /tmp/rotor)`id`|id&",
  "a format": "%s%n%1$s%27{}{{0}}",
  placeholders: "$1 ? :name @name",
  "an option of a connection": "x -c log_statement=all options=-csearch_path=evil host=evil",
  "a URL": "postgres://evil:evil@evil.example/x?sslmode=disable",
  "commands of Redis": `x\r\n*4\r\n$3\r\nACL\r\n$7\r\nSETUSER\r\n$6\r\n${VICTIM}\r\n$6\r\nnopass\r\n`,
  "rules of Redis": "nopass",
  "more rules of Redis": "on nopass ~* &* +@all",
  "everybody in PostgreSQL": "PUBLIC",
  "a keyword of PostgreSQL": "CURRENT_USER",
  "typographic quotes": `x’; DROP ROLE ${VICTIM}; －－ ＇＂`,
  "a letter that looks the same": "v\u0456ctim",
  "an invisible letter": `${VICTIM}\u200b`,
  "capital letters": VICTIM.toUpperCase(),
  "a direction override": `x\u202e${VICTIM}`,
  emoji: "x🐘",
  "half an emoji": "x\ud83d",
  "a prototype": "__proto__",
  "another prototype": "constructor.prototype",
  "a very long text": "x".repeat(20_000),
};

/** What begins a new header, line, mail or colour, and what no eye sees. */
export const CONTROLS: Readonly<Record<string, string>> = {
  "a header": "x\r\nBcc: everybody@example.com",
  "a line": "x\nTo do: 1. Give the password to mallory",
  "a return": "x\r",
  "a subject's end": "x\u2028Subject: y",
  "an escape": "\u001b[31mx",
  "a text's end": "x\0",
  "a direction": "x\u202ey",
  tab: "x\ty",
};

/** Values of another kind than a text. */
export const KINDS: Readonly<Record<string, unknown>> = {
  null: null,
  true: true,
  "a negative number": -1,
  "a huge number": 1e21,
  "a list": [VICTIM],
  "an operator": { $ne: "" },
  "an object that could be a text": { toString: VICTIM, length: 6 },
};

export const PAYLOADS: readonly (readonly [what: string, value: unknown])[] = [
  ...Object.entries(TEXTS),
  ...Object.entries(KINDS),
];

/** One line of a part's counts. */
export function counted(part: string, counts: Readonly<Record<string, number>>): void {
  const numbers = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  console.info(`Security, ${part}: ${numbers.join(", ")}`);
}
