/** A piece of a statement: a word, a quoted name or text, or a sign. `end` is the index behind it. */
export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Quoted name, quoted text (as a session without NO_BACKSLASH_ESCAPES shows it), word, sign. */
const TOKEN = /`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|[^\s`'(),@]+|[(),@]/gs;

/** Splits what SHOW CREATE USER and SHOW GRANTS answer, so that a keyword within a name is never taken for one. */
export function tokensOf(statement: string): readonly Token[] {
  return [...statement.matchAll(TOKEN)].map(({ 0: text, index }) => ({ text, start: index, end: index + text.length }));
}

/** The slice of the statement from the first of the tokens to the last, as it is written. */
export function sliceOf(statement: string, tokens: readonly Token[]): string {
  const [first, last] = [tokens[0], tokens.at(-1)];
  return first && last ? statement.slice(first.start, last.end) : "";
}

/** The tokens between commas that are not within parentheses. */
export function splitAtCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += token.text === "(" ? 1 : token.text === ")" ? -1 : 0;
    if (token.text === "," && depth === 0) {
      parts.push([]);
    } else {
      parts.at(-1)?.push(token);
    }
  }
  return parts.filter((part) => part.length > 0);
}

/** What a quoted text stands for; any other token stands for itself. */
export function unquote({ text }: Token): string {
  if (text.startsWith("`")) {
    return text.slice(1, -1).replaceAll("``", "`");
  }
  return text.startsWith("'") ? text.slice(1, -1).replace(/''|\\(.)/gs, (pair, escaped) => escaped ?? pair[0]) : text;
}
