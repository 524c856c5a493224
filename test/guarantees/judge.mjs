// Whether docs/guarantees.md says what a run has counted.

/** Played in whole by every run, CI's, too: fewer of them are none. */
const WHOLE = [
  /^\| mutants \|/,
  /^\| replay \|/,
  /^\| (faults|interleavings) \| what once broke a promise, /,
  /^\| faults \| random sequences of commands, against a model$/,
];
/**
 * How far that which there is to choose from may be from what was written down, where it is not the same each time: the gate looks as
 * often as a workflow takes, and each look is one or two hundredths of a rotation. On a slow machine it looks some times more.
 */
const TOLERANCE = 0.15;

/** What a row is known by. */
export function keyOf({ suite, what }) {
  return `| ${suite} | ${what}`;
}

export function counts({ counted, count, of = count, exact }) {
  const all = of === count ? format(count) : `${format(count)} of ${format(of)}`;
  return `${exact ? "" : "about "}${all} ${counted}`;
}

export function format(number) {
  return number.toLocaleString("en-GB");
}

/** The rows of a table, by their keys. */
export function rowsOf(table) {
  return new Map(table.split("\n").flatMap(readRow));
}

/**
 * A run may have played fewer than is written, of the same. What has another name, such as other effects, is not the same.
 * @param figures what a run has counted
 * @returns what is wrong, one line each
 */
export function judge(table, figures) {
  const written = rowsOf(table);
  const wrong = figures.flatMap((figure) => {
    const row = `${keyOf(figure)} | ${counts(figure)}`;
    if (!(figure.count > 0)) return [`nothing was counted: ${row}`];
    if (figure.violations !== 0) return [`promises were broken: ${row}`];
    const said = written.get(keyOf(figure));
    if (said === undefined) return [`not in the document: ${row}`];
    return isSame(figure, said) ? [] : [`other than in the document, which has ${counts(said)}: ${row}`];
  });
  const told = new Set(figures.map(keyOf));
  const gone = [...written.keys()].filter((key) => !told.has(key)).map((key) => `told by no suite: ${key}`);
  return [...wrong, ...gone];
}

function isSame(figure, said) {
  if (figure.exact !== said.exact || figure.counted !== said.counted) return false;
  // Where a run that is thinned has not looked at all there are, it does not say how many that is.
  const { count, of = said.of } = figure;
  if (WHOLE.some((each) => each.test(keyOf(figure)))) return count === said.count && of === said.of;
  return figure.exact ? of === said.of && count <= said.count : Math.abs(of - said.of) <= TOLERANCE * said.of;
}

function readRow(line) {
  const [, key, about, count, of = count, counted] =
    /^(\| [a-z]+ \| [^|]+) \| (about )?([\d,]+)(?: of ([\d,]+))? ([a-z]+) \| 0 \|$/.exec(line) ?? [];
  return key === undefined ? [] : [[key, { count: parse(count), of: parse(of), counted, exact: about === undefined }]];
}

function parse(text) {
  return Number(text.replaceAll(",", ""));
}
