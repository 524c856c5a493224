/**
 * What a secret with one user is, as far as people can tell, once all is quiet: versions and passwords, and nothing of how Rotor
 * works. Versions and passwords are names, which the real ones are compared with.
 */
export interface Model {
  readonly current: string;
  readonly previous: string | undefined;
  /** What each version that was ever written holds. */
  readonly passwords: Readonly<Record<string, string>>;
  /** What the target accepts. */
  readonly accepted: string;
  readonly follows: boolean;
  readonly frozen: boolean;
}

export function signsIn({ passwords, accepted }: Model, version: string | undefined): boolean {
  return version !== undefined && passwords[version] === accepted;
}

/**
 * How it may be after a rotation to `version`, with a password of that name. More than one way only where the target has been
 * changed behind the secret's back.
 */
export function afterRotation(model: Model, version: string): readonly Model[] {
  const { current, previous, passwords, follows } = model;
  if (model.frozen) return [model];
  const promoted: Model = {
    ...{ ...model, current: version, previous: current, accepted: version },
    passwords: { ...passwords, [version]: version },
  };
  const kept: Model = { ...model, passwords: promoted.passwords };
  if (signsIn(model, current)) return follows ? [promoted] : [kept];
  // AWSPREVIOUS's password lets it in. What it takes back, it takes back to AWSCURRENT.
  const mended: Model = { ...kept, accepted: passwords[current] ?? "" };
  if (signsIn(model, previous)) return follows ? [promoted] : [mended, { ...kept, frozen: true }, kept];
  // No password that anybody knows: it cannot even be taken back.
  return [kept, { ...kept, frozen: true }];
}

/** A rotation that was stopped somewhere, and what was left of it has been seen to. */
export function afterStop(model: Model, version: string): readonly Model[] {
  const passwords = { ...model.passwords, [version]: version };
  return [...afterRotation(model, version), model, { ...model, passwords }];
}

/** UpdateSecretVersionStage, as people go back by hand. */
export function afterMove(model: Model): Model {
  const { current, previous } = model;
  return previous === undefined ? model : { ...model, current: previous, previous: current };
}

/** PutSecretValue, with the password that works. */
export function afterPut(model: Model, version: string): Model {
  const passwords = { ...model.passwords, [version]: model.accepted };
  return { ...model, current: version, previous: model.current, passwords };
}
