/**
 * Refusals: one table from what is wrong to the answer that makes each client say so.
 *
 * The headers matter more than the body. `GatedRepo` is the one code whose message every client shows; but on it, as on
 * any 403, huggingface_hub falls back to what it has cached, so that what *was* served and no longer is answers
 * `RevisionNotFound`, which is the one that raises.
 */
import { crc32 } from 'node:zlib';
import { ERRORS, printable, WeighlockError } from '../base/errors.ts';
import { type Answer, bytesBody, type Headers, headerText } from './answer.ts';

/** What can be wrong, and what the answer must know of it. */
interface Situations {
  'no token': object;
  'unknown token': object;
  'not for this token': { readonly model: string };
  'not for downloads': object;
  'not admitted': { readonly model: string };
  /** As 'not admitted', for the one question that asks whether a model exists. */
  'no such model': { readonly model: string };
  /** On record, and never published: the sentence says why. */
  withheld: { readonly sentence: string };
  /** Was published and is no longer: the sentence says why. */
  withdrawn: { readonly sentence: string };
  'no such revision': { readonly sentence: string };
  'no such file': { readonly commit: string; readonly path: string | undefined };
  'no such folder': { readonly commit: string; readonly path: string | undefined };
  'no model name': object;
  'another repo type': { readonly type: 'datasets' | 'spaces' };
  'not reported': { readonly sentence: string };
  'no such page': object;
  git: object;
  'read-only': object;
  'bad request': { readonly sentence: string };
  'target too long': object;
  'body too large': object;
  'too many requests': { readonly seconds: number };
  'cannot know': { readonly error: unknown };
  damaged: object;
  /** The client did not wait; only the log reads this. */
  gone: object;
  'our mistake': { readonly requestId: string };
}

export type Situation = { [Is in keyof Situations]: { readonly is: Is } & Situations[Is] }[keyof Situations];

interface Entry {
  readonly status: number;
  readonly code?: 'GatedRepo' | 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound';
  readonly message: string;
  readonly headers?: Headers;
}

/** How soon a client may ask again where the vault cannot be believed or reached: a change is seen within this time. */
const RETRY_SECONDS = 5;

const TOKEN_FROM = 'set HF_TOKEN to one made by `weighlock access grant`';

const TABLE: { readonly [Is in keyof Situations]: (situation: Situations[Is]) => Entry } = {
  'no token': () => ({
    status: 401,
    code: 'GatedRepo',
    message: `This gateway asks for a token: ${TOKEN_FROM}`,
    headers: { 'WWW-Authenticate': 'Bearer' },
  }),
  'unknown token': () => ({
    status: 401,
    code: 'GatedRepo',
    message: `This gateway does not know the token, or it has expired or was revoked: ${TOKEN_FROM}`,
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  }),
  'not for this token': ({ model }) => ({
    status: 403,
    code: 'GatedRepo',
    message: `The token does not cover ${model}: ask whoever gives access to this gateway`,
  }),
  'not for downloads': () => ({
    status: 403,
    code: 'GatedRepo',
    message: 'The token is for looking at what is admitted, not for downloading it',
  }),
  'not admitted': ({ model }) => ({ status: 403, code: 'GatedRepo', message: notAdmitted(model) }),
  'no such model': ({ model }) => ({ status: 404, code: 'RepoNotFound', message: notAdmitted(model) }),
  withheld: ({ sentence }) => ({ status: 403, code: 'GatedRepo', message: sentence }),
  withdrawn: ({ sentence }) => ({ status: 404, code: 'RevisionNotFound', message: sentence }),
  'no such revision': ({ sentence }) => ({ status: 404, code: 'RevisionNotFound', message: sentence }),
  'no such file': ({ commit, path }) => ({
    status: 404,
    code: 'EntryNotFound',
    message: `${path === undefined ? 'A path of this form' : JSON.stringify(path)} is not in this revision as it was admitted`,
    headers: { 'X-Repo-Commit': commit },
  }),
  'no such folder': ({ commit, path }) => ({
    status: 404,
    code: 'EntryNotFound',
    message: `${path === undefined ? 'A path of this form' : JSON.stringify(path)} is no folder of this revision as it was admitted`,
    headers: { 'X-Repo-Commit': commit },
  }),
  'no model name': () => ({ status: 404, code: 'RepoNotFound', message: 'This is not the name of a model' }),
  'another repo type': ({ type }) => ({
    status: 404,
    code: 'RepoNotFound',
    message: `This gateway serves models; it has no ${type}`,
  }),
  'not reported': ({ sentence }) => ({ status: 404, message: sentence }),
  'no such page': () => ({ status: 404, message: 'This gateway has no such page' }),
  git: () => ({ status: 404, message: 'This gateway does not speak git: use `hf download`' }),
  'read-only': () => ({
    status: 405,
    message: 'This gateway is read-only: models come in by `weighlock admit`',
    headers: { Allow: 'GET, HEAD' },
  }),
  'bad request': ({ sentence }) => ({ status: 400, message: sentence }),
  'target too long': () => ({ status: 414, message: 'The address is longer than this gateway reads' }),
  'body too large': () => ({ status: 413, message: 'The request is larger than this gateway reads' }),
  'too many requests': ({ seconds }) => ({
    status: 429,
    message: `Too many requests: try again in ${seconds} seconds`,
    headers: { 'Retry-After': String(seconds) },
  }),
  'cannot know': ({ error }) => ({
    status: 503,
    message: `This gateway cannot know now what is admitted, and serves nothing: ${reasonOf(error)}`,
    headers: { 'Retry-After': String(RETRY_SECONDS) },
  }),
  damaged: () => ({
    status: 502,
    message:
      'The vault does not hold what was admitted, so nothing of it is served: ' +
      'whoever runs the vault should run `weighlock verify`',
  }),
  gone: () => ({ status: 499, message: 'The client is gone' }),
  'our mistake': ({ requestId }) => ({
    status: 500,
    message: `Weighlock made a mistake; its log says more under ${requestId}`,
  }),
};

export function refuse(situation: Situation): Answer {
  const { status, code, message, headers } = TABLE[situation.is](situation as never);
  const text = printable(message);
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      ...(code === undefined ? {} : { 'X-Error-Code': code }),
      'X-Error-Message': headerText(text),
      // Newer clients replace the message of some codes by words of their own, and print this: once for each topic.
      ...(code === undefined ? {} : { 'X-HF-Warning': `refused ${topicOf(text)}; ${headerText(text)}` }),
      ...headers,
    },
    body: bytesBody(Buffer.from(JSON.stringify({ error: text }))),
  };
}

function notAdmitted(model: string): string {
  return `${model} is not admitted here. Ask for it: \`weighlock admit ${model}\``;
}

/** The same for the same message only. */
function topicOf(text: string): string {
  return crc32(text).toString(16);
}

/** What a reader may learn of the cause: the table's sentence, never a message that names buckets and hosts. */
function reasonOf(error: unknown): string {
  if (!(error instanceof WeighlockError)) return 'the vault cannot be read';
  return `${ERRORS[error.code].when} (${error.code})`;
}
