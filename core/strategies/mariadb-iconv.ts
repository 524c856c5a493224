/**
 * Takes the place of the package `iconv-lite` in bundles (esbuild: `alias: { "iconv-lite": ... }`). The driver needs it for character
 * sets other than UTF-8, ASCII and Latin-1 alone; our sessions are in UTF-8. Its tables are two thirds of the driver's bundle.
 */
export function encodingExists(): boolean {
  return false;
}

/** @throws RangeError always: nothing of ours is in another character set */
export function encode(_text: string, encoding: string): never {
  throw new RangeError(`The character set ${encoding} is not bundled.`);
}

/** @throws RangeError always */
export function decode(_bytes: Buffer, encoding: string): never {
  throw new RangeError(`The character set ${encoding} is not bundled.`);
}

export default { encodingExists, encode, decode };
