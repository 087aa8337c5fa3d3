/** Requests that an attacker would try: names that are on record, and what can be done to the way they are written. */
import fc from 'fast-check';

export interface Hostile {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** The request target, exactly as it is to be sent. */
  readonly target: string;
  readonly range: string | undefined;
}

export interface Names {
  readonly models: readonly string[];
  readonly revisions: readonly string[];
  readonly paths: readonly string[];
}

/** Keys and files of a vault that are no model's. */
const VAULT_PATHS = [
  'registry/state',
  'registry/vault',
  'log/checkpoint',
  'staging',
  '../../../../registry/state',
  '..%2f..%2f..%2f..%2fregistry%2fstate',
  'model.sig',
  '.weighlock',
];

const RANGES = ['bytes=0-0', 'bytes=1-', 'bytes=-5', 'bytes=5-1', 'bytes=0-9,20-29'];

/** One change to how a target is written. */
type Twist = (target: string, at: number) => string;

const TWISTS: readonly Twist[] = [
  ...Array.from({ length: 20 }, (): Twist => (text) => text),
  (text, at) => replaceAt(text, at, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
  (text, at) => replaceAt(text, at, (c) => `%25${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
  (text, at) => replaceAt(text, at, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())),
  (text, at) => slashAt(text, at, '//'),
  (text, at) => slashAt(text, at, '/./'),
  (text, at) => slashAt(text, at, '/../'),
  (text, at) => slashAt(text, at, '%2F'),
  (text, at) => slashAt(text, at, '%5C'),
  (text, at) => slashAt(text, at, '/%2e%2e/'),
  (text, at) => slashAt(text, at, '/x/../'),
  (text) => `${text}/`,
  (text) => `${text}.`,
  (text) => `${text}%00`,
  (text) => `${text}%20`,
  (text) => `${text}?download=true`,
  (text) => `${text};x=1`,
  (text) => `http://huggingface.co${text}`,
  (text) => `/${text}`,
  (text) => text.replace('/resolve/', '/raw/'),
  (text) => text.replace('/resolve/', '/blob/'),
  (text) => text.normalize('NFD'),
];

/** Any request about these names, twisted up to three times. */
export function hostileRequest({ models, revisions, paths }: Names): fc.Arbitrary<Hostile> {
  const path = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...paths) }, fc.constantFrom(...VAULT_PATHS));
  const [model, revision] = [fc.constantFrom(...models), fc.constantFrom(...revisions)];
  const target = fc.oneof(
    {
      weight: 20,
      arbitrary: fc.tuple(model, revision, path).map(([m, r, p]) => `/${m}/resolve/${r}/${encoded(p)}`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(model, revision).map(([m, r]) => `/api/models/${m}/tree/${r}?recursive=true`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(model, revision).map(([m, r]) => `/api/models/${m}/revision/${r}?blobs=true`),
    },
    { weight: 1, arbitrary: model.map((m) => `/api/models/${m}`) },
    { weight: 1, arbitrary: path.map((p) => `/${encoded(p)}`) },
    { weight: 1, arbitrary: fc.constantFrom('/api/models', '/api/models?search=org', '/-/metrics', '/') },
  );
  const twists = fc.array(fc.tuple(fc.constantFrom(...TWISTS), fc.nat(200)), { maxLength: 3 });
  return fc.record({
    method: fc.oneof({ weight: 8, arbitrary: fc.constant('GET' as const) }, fc.constantFrom('HEAD', 'POST')),
    target: fc
      .tuple(target, twists)
      .map(([text, list]) => list.reduce((t, [twist, at]) => twist(t, at), text)),
    range: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom(...RANGES)),
  });
}

function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/').replaceAll('%25', '%');
}

function replaceAt(text: string, at: number, change: (character: string) => string): string {
  const place = at % text.length;
  return `${text.slice(0, place)}${change(text[place] ?? '')}${text.slice(place + 1)}`;
}

/** Writes one of the slashes otherwise. */
function slashAt(text: string, at: number, instead: string): string {
  const slashes = [...text.matchAll(/\//g)].map(({ index }) => index);
  const place = slashes[at % Math.max(1, slashes.length)];
  return place === undefined ? text : `${text.slice(0, place)}${instead}${text.slice(place + 1)}`;
}
