/** What a model is at one commit, as the Hub tells it: parsed, bounded, and believed in nothing that can be checked. */
import { z } from 'zod';
import { parseGitBlobSha1, parseSha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { byPath } from '../base/manifest.ts';
import {
  type Commit,
  isCommit,
  type ModelName,
  parseModelName,
  parseRepoPath,
  refuseClashes,
} from '../base/name.ts';
import type { HubApi } from './hub-api.ts';
import type { HubLimits } from './hub-limits.ts';
import type { DeclaredDigest, SourceFile } from './source.ts';

export interface HubModelInfo {
  readonly model: ModelName;
  readonly commit: Commit;
  readonly repoId?: string;
  readonly license?: string;
  readonly gated: boolean;
  readonly tags: readonly string[];
}

export interface ListingOptions {
  readonly limits: HubLimits;
  readonly signal?: AbortSignal | undefined;
}

const TAGS_MAX = 1000;
const TAG_LENGTH_MAX = 256;

/** Only what is read; a card is free-form and may hold anything. */
const INFO = z.object({
  _id: z.string().min(1).max(64).optional().catch(undefined),
  id: z.string().max(256),
  sha: z.string().max(64),
  gated: z.union([z.boolean(), z.enum(['auto', 'manual'])]).default(false),
  tags: z.array(z.unknown()).default([]).catch([]),
  cardData: z.object({ license: z.unknown() }).optional().catch(undefined),
});

/** Model info at a branch, tag or commit (undefined: the default branch). */
export async function fetchInfo(
  api: HubApi,
  asked: { readonly model: ModelName; readonly revision: string | undefined },
  { limits, signal }: ListingOptions,
): Promise<HubModelInfo> {
  const { model, revision } = asked;
  const at = revision === undefined ? '' : `/revision/${encodeURIComponent(revision)}`;
  const question = { asked: { model, revision: revision ?? 'main' }, bytesMax: limits.infoBytesMax, signal };
  const { value } = await api.json(api.url(`/api/models/${model}${at}`), question);
  return readInfo(value, asked);
}

function readInfo(
  value: unknown,
  { model, revision }: { readonly model: ModelName; readonly revision: string | undefined },
): HubModelInfo {
  const info = parse(INFO, value, `the model info of ${model}`);
  if (!isCommit(info.sha)) throw lies(`${model} has the commit "${info.sha}", which is none`);
  if (revision !== undefined && isCommit(revision) && info.sha !== revision)
    throw lies(`${model} was asked for at ${revision} and answered at ${info.sha}`);
  const license = readLicense(info.cardData?.license, info.tags);
  return {
    model: parseAnsweredName(info.id),
    commit: info.sha,
    gated: info.gated !== false,
    tags: info.tags
      .filter((tag) => typeof tag === 'string' && tag.length <= TAG_LENGTH_MAX)
      .slice(0, TAGS_MAX) as string[],
    ...(info._id === undefined ? {} : { repoId: info._id }),
    ...(license === undefined ? {} : { license }),
  };
}

export interface Latest extends HubModelInfo {
  readonly etag: string | undefined;
}

/** As `fetchInfo`, unless nothing changed since the answer with this ETag. */
export async function fetchLatest(
  api: HubApi,
  asked: { readonly model: ModelName; readonly revision: string; readonly etag: string | undefined },
  { limits, signal }: ListingOptions,
): Promise<Latest | 'unchanged'> {
  const { model, revision, etag } = asked;
  const url = api.url(`/api/models/${model}/revision/${encodeURIComponent(revision)}`);
  const question = { asked: { model, revision }, bytesMax: limits.infoBytesMax, signal };
  const answer = await api.jsonUnless(url, etag, question);
  return answer === 'unchanged' ? answer : { ...readInfo(answer.value, asked), etag: answer.etag };
}

const ENTRY = z.object({
  type: z.enum(['file', 'directory']),
  path: z.string(),
  size: z.int().nonnegative().optional(),
  oid: z.string().max(128).optional(),
  lfs: z.object({ oid: z.string().max(128), size: z.int().nonnegative() }).optional(),
});

/** Every file at the commit, sorted; throws WL_PATH_REFUSED, WL_SOURCE_LIES or WL_LIMIT for a listing that is unfit. */
export async function fetchFiles(
  api: HubApi,
  { model, commit }: { readonly model: ModelName; readonly commit: Commit },
  { limits, signal }: ListingOptions,
): Promise<readonly SourceFile[]> {
  const files: SourceFile[] = [];
  const question = { asked: { model, revision: commit }, bytesMax: limits.pageBytesMax, signal };
  let url: URL | undefined = api.url(`/api/models/${model}/tree/${commit}?recursive=true`);
  for (let pages = 0, entries = 0; url !== undefined; pages++) {
    if (pages >= limits.pagesMax) throw tooMuch(model, `${limits.pagesMax} pages`);
    const { value, next } = await api.json(url, question);
    const page = parse(z.array(z.unknown()), value, `the tree of ${model}`);
    entries += page.length;
    if (entries > limits.entriesMax) throw tooMuch(model, `${limits.entriesMax} entries`);
    for (const item of page) {
      const entry = parse(ENTRY, item, `an entry of the tree of ${model}`);
      if (entry.type === 'file') files.push(readEntry(entry));
    }
    url = next;
  }
  refuseClashes(files.map(({ path }) => path));
  return files.sort(byPath);
}

function readEntry(entry: z.infer<typeof ENTRY>): SourceFile {
  const path = parseRepoPath(entry.path);
  if (entry.size === undefined) throw lies(`${path} is listed without a size`);
  if (entry.lfs && entry.lfs.size !== entry.size) throw lies(`${path} is listed with two sizes`);
  return { path, sizeBytes: entry.size, declared: readDigest(entry) };
}

/** The git name of an LFS file is its pointer's, so the LFS digest comes first. */
function readDigest({ path, oid, lfs }: z.infer<typeof ENTRY>): DeclaredDigest {
  if (lfs) {
    const digest = parseSha256(lfs.oid);
    if (digest) return { kind: 'lfs-sha256', digest };
  } else {
    const digest = parseGitBlobSha1(oid ?? '');
    if (digest) return { kind: 'git-blob-sha1', digest };
  }
  throw lies(`${path} is listed without a digest that could be checked`);
}

function parseAnsweredName(id: string): ModelName {
  try {
    return parseModelName(id);
  } catch (cause) {
    throw new WeighlockError('WL_SOURCE_LIES', `the source names the model "${id}"`, { cause });
  }
}

/** The card's licence id, or the tag that the Hub makes of it; several or malformed ones count as none. */
function readLicense(card: unknown, tags: readonly unknown[]): string | undefined {
  const tag = tags.find((candidate) => typeof candidate === 'string' && candidate.startsWith('license:'));
  const one = Array.isArray(card) && card.length === 1 ? card[0] : card;
  const text =
    typeof one === 'string' ? one : card === undefined && typeof tag === 'string' ? tag.slice(8) : '';
  const license = text.toLowerCase();
  return /^[a-z0-9][a-z0-9.+-]{0,63}$/.test(license) ? license : undefined;
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw lies(`${what} is not as the protocol has it: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

function tooMuch(model: ModelName, what: string): WeighlockError {
  return new WeighlockError('WL_LIMIT', `the tree of ${model} has more than ${what}`);
}

function lies(message: string): WeighlockError {
  return new WeighlockError('WL_SOURCE_LIES', message);
}
