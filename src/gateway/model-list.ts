/**
 * The list of models: what is admitted here and may be read by whoever asks, page by page, by name.
 *
 * A request looks at a bounded number of the reader's models. Where that bound ends it, its page is shorter than asked
 * (it may be empty) and leads to the next: clients follow it like any other. Models of which the reader may know nothing
 * count for nothing: no page ends at one, and none has a next page because of one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WeighlockError } from '../base/errors.ts';
import { type ModelName, parseModelName } from '../base/name.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import type { CatalogModel, ServedRevision, Snapshot } from './catalog.ts';
import { mainCommit, publishedCommits } from './chosen-revision.ts';
import { expanded, modelFields, tagsOf } from './model-fields.ts';
import { BAD_PAGE, nextPage, readPage } from './page.ts';
import type { Query } from './query.ts';
import type { Reader } from './reader.ts';
import { refuse } from './refusal.ts';

/** Models in a page: what a person looks through, and at most what JavaScript's client asks for, twice. */
const MODELS = 100;
const MODELS_MAX = 1000;

/** The reader's models that one request looks at, and revisions that it reads: milliseconds of work, at worst seconds. */
const LOOKED_AT_MAX = 5000;
const READ_MAX = 1000;

/** Models of any reader's between which others get their turn: a millisecond or so. */
const LOOKED_AT_IN_A_TURN = 500;

/** Revisions that are read at once. */
const READ_AT_ONCE = 16;

/** What a listed model says of itself unless `expand`, `full`, `cardData` or `config` ask for something else. */
const LISTED: readonly string[] = [
  'modelId',
  'author',
  'sha',
  'lastModified',
  'createdAt',
  'private',
  'gated',
  'disabled',
  'downloads',
  'likes',
  'tags',
  'pipeline_tag',
  'library_name',
];

export interface ListAsk {
  readonly snapshot: Snapshot;
  readonly reader: Reader;
  readonly query: Query;
  readonly publicUrl: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** `GET /api/models?search&author&filter&pipeline_tag&library&limit&cursor&expand`, always sorted by name. */
export async function listModels(ask: ListAsk): Promise<Answer> {
  const { snapshot, reader, query, publicUrl, signal } = ask;
  const page = readPage(query, { limit: MODELS, limitMax: MODELS_MAX });
  const after = page === undefined || page.after === '' ? undefined : modelNamed(page.after);
  if (page === undefined || after === 'wrong') return refuse({ is: 'bad request', sentence: BAD_PAGE });
  const listing = new Listing(ask, page.limit);
  let isCut = false;
  let passed = 0;
  for await (const model of snapshot.list(after)) {
    passed += 1;
    if (passed % LOOKED_AT_IN_A_TURN === 0) {
      await nextTurn();
      signal.throwIfAborted();
    }
    if (!reader.mayRead(model.name)) continue;
    if (listing.isFull) {
      isCut = true;
      break;
    }
    await listing.add(model);
  }
  await listing.settle();
  const { items, last } = listing;
  if (!isCut || last === undefined) return jsonAnswer(items);
  return jsonAnswer(items, nextPage(`${publicUrl}/api/models`, { query: kept(query), page, after: last }));
}

/** A page as it fills. */
class Listing {
  readonly items: unknown[] = [];
  /** Up to here everything is settled, and the next page begins behind it: always one that the reader may read. */
  last: ModelName | undefined;
  readonly #ask: ListAsk;
  readonly #limit: number;
  readonly #fields: readonly string[];
  /** Models whose names fit, and whose revisions are yet to be read. */
  #waiting: CatalogModel[] = [];
  #lookedAt = 0;
  #read = 0;

  constructor(ask: ListAsk, limit: number) {
    this.#ask = ask;
    this.#limit = limit;
    this.#fields = fieldsNamed(ask.query);
  }

  get isFull(): boolean {
    return this.items.length >= this.#limit || this.#lookedAt >= LOOKED_AT_MAX || this.#read >= READ_MAX;
  }

  /** Looks at a model that the reader may read. */
  async add(model: CatalogModel): Promise<void> {
    this.#lookedAt += 1;
    if (isNamedSo(model.name, this.#ask.query)) this.#waiting.push(model);
    else if (this.#waiting.length === 0) this.last = model.name;
    // Never more than the page has room for, so that nothing is read and left out.
    if (this.#waiting.length >= Math.min(READ_AT_ONCE, this.#limit - this.items.length)) await this.settle();
  }

  async settle(): Promise<void> {
    const models = this.#waiting;
    this.#waiting = [];
    this.#read += models.length;
    const revisions = await Promise.all(models.map((model) => shownRevision(this.#ask.snapshot, model)));
    for (const [at, model] of models.entries()) {
      const revision = revisions[at];
      if (revision !== undefined && isAskedFor(revision, this.#ask.query)) {
        this.items.push(expanded(modelFields(model, revision), this.#fields));
      }
      this.last = model.name;
    }
  }
}

function modelNamed(text: string): ModelName | 'wrong' {
  try {
    return parseModelName(text);
  } catch {
    return 'wrong';
  }
}

/** What a list shows of a model: what `main` is, or else what was decided last. */
async function shownRevision(snapshot: Snapshot, model: CatalogModel): Promise<ServedRevision | undefined> {
  const published = publishedCommits(model);
  const main = mainCommit(model);
  const commit = main !== undefined && published.includes(main) ? main : published[0];
  if (commit === undefined) return undefined;
  try {
    return await snapshot.revision({ model: model.name, commit });
  } catch (error) {
    const isWithdrawn = error instanceof WeighlockError && /^WL_(?:NOT_ADMITTED|REVOKED)$/.test(error.code);
    if (isWithdrawn) return undefined;
    throw error;
  }
}

/** What can be told from the name alone. */
function isNamedSo(name: ModelName, query: Query): boolean {
  const author = query.get('author');
  if (author !== undefined && author !== '' && !name.startsWith(`${author}/`)) return false;
  return query.all('search').every((text) => name.toLowerCase().includes(text.toLowerCase()));
}

/** What can be told only from what a model says of itself. Nothing here is gated, or served by anybody's inference. */
function isAskedFor(revision: ServedRevision, query: Query): boolean {
  const { pipelineTag, libraryName } = revision.card;
  const words = new Set([...tagsOf(revision), pipelineTag, libraryName]);
  const asked = [...query.all('filter'), ...query.all('tags')].flatMap((value) => value.split(','));
  if (!asked.every((word) => word === '' || words.has(word))) return false;
  const task = query.get('pipeline_tag');
  if (task !== undefined && task !== '' && task !== pipelineTag) return false;
  const library = query.get('library');
  if (library !== undefined && library !== '' && library !== libraryName) return false;
  return !query.isSet('gated');
}

function fieldsNamed(query: Query): readonly string[] {
  const named = query.all('expand');
  if (named.length > 0) return named;
  return [
    ...LISTED,
    ...(query.isSet('full') ? ['siblings'] : []),
    ...(query.isSet('cardData') ? ['cardData'] : []),
    ...(query.isSet('config') ? ['config'] : []),
  ];
}

/** The parameters that the next page needs again. */
const KEPT = [
  'search',
  'author',
  'filter',
  'tags',
  'pipeline_tag',
  'library',
  'gated',
  'expand',
  'full',
  'cardData',
  'config',
] as const;

function kept(query: Query): readonly (readonly [string, string])[] {
  return KEPT.flatMap((name) => query.all(name).map((value) => [name, value] as const));
}
