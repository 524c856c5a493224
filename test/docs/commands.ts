/** One command of a page, as a reader would type it. */
export interface DocumentedCommand {
  readonly page: string;
  readonly line: number;
  /** The title of the second level above it; empty above the first one. */
  readonly section: string;
  /** As it stands there, without what it is explained by. */
  readonly text: string;
  /** Without variables in front, and without redirections. A placeholder, such as `<version of the secret>`, is one word. */
  readonly words: readonly string[];
  /** The mark of its block: ```sh aws-only. */
  readonly mark?: string;
  /** In a sentence, where a name alone may stand for the command: `rotor show`. */
  readonly isInline: boolean;
}

/** What begins a command in a sentence. In a block of shell everything is one. */
const PROGRAMS =
  /^(?:[A-Z_]+=(?:"[^"]*"|\S*) )*(?:rotor|npm|npx|node|aws|sst|git|docker|bash|curl|jq|openssl|psql|mariadb|redis-cli) /;
const WORD = /(?:"[^"]*"|'[^']*'|<[a-zA-Z][^<>]*>|[^\s"'<>;])+|[<>;]/g;
const BETWEEN = ["&&", "||", "|", ";"];

/** Every command of a page: each line of its blocks of shell, and what begins like one in its sentences. */
export function commandsOf(page: string, text: string): readonly DocumentedCommand[] {
  const lines = linesOf(text);
  const at = (index: number) => ({ page, line: index + 1, section: lines[index]?.section ?? "" });
  return [
    ...inBlocks(lines).flatMap(({ index, typed, mark }) =>
      split(typed).map((words) => ({ ...at(index), ...mark, ...commandIn(words), isInline: false })),
    ),
    ...inSentences(lines).flatMap(({ index, typed }) =>
      split(typed).map((words) => ({ ...at(index), ...commandIn(words), isInline: true })),
    ),
  ];
}

// --- internal ---

interface Line {
  readonly text: string;
  readonly section: string;
  /** The info string of the block that it is in; undefined in a sentence. */
  readonly info?: string | undefined;
}

interface Typed {
  readonly index: number;
  readonly typed: string;
  readonly mark?: { readonly mark: string };
}

function linesOf(page: string): readonly Line[] {
  let section = "";
  let info: string | undefined;
  return page.split("\n").map((text) => {
    const [, fence] = /^\s*```\s*(.*?)\s*$/.exec(text) ?? [];
    if (fence !== undefined) {
      info = info === undefined ? fence : undefined;
      return { text: "", section };
    }
    if (info === undefined) section = /^## (.*)$/.exec(text)?.[1] ?? section;
    return { text, section, info };
  });
}

function inBlocks(lines: readonly Line[]): readonly Typed[] {
  const found: Typed[] = [];
  let before = "";
  for (const [index, { text, info }] of lines.entries()) {
    const [, mark] = /^sh(?: (.*))?$/.exec(info ?? "") ?? [undefined, null];
    if (mark === null) continue;
    const typed = before + text;
    const goesOn = typed.endsWith("\\");
    before = goesOn ? `${typed.slice(0, -1)} ` : "";
    if (!goesOn) found.push({ index, typed, ...(mark === undefined ? {} : { mark: { mark } }) });
  }
  return found;
}

function inSentences(lines: readonly Line[]): readonly Typed[] {
  const prose = lines.map(({ text, info }) => (info === undefined ? text : "")).join("\n");
  return [...prose.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].flatMap(({ 1: span = "", index }) => {
    const typed = span.replace(/\s+/g, " ");
    return PROGRAMS.test(typed) ? [{ typed, index: prose.slice(0, index).split("\n").length - 1 }] : [];
  });
}

/** The commands of one line, each in its words. */
function split(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  for (const [word] of line.matchAll(WORD)) {
    if (word.startsWith("#")) break;
    if (BETWEEN.includes(word)) commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands.filter(({ length }) => length > 0);
}

function commandIn(words: readonly string[]): Pick<DocumentedCommand, "text" | "words"> {
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  const own = words.slice(first === -1 ? words.length : first);
  return {
    text: words.join(" "),
    words: own.filter((word, index) => word !== ">" && own[index - 1] !== ">"),
  };
}
