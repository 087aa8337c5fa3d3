/** What a command line calls a model: a name at the Hub, or a path. */
import { WeighlockError } from '../base/errors.ts';
import { type ModelName, parseModelName } from '../base/name.ts';

export type Target =
  | {
      readonly kind: 'model';
      readonly model: ModelName;
      readonly revision: string | undefined;
      readonly quantisation: string | undefined;
    }
  | { readonly kind: 'path'; readonly path: string };

/** Longest revision name. */
const REVISION_LENGTH_MAX = 255;

/**
 * `org/name`, `name`, `hf://org/name`, each with `:QUANTISATION` and `@revision` behind it; or a path, which only
 * what starts with `/`, `./` or `../` is. Throws WL_NAME_INVALID.
 */
export function parseTarget(text: string): Target {
  if (/^(\/|\.\/|\.\.\/)/.test(text) || text === '.' || text === '..') return { kind: 'path', path: text };
  const bare = text.startsWith('hf://') ? text.slice('hf://'.length) : text;
  const at = bare.indexOf('@');
  const named = at < 0 ? bare : bare.slice(0, at);
  const revision = at < 0 ? undefined : parseRevision(bare.slice(at + 1));
  const colon = named.indexOf(':');
  const quantisation = colon < 0 ? undefined : named.slice(colon + 1);
  if (quantisation !== undefined && !/^[A-Za-z0-9_-]{1,32}$/.test(quantisation)) {
    throw new WeighlockError('WL_NAME_INVALID', `"${quantisation}" is not the name of a quantisation`);
  }
  return {
    kind: 'model',
    model: parseModelName(colon < 0 ? named : named.slice(0, colon)),
    revision,
    quantisation,
  };
}

/** A commit, branch or tag as git names them; not resolved, not normalised. */
export function parseRevision(text: string): string {
  const bad =
    text === '' ||
    text.length > REVISION_LENGTH_MAX ||
    /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|^\/|\/$|\/\//.test(text);
  if (bad) throw new WeighlockError('WL_NAME_INVALID', `"${text}" is not a revision`);
  return text;
}

/** A target that must be a model. */
export function parseModelTarget(text: string): Target & { readonly kind: 'model' } {
  const target = parseTarget(text);
  if (target.kind === 'path') {
    throw new WeighlockError('WL_USAGE', `"${text}" is a path, and this command takes the name of a model`);
  }
  return target;
}
