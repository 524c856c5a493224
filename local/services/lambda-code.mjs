/** Compiles a CommonJS bundle once in a thread, and evaluates it as often as it is asked for, each time with modules of its own. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";
import { threadId } from "node:worker_threads";

const compiled = new Map();

/** What the bundle exports, evaluated anew. */
export function evaluate(file) {
  const module = { exports: {} };
  const { script } = compile(file);
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return module.exports;
}

/** Keeps beside the bundle what is compiled by now, once: the next thread, of whatever process, starts with it. */
export function keepCompiled(file) {
  const code = compile(file);
  if (code.isKept) return;
  code.isKept = true;
  const draft = `${keptIn(file)}.${process.pid}-${threadId}`;
  try {
    writeFileSync(draft, code.script.createCachedData());
    renameSync(draft, keptIn(file));
  } catch {
    // It only saves time, and the bundle's directory may be gone by now.
  }
}

function compile(file) {
  const known = compiled.get(file);
  if (known !== undefined) return known;
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, "utf8")}\n})`,
    {
      filename: file,
      cachedData: kept(file),
    },
  );
  const code = { script, isKept: script.cachedDataRejected === false };
  compiled.set(file, code);
  return code;
}

function kept(file) {
  try {
    return readFileSync(keptIn(file));
  } catch {
    return undefined;
  }
}

function keptIn(file) {
  return `${file}.compiled`;
}
