/**
 * Addresses: what a request target names, read exactly as it was sent.
 *
 * Each part between slashes is percent-decoded once, strictly; nothing is normalised. Fixed words and model names are
 * taken only as they are written, so that a rule of a proxy in front and ours never see two different names. Revisions
 * and paths are decoded, because clients encode their slashes (Python does, JavaScript and llama.cpp do not).
 *
 * A name and a word of the protocol can look alike (`/api/models/a/refs`): the word wins, always, so that one target
 * means one thing. A model called like a word has no address here.
 */
import { type ModelName, parseModelName, parseRepoPath, type RepoPath } from '../base/name.ts';
import { NO_QUERY, parseQuery, type Query } from './query.ts';
import { parseRevisionName, type RevisionName } from './revision-name.ts';

/** Longest request target: a path of 700 bytes with every byte encoded takes 2,100, and queries are short. */
export const TARGET_BYTES_MAX = 8192;

/** Most parts of a target: a path of 700 bytes has at most 350, and a revision and a name come before it. */
const PARTS_MAX = 400;

export type Address =
  | { readonly route: 'welcome' | 'health' | 'ready' | 'metrics' | 'telemetry' | 'agent-harnesses' }
  | { readonly route: 'whoami' | 'datasets' | 'spaces' }
  | { readonly route: 'search'; readonly query: Query }
  | {
      readonly route: 'info' | 'refs' | 'auth-check' | 'scan' | 'discussions';
      readonly model: ModelName;
      readonly query: Query;
    }
  | {
      readonly route: 'revision' | 'commits' | 'paths-info';
      readonly model: ModelName;
      /** Undefined where nothing can be called so. */
      readonly revision: RevisionName | undefined;
      readonly query: Query;
    }
  | {
      readonly route: 'tree' | 'resolve' | 'raw';
      readonly model: ModelName;
      readonly revision: RevisionName | undefined;
      /** A file, or for a tree a folder, whose root is ''. Undefined where nothing can be called so. */
      readonly path: RepoPath | '' | undefined;
      readonly query: Query;
    }
  | { readonly route: 'none'; readonly because: 'malformed' | 'too long' | 'unknown' | 'no model name' };

export type Route = Address['route'];

const NOWHERE: Address = { route: 'none', because: 'unknown' };
const MALFORMED: Address = { route: 'none', because: 'malformed' };

/** What may stand in a target: visible ASCII but for `#`, which no client sends to a server. */
const TARGET = /^\/[!"$-~]*$/;

/** What a request target names; total, so that no target throws. */
export function parseAddress(target: string): Address {
  if (target.length > TARGET_BYTES_MAX) return { route: 'none', because: 'too long' };
  if (!TARGET.test(target)) return MALFORMED;
  const mark = target.indexOf('?');
  const parts = (mark < 0 ? target : target.slice(0, mark)).slice(1).split('/');
  if (parts.length > PARTS_MAX) return NOWHERE;
  const query = mark < 0 ? NO_QUERY : parseQuery(target.slice(mark + 1));
  if (query === undefined) return MALFORMED;
  const decoded = parts.map(decode);
  if (decoded.includes(undefined)) return MALFORMED;
  return addressOf({ raw: parts, decoded: decoded as string[], query });
}

interface Target {
  /** Parts as they were sent: fixed words and names are read here. */
  readonly raw: readonly string[];
  /** The same parts, decoded: revisions and paths are read here. */
  readonly decoded: readonly string[];
  readonly query: Query;
}

/** The text of a part; undefined for a broken escape, or bytes that are not UTF-8. */
function decode(part: string): string | undefined {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function addressOf(target: Target): Address {
  const { raw } = target;
  switch (raw[0]) {
    case '':
      return raw.length === 1 ? { route: 'welcome' } : NOWHERE;
    case '-':
      return raw.length === 2 && (raw[1] === 'health' || raw[1] === 'ready' || raw[1] === 'metrics')
        ? { route: raw[1] }
        : NOWHERE;
    case 'api':
      return apiAddress(target);
    case 'datasets':
    case 'spaces':
      return { route: raw[0] };
    default:
      return fileAddress(target);
  }
}

function apiAddress(target: Target): Address {
  const { raw, query } = target;
  switch (raw[1]) {
    case 'models':
      return raw.length === 2 ? { route: 'search', query } : modelAddress(target);
    case 'datasets':
    case 'spaces':
      return { route: raw[1] };
    case 'whoami-v2':
      return raw.length === 2 ? { route: 'whoami' } : NOWHERE;
    case 'telemetry':
      return { route: 'telemetry' };
    case 'agent-harnesses':
      return { route: 'agent-harnesses' };
    default:
      return NOWHERE;
  }
}

/** The words that may follow a model's name below `/api/models/`. */
const WORDS: ReadonlySet<string> = new Set([
  'revision',
  'tree',
  'paths-info',
  'refs',
  'commits',
  'auth-check',
  'scan',
  'discussions',
]);

/** `/api/models/<name>[/<word>[/…]]`, where a name has one part before a word and otherwise two at the most. */
function modelAddress({ raw, decoded, query }: Target): Address {
  const namedBy = raw.length === 3 || WORDS.has(raw[3] ?? '') ? 1 : 2;
  const model = modelNamed(raw.slice(2, 2 + namedBy));
  if (model === undefined) return { route: 'none', because: 'no model name' };
  const word = raw[2 + namedBy];
  const rest = decoded.slice(3 + namedBy);
  switch (word) {
    case undefined:
      return { route: 'info', model, query };
    case 'refs':
    case 'auth-check':
    case 'scan':
    case 'discussions':
      return rest.length === 0 ? { route: word, model, query } : NOWHERE;
    case 'revision':
    case 'commits':
    case 'paths-info':
      // Nothing follows the revision here, so its slashes may be sent as they are.
      if (rest.length === 0) return NOWHERE;
      return { route: word, model, revision: parseRevisionName(rest.join('/')), query };
    case 'tree': {
      if (rest.length === 0) return NOWHERE;
      const { revision, below } = splitRevision(rest);
      return { route: 'tree', model, revision, path: below.length === 0 ? '' : pathOf(below), query };
    }
    default:
      return NOWHERE;
  }
}

/** `/<name>/resolve/<revision>/<path…>` and the same with `raw`. */
function fileAddress({ raw, decoded, query }: Target): Address {
  const at = isFileWord(raw[1]) ? 1 : 2;
  const route = raw[at];
  if (!isFileWord(route)) return NOWHERE;
  const model = modelNamed(raw.slice(0, at));
  if (model === undefined) return { route: 'none', because: 'no model name' };
  const rest = decoded.slice(at + 1);
  if (rest.length === 0) return NOWHERE;
  const { revision, below } = splitRevision(rest);
  return { route, model, revision, path: pathOf(below), query };
}

function isFileWord(part: string | undefined): part is 'resolve' | 'raw' {
  return part === 'resolve' || part === 'raw';
}

/** The revision that starts `parts`: one part, or `refs/<kind>/<name>` where its slashes were sent as they are. */
function splitRevision(parts: readonly string[]): {
  readonly revision: RevisionName | undefined;
  readonly below: readonly string[];
} {
  const length = parts[0] === 'refs' ? 3 : 1;
  return { revision: parseRevisionName(parts.slice(0, length).join('/')), below: parts.slice(length) };
}

function modelNamed(parts: readonly string[]): ModelName | undefined {
  // A part with a slash in it cannot come here: names are read as they were sent, and `%` is not in a name.
  try {
    return parseModelName(parts.join('/'));
  } catch {
    return undefined;
  }
}

function pathOf(parts: readonly string[]): RepoPath | undefined {
  try {
    return parseRepoPath(parts.join('/'));
  } catch {
    return undefined;
  }
}
