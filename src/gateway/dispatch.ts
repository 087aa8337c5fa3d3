/**
 * Dispatch: from what was asked to its answer. Who asks is settled first, then whether that reader may read the model,
 * and only then what is on record of it: a reader learns nothing of models that are not covered.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { WeighlockError } from '../base/errors.ts';
import type { Address } from './address.ts';
import { type Answer, jsonAnswer, textAnswer } from './answer.ts';
import { PATHS_BYTES_MAX, readAskedPaths } from './asked-paths.ts';
import type { Catalog, Snapshot } from './catalog.ts';
import { type Chosen, chooseRevision } from './chosen-revision.ts';
import type { DataDoor } from './data.ts';
import { FileAnswers } from './file-answers.ts';
import { type Found, ModelAnswers } from './model-answers.ts';
import { listModels } from './model-list.ts';
import type { Allowance, RateLimits, Reader, Readers } from './reader.ts';
import { refuse } from './refusal.ts';
import { RenderedAnswers } from './rendered-answers.ts';
import { DEFAULT_REVISION } from './revision-name.ts';
import { whoAmI } from './who-am-i.ts';

export interface DispatchParts {
  readonly catalog: Catalog;
  readonly data: DataDoor;
  readonly readers: Readers;
  readonly rateLimits: RateLimits;
  /** Where clients reach the gateway, without a slash at the end. */
  readonly publicUrl: string;
}

/** One request, as far as an answer depends on it. */
export interface Ask {
  readonly method: string;
  /** The request target, exactly as it was sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
  readonly requestId: string;
  /** Aborted when the client is gone. */
  readonly signal: () => AbortSignal;
  /** The body; undefined where it is larger than that. */
  readonly readBody: (bytesMax: number) => Promise<Buffer | undefined>;
}

/** An answer, and what the log says of how it came about. */
export interface Dispatched {
  readonly answer: Answer;
  readonly address: Address;
  readonly reader: Reader | undefined;
  readonly commit: string | undefined;
  /** What went wrong with us, for the log alone. */
  readonly error?: unknown;
}

type ModelAddress = Extract<Address, { readonly model: unknown }>;

export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #models: ModelAnswers;
  readonly #files: FileAnswers;

  constructor(parts: DispatchParts) {
    this.#parts = parts;
    this.#models = new ModelAnswers({ publicUrl: parts.publicUrl, rendered: new RenderedAnswers() });
    this.#files = new FileAnswers(parts.data);
  }

  /** Never throws: whatever goes wrong is an answer too. */
  async dispatch(address: Address, ask: Ask): Promise<Dispatched> {
    const noted: Noted = { address, reader: undefined, commit: undefined };
    try {
      const answer = await this.#answer(ask, noted);
      return { ...noted, answer };
    } catch (thrown) {
      const error = thrown instanceof CannotKnow ? thrown.cause : thrown;
      const unbelief = this.#unbelief(thrown);
      const answer =
        unbelief === undefined
          ? answerTo(error, ask.requestId)
          : refuse({ is: 'cannot know', error: unbelief.cause });
      return answer.status >= 500 ? { ...noted, answer, error } : { ...noted, answer };
    }
  }

  async #answer(ask: Ask, noted: Noted): Promise<Answer> {
    const { address } = noted;
    const open = openAnswer(ask, address);
    if (open !== undefined) return open;
    const identified = this.#identify(ask);
    // Guesses of tokens count like anonymous requests of the same address.
    const reader = typeof identified === 'string' ? stranger(ask.clientAddress) : identified;
    noted.reader = reader;
    const policy = address.route === 'resolve' || address.route === 'raw' ? 'resolvers' : 'api';
    const allowance = this.#parts.rateLimits.take(reader, policy);
    if (!allowance.allowed) {
      const seconds = Math.max(1, Math.ceil(allowance.resetsInSeconds));
      return counted(refuse({ is: 'too many requests', seconds }), allowance);
    }
    if (identified === 'nobody') return counted(refuse({ is: 'no token' }), allowance);
    if (identified === 'unknown') return counted(refuse({ is: 'unknown token' }), allowance);
    return counted(await this.#readerAnswer(ask, noted, identified), allowance);
  }

  #identify({ headers, clientAddress }: Ask): ReturnType<Readers['identify']> {
    const { authorization } = headers;
    const { readers } = this.#parts;
    if (authorization === undefined) return believing(() => readers.identify(undefined, clientAddress));
    const token = /^Bearer (hf_[A-Za-z0-9]+)$/i.exec(authorization)?.[1];
    return token === undefined ? 'unknown' : believing(() => readers.identify(token, clientAddress));
  }

  async #readerAnswer(ask: Ask, noted: Noted, reader: Reader): Promise<Answer> {
    const { address } = noted;
    switch (address.route) {
      case 'none':
        return noneAnswer(address, ask.target);
      case 'datasets':
      case 'spaces':
        return refuse({ is: 'another repo type', type: address.route });
      case 'whoami':
        return whoAmI(reader);
      case 'search': {
        const { query } = address;
        const { publicUrl } = this.#parts;
        return listModels({ snapshot: this.#now(), reader, query, publicUrl, signal: ask.signal() });
      }
      case 'welcome':
      case 'health':
      case 'ready':
      case 'metrics':
      case 'telemetry':
      case 'agent-harnesses':
        return refuse({ is: 'no such page' });
      default:
        if (!reader.mayRead(address.model)) return refuse({ is: 'not for this token', model: address.model });
        if (!reader.mayDownload && isDownload(ask, address)) return refuse({ is: 'not for downloads' });
        return this.#modelAnswer(ask, noted, address);
    }
  }

  async #modelAnswer(ask: Ask, noted: Noted, address: ModelAddress): Promise<Answer> {
    const snapshot = this.#now();
    const model = await snapshot.model(address.model);
    if (model === undefined) {
      return refuse({
        is: address.route === 'info' ? 'no such model' : 'not admitted',
        model: address.model,
      });
    }
    const revision = 'revision' in address ? address.revision : DEFAULT_REVISION;
    switch (address.route) {
      case 'refs':
        return this.#models.refs(model, address.query);
      case 'discussions':
        return jsonAnswer({ discussions: [], count: 0, start: 0 });
      case 'scan':
        return refuse({
          is: 'not reported',
          sentence: `What was found in ${model.name} is on record: \`weighlock show ${model.name}\``,
        });
      case 'auth-check':
        // Whoever comes here may read the model, whatever its revisions.
        return jsonAnswer({});
      default: {
        const chosen = await chooseRevision(snapshot, model, revision);
        if (chosen.is === 'refused') return chosen.answer;
        noted.commit = chosen.revision.id.commit;
        return this.#revisionAnswer(ask, address, found(snapshot, chosen));
      }
    }
  }

  async #revisionAnswer(ask: Ask, address: ModelAddress, found: Found): Promise<Answer> {
    switch (address.route) {
      case 'info':
      case 'revision':
        return this.#models.info(found, address.query);
      case 'tree':
        return this.#models.tree(found, address.path, address.query);
      case 'commits':
        return this.#models.commits(found, address.query);
      case 'paths-info':
        return this.#pathsInfo(ask, found);
      case 'resolve':
      case 'raw':
        return this.#files[address.route]({
          method: ask.method === 'HEAD' ? 'HEAD' : 'GET',
          revision: found.revision,
          path: address.path,
          range: ask.headers.range,
          ifRange: ask.headers['if-range'] as string | undefined,
          signal: ask.signal,
        });
      default:
        throw new Error(`${address.route} is not about a revision`);
    }
  }

  async #pathsInfo(ask: Ask, found: Found): Promise<Answer> {
    if (ask.method !== 'POST') return refuse({ is: 'no such page' });
    const body = await ask.readBody(PATHS_BYTES_MAX);
    if (body === undefined) return refuse({ is: 'body too large' });
    const asked = readAskedPaths(body, ask.headers['content-type']);
    return asked.is === 'refused' ? asked.answer : this.#models.pathsInfo(found, asked);
  }

  /** The state that is believed now; whatever keeps us from knowing, nothing is served. */
  #now(): Snapshot {
    return believing(() => this.#parts.catalog.now());
  }

  /**
   * Why no state is believed, where something went wrong and none is: others read the state for themselves, and what
   * they meet then is no damage of a file and no mistake of ours.
   */
  #unbelief(thrown: unknown): CannotKnow | undefined {
    if (thrown instanceof CannotKnow) return thrown;
    if (isAbort(thrown)) return undefined;
    try {
      this.#now();
      return undefined;
    } catch (error) {
      return error as CannotKnow;
    }
  }

  /** Whether a state is believed now. */
  isReady(): boolean {
    try {
      this.#parts.catalog.now();
      return true;
    } catch {
      return false;
    }
  }
}

/** What is noted on the way, for the log. */
interface Noted {
  readonly address: Address;
  reader: Reader | undefined;
  commit: string | undefined;
}

class CannotKnow extends Error {
  constructor(cause: unknown) {
    super('no state can be believed now', { cause });
  }
}

/** What is read of the state; whatever keeps it from being read is a CannotKnow. */
function believing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new CannotKnow(error);
  }
}

function isAbort(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'AbortError';
}

/** Answers that need no reader: they say nothing of any model. */
function openAnswer({ method, target }: Ask, address: Address): Answer | undefined {
  if (method !== 'GET' && method !== 'HEAD' && !(method === 'POST' && address.route === 'paths-info')) {
    return refuse({ is: 'read-only' });
  }
  switch (address.route) {
    case 'welcome':
      return textAnswer(WELCOME);
    case 'telemetry':
    case 'agent-harnesses':
      return jsonAnswer({});
    case 'none':
      // Said to anybody, so that whoever sends nonsense reads why.
      return address.because === 'unknown' ? undefined : noneAnswer(address, target);
    default:
      return undefined;
  }
}

const WELCOME = `Weighlock: a gateway to the models that were admitted into a private vault.
It speaks the Hugging Face Hub's reading protocol: set HF_ENDPOINT to this address.
`;

function noneAnswer(address: Extract<Address, { readonly route: 'none' }>, target: string): Answer {
  switch (address.because) {
    case 'malformed':
      return refuse({
        is: 'bad request',
        sentence: 'The address is malformed: an escape or a character in it',
      });
    case 'too long':
      return refuse({ is: 'target too long' });
    case 'no model name':
      return refuse({ is: 'no model name' });
    case 'unknown':
      return refuse({ is: /\.git\/|[?&]service=git-/.test(target) ? 'git' : 'no such page' });
  }
}

function found(snapshot: Snapshot, { model, revision }: Extract<Chosen, { readonly is: 'found' }>): Found {
  return { sequence: snapshot.sequence, model, revision };
}

function stranger(address: string): Reader {
  return {
    name: undefined,
    role: 'anonymous',
    mayDownload: false,
    grantedAt: undefined,
    mayRead: () => false,
    countedBy: `address ${address}`,
  };
}

/** Whether bytes of a file are asked for; a HEAD asks for what is known of it. */
function isDownload({ method }: Ask, { route }: ModelAddress): boolean {
  return method === 'GET' && (route === 'resolve' || route === 'raw');
}

/** The Hub's own header, by which its clients pace themselves. */
function counted(answer: Answer, { policy, remaining, resetsInSeconds }: Allowance): Answer {
  const left = `"${policy}";r=${Math.max(0, Math.floor(remaining))};t=${Math.max(0, Math.ceil(resetsInSeconds))}`;
  return { ...answer, headers: { ...answer.headers, RateLimit: left } };
}

/** Answers for what went wrong: the client learns what it can act on, the log the rest. */
function answerTo(error: unknown, requestId: string): Answer {
  if (isAbort(error)) return refuse({ is: 'gone' });
  if (!(error instanceof WeighlockError)) return refuse({ is: 'our mistake', requestId });
  switch (error.code) {
    case 'WL_VAULT_CORRUPT':
    case 'WL_LOG_CORRUPT':
    case 'WL_DIGEST_MISMATCH':
      return refuse({ is: 'damaged' });
    case 'WL_REVOKED':
    case 'WL_NOT_ADMITTED':
      // The state moved on while the answer was made.
      return refuse({ is: 'withdrawn', sentence: error.message });
    case 'WL_INTERNAL':
      return refuse({ is: 'our mistake', requestId });
    default:
      return refuse({ is: 'cannot know', error });
  }
}
