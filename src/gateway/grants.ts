/** Grants: who may read, by the signed statements that the believed state carries. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Grant, State } from '../attest/state.ts';
import type { Clock } from '../base/clock.ts';
import type { ModelName } from '../base/name.ts';
import type { Reader, Readers } from './reader.ts';

export interface GrantsOptions {
  /** The state that is believed now; throws where there is none. */
  readonly state: () => State;
  readonly clock: Clock;
  /** Patterns of models that anybody may read; none: everybody needs a token. */
  readonly anonymous: readonly string[];
}

interface Known {
  readonly grant: Grant;
  readonly reader: Reader;
}

export class Grants implements Readers {
  readonly #options: GrantsOptions;
  readonly #anonymous: (model: ModelName) => boolean;
  /** By the digest of the token, for one state. */
  #known: { readonly state: State; readonly byDigest: ReadonlyMap<string, Known> } | undefined;

  constructor(options: GrantsOptions) {
    this.#options = options;
    this.#anonymous = matcher(options.anonymous);
  }

  identify(token: string | undefined, address: string): Reader | 'unknown' | 'nobody' {
    if (token === undefined) return this.#nobody(address);
    const digest = hash('sha256', token);
    const known = this.#byDigest().get(digest);
    if (!known || !sameDigest(digest, known.grant.token)) return 'unknown';
    const { expiresAt } = known.grant;
    // Written this way round, a date that is none counts as past.
    if (expiresAt !== undefined && !(Date.parse(expiresAt) > this.#options.clock.now())) return 'unknown';
    return known.reader;
  }

  #nobody(address: string): Reader | 'nobody' {
    if (this.#options.anonymous.length === 0) return 'nobody';
    return {
      name: undefined,
      role: 'anonymous',
      mayDownload: true,
      grantedAt: undefined,
      mayRead: this.#anonymous,
      countedBy: `address ${address}`,
    };
  }

  #byDigest(): ReadonlyMap<string, Known> {
    const state = this.#options.state();
    if (this.#known?.state !== state) {
      const grants = Object.values(state.grants);
      this.#known = { state, byDigest: new Map(grants.map((grant) => [grant.token, known(grant)])) };
    }
    return this.#known.byDigest;
  }
}

function known(grant: Grant): Known {
  const { name, role, token, grantedAt } = grant;
  const reader = {
    name,
    role,
    mayDownload: role === 'reader',
    grantedAt,
    mayRead: matcher(grant.models),
    countedBy: `token ${token}`,
  };
  return { grant, reader };
}

function sameDigest(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** `*` stands for any part of one segment, and alone for every model. */
export function matcher(patterns: readonly string[]): (model: ModelName) => boolean {
  if (patterns.includes('*')) return () => true;
  const known = patterns.map((pattern) => pattern.split('/').map((part) => part.split('*')));
  return (model) => {
    const parts = model.split('/');
    return known.some(
      (pattern) =>
        pattern.length === parts.length && pattern.every((pieces, at) => isMadeOf(parts[at] ?? '', pieces)),
    );
  };
}

/** Whether the text is these pieces in their order, with anything between: each is looked for once, from the left. */
function isMadeOf(text: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
