/** What is put in a secret's place. */
export const HIDDEN = "[hidden]";

/**
 * A text without what looks like a secret, and with "?" for each character that changes how others are read: controls but line feeds,
 * and invisible marks of format. What is left of it is as it was. Takes time in proportion to its length, whatever it says. Pure.
 */
export function redactText(text: string): string {
  let left = text.replace(OBEYED, "?");
  // Most texts are ids and times.
  if (!SUSPICIOUS.test(left)) return left;
  for (const [pattern, replacement] of RULES) {
    left = left.replace(pattern, replacement as (match: string) => string);
  }
  return left;
}

/** Every text in a value, as `redactText` leaves it. Names of members and all else stay. Pure. */
export function redactTexts<T>(value: T): T {
  if (typeof value === "string") return redactText(value) as T;
  if (Array.isArray(value)) return value.map((each) => redactTexts(each)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, redactTexts(member)])) as T;
}

// --- internal ---

const OBEYED = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A quoted text, also one whose quotes are escaped, to its end or to that of all; else all up to a space. */
const VALUE = String.raw`(?:"(?:[^"\\]|\\[\s\S])*(?:"|$)|'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|\\{1,8}["'][\s\S]*?(?:\\{1,8}["']|$)|\S)\S*`;
/** The end of a member's name, which may be quoted, and what is between it and its value. */
const ASSIGNED = String.raw`(?:\\{0,8}["'])?\s{0,8}(?:=>?|:=?)\s{0,8}`;
const NAMES = [
  String.raw`pass(?:word|wd|phrase|code)[\w-]{0,16}`,
  "pwd",
  "(?:secret|access|private|api|signing|encryption|client)[_-]?(?:key|secret|access[_-]?key)",
  "secret[_-]?(?:string|binary|value)",
  // An ARN has the word, too, and sentences have it before a colon.
  String.raw`(?<!:)(?:secret|credentials?)(?!:\s[a-z']{1,16}[\s,.])`,
].join("|");
/** A token of ours is a version's id. */
const ID = String.raw`\\{0,8}["']?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`;
const SQL_TEXT = String.raw`(?:[ex]?'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|"(?:[^"\\]|\\[\s\S])*(?:"|$)|\$\w{0,16}\$[\s\S]*?(?:\$\w{0,16}\$|$))`;
const BY = String.raw`\bidentified\s{1,8}(?:with\s{1,8}\S{1,64}\s{1,8})?(?:by|as|using)\s{1,8}(?:password\s{1,8})?`;
const PASSWORD = String.raw`\bpassword(?:\s{1,8}for\s{1,8}\S{1,128})?(?:\s{0,8}[=(]\s{0,8}|\s{1,8})(?:password\s{0,8}\(\s{0,8})?`;

type Rule = readonly [pattern: RegExp, replacement: string | ((match: string) => string)];

/** Quantifiers are bounded, or what they have consumed is not begun in again: no text makes them go over it again and again. */
const RULES: readonly Rule[] = [
  [/-----BEGIN [A-Z0-9 ]{1,64}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,64}-----|$)/g, HIDDEN],
  [/(\b(?:authorization|cookie)\\{0,8}["']?\s{0,8}[=:])[^\r\n]*/gi, `$1 ${HIDDEN}`],
  [/\b((?:[Bb]earer|BEARER|[Bb]asic|BASIC)\s{1,8})(?=\S{0,64}[\dA-Z=])[\w.~+/=-]{8,}/g, `$1${HIDDEN}`],
  [/:\/\/(?:[^\s/?#:@]{0,128}:(?!\d{1,5}(?:[/?#]|$))\S{0,512}|[^\s/?#]{0,512})@/g, `://${HIDDEN}@`],
  [new RegExp(`((?:${BY}|${PASSWORD}))${SQL_TEXT}`, "gi"), `$1'${HIDDEN}'`],
  [/(x-amz-(?:signature|credential|security-token)=)[^\s&]+/gi, `$1${HIDDEN}`],
  [new RegExp(`((?:${NAMES})${ASSIGNED})${VALUE}`, "gi"), `$1${HIDDEN}`],
  [new RegExp(`((?<!:)token(?!:\\s[a-z']{1,16}[\\s,.])${ASSIGNED})(?!${ID})${VALUE}`, "gi"), `$1${HIDDEN}`],
  [/(--?(?:password|passphrase)\s{1,8})\S+/gi, `$1${HIDDEN}`],
  [/SCRAM-SHA-\d{1,3}\$\S*/gi, HIDDEN],
  [/\$(?:[156Ay]|2[abxy]|argon2\w{1,2})\$\S+/g, HIDDEN],
  [/\bmd5[0-9a-f]{32}\b|\*[0-9A-F]{40}\b|#[0-9a-f]{64}\b/g, HIDDEN],
  [/(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])/g, HIDDEN],
  [/[\w.-]{24,}/g, withoutWebToken],
  [/[A-Za-z0-9/+]{40,}={0,2}/g, (run) => (looksRandom(run) ? HIDDEN : run)],
  [/[A-Za-z0-9]{16,}/g, (run) => (looksRandom(run) ? HIDDEN : run)],
];

/** Something that a rule begins with. */
const SUSPICIOUS =
  /-----BEGIN|authorization|cookie|bearer|basic|:\/\/|identified|pass|pwd|key|secret|token|credential|signature|SCRAM|\$|md5|\*|#|AKIA|ASIA|eyJ|[A-Za-z0-9/+]{16}/i;

/** A JSON Web Token begins with "eyJ", and has a header, a point, and claims. */
function withoutWebToken(run: string): string {
  const at = run.indexOf("eyJ");
  return at >= 0 && /^[\w-]{10,}\.[\w-]{8}/.test(run.slice(at)) ? `${run.slice(0, at)}${HIDDEN}` : run;
}

/**
 * What a generator makes has lower case, upper case and digits in turn; words, paths, UUIDs and hashes in hex do not change their case at
 * every second character.
 */
function looksRandom(run: string): boolean {
  if (!/[A-Z]/.test(run) || !/[a-z]/.test(run) || !/\d.*\d/.test(run)) return false;
  let changes = 0;
  for (let at = 1; at < run.length; at += 1) if (kindOf(run, at) !== kindOf(run, at - 1)) changes += 1;
  return changes >= run.length * 0.45;
}

function kindOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 97) return 0;
  return code >= 65 ? 1 : 2;
}
