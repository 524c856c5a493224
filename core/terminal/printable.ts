const ESCAPE = "\u001b";
/** The colours that are used here. Any other sequence, such as one that hides text, is a stranger's. */
const COLOR = `${ESCAPE}\\[(?:0|1|2|22|3[1-6]|39)m`;
/** What a terminal would obey, or what makes a line read as another: controls but line feeds, and invisible marks of format. */
const OBEYED = "(?!\\n)[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]";
const EITHER = new RegExp(`(${COLOR})|${OBEYED}`, "gu");

/** Lines that may have somebody else's text in them, as a terminal may be given them: "?" for each character that it would obey. */
export function printable(text: string, { colors = true }: { readonly colors?: boolean } = {}): string {
  return text.replace(EITHER, (_, color: string | undefined) => (colors && color !== undefined ? color : "?"));
}
