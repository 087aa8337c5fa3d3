/** What the Hub says about the publisher and of its own scans: evidence, best effort, never a reason to fail. */
import { z } from 'zod';
import type { Commit, ModelName } from '../base/name.ts';
import type { HubApi } from './hub-api.ts';
import type { ListingOptions } from './hub-listing.ts';
import type { Publisher, SourceFile, SourceRevision } from './source.ts';

/** Without a piece of evidence a rule that needs it holds, which a person can resolve: no reason to wait minutes. */
const EVIDENCE_PATIENCE = { attemptsMax: 2, hintMsMax: 10_000 };

const OVERVIEW_BYTES_MAX = 2 ** 20;

const OVERVIEW = z.object({
  _id: z.string().max(64).optional().catch(undefined),
  isVerified: z.boolean().optional().catch(undefined),
  plan: z.string().max(64).optional().catch(undefined),
  numFollowers: z.int().nonnegative().optional().catch(undefined),
});

/** Whoever owns the namespace; undefined for a legacy name that has none. */
export async function fetchPublisher(
  api: HubApi,
  model: ModelName,
  { signal }: ListingOptions,
): Promise<Publisher | undefined> {
  const [name, rest] = model.split('/');
  if (name === undefined || rest === undefined) return undefined;
  for (const [folder, kind] of [
    ['organizations', 'organisation'],
    ['users', 'user'],
  ] as const) {
    const overview = await evidence(api, `/api/${folder}/${name}/overview`, {
      model,
      bytesMax: OVERVIEW_BYTES_MAX,
      signal,
    });
    const parsed = OVERVIEW.safeParse(overview?.value);
    if (!parsed.success) continue;
    const { _id, isVerified, plan, numFollowers } = parsed.data;
    return {
      name,
      kind,
      ...(_id === undefined ? {} : { id: _id }),
      ...(isVerified === undefined ? {} : { verified: isVerified }),
      ...(plan === undefined ? {} : { plan }),
      ...(numFollowers === undefined ? {} : { followers: numFollowers }),
    };
  }
  return { name, kind: 'unknown' };
}

const COMMITS = z
  .array(
    z.object({
      id: z.string().max(64),
      authors: z
        .array(z.object({ user: z.string().max(256).optional().catch(undefined) }))
        .max(100)
        .catch([]),
    }),
  )
  .max(1000);

/** Commits that are asked for: who made what was added since the latest on record must be among them. */
const COMMITS_LISTED = 100;

/** The commit and those before it, with who made them, the latest first; undefined where the Hub does not say. */
export async function fetchHistory(
  api: HubApi,
  { model, commit }: { readonly model: ModelName; readonly commit: Commit },
  { limits, signal }: ListingOptions,
): Promise<SourceRevision['history']> {
  const answer = await evidence(api, `/api/models/${model}/commits/${commit}?limit=${COMMITS_LISTED}`, {
    model,
    bytesMax: limits.pageBytesMax,
    signal,
  });
  const parsed = COMMITS.safeParse(answer?.value);
  if (!parsed.success || parsed.data[0]?.id !== commit) return undefined;
  return {
    isWhole: answer?.next === undefined,
    commits: parsed.data.map(({ id, authors }) => ({
      id,
      // One of several whom the Hub does not name is somebody whom nobody knows.
      authors: authors.every(({ user }) => user) ? authors.map(({ user }) => user ?? '') : [],
    })),
  };
}

type HubScan = NonNullable<SourceRevision['hubScan']>;

const SCANNED = z.object({
  type: z.string(),
  path: z.string().max(4096),
  securityFileStatus: z
    .looseObject({ status: z.string().max(32) })
    .optional()
    .catch(undefined),
});

/** Statuses that speak against a file; all others but `safe` say that nothing is known (yet). */
const AGAINST: ReadonlySet<string> = new Set(['unsafe', 'suspicious', 'caution']);

/** Files that are not safe whose raw status is kept, and the bytes that each may take. */
const RAW_FILES_MAX = 64;
const RAW_FILE_BYTES_MAX = 4096;

/**
 * The Hub's scan status of every file at the commit, from the expanded tree. `safe` only where each file of the
 * manifest was said to be safe: unscanned, queued, failed and unmentioned files are not.
 */
export async function fetchHubScan(
  api: HubApi,
  {
    model,
    commit,
    files,
  }: { readonly model: ModelName; readonly commit: Commit; readonly files: readonly SourceFile[] },
  { limits, signal }: ListingOptions,
): Promise<HubScan | undefined> {
  const statuses = new Map<string, string>();
  const notSafe: unknown[] = [];
  let path: string | undefined = `/api/models/${model}/tree/${commit}?recursive=true&expand=true`;
  for (let pages = 0; path !== undefined && pages < limits.scanPagesMax; pages++) {
    const page = await evidence(api, path, { model, bytesMax: limits.pageBytesMax, signal });
    const parsed = z.array(z.unknown()).safeParse(page?.value);
    if (!parsed.success) break;
    for (const item of parsed.data) {
      const entry = SCANNED.safeParse(item);
      if (!entry.success || entry.data.type !== 'file' || !entry.data.securityFileStatus) continue;
      const { securityFileStatus, path: file } = entry.data;
      statuses.set(file, securityFileStatus.status);
      if (securityFileStatus.status !== 'safe' && notSafe.length < RAW_FILES_MAX)
        notSafe.push({ path: file, securityFileStatus: bounded(securityFileStatus) });
    }
    path = page?.next && page.next.pathname + page.next.search;
  }
  if (statuses.size === 0) return fetchRepoScan(api, model, { limits, signal });
  const all = [...statuses.values()];
  const unsafe = all.some((status) => AGAINST.has(status));
  const safe = all.every((status) => status === 'safe') && files.every((file) => statuses.has(file.path));
  return {
    status: unsafe ? 'unsafe' : safe ? 'safe' : 'unknown',
    safeFiles: all.filter((status) => status === 'safe').length,
    raw: { scannedFiles: statuses.size, notSafe },
  };
}

const REPO_SCAN = z.object({
  scansDone: z.boolean(),
  filesWithIssues: z.array(z.object({ path: z.string().max(4096), level: z.string().max(32) })).max(10_000),
});

/**
 * The status of the repo as a whole. It is about the default branch, not about the commit at hand: it can speak
 * against a model, but never for one.
 */
async function fetchRepoScan(
  api: HubApi,
  model: ModelName,
  { limits, signal }: ListingOptions,
): Promise<HubScan | undefined> {
  const answer = await evidence(api, `/api/models/${model}/scan`, {
    model,
    bytesMax: limits.pageBytesMax,
    signal,
  });
  const parsed = REPO_SCAN.safeParse(answer?.value);
  if (!parsed.success) return undefined;
  const { scansDone, filesWithIssues } = parsed.data;
  const unsafe = filesWithIssues.some(({ level }) => AGAINST.has(level));
  const raw = { scansDone, filesWithIssues: filesWithIssues.slice(0, RAW_FILES_MAX) };
  return { status: unsafe ? 'unsafe' : 'unknown', raw };
}

function bounded(status: Readonly<Record<string, unknown>> & { readonly status: string }): unknown {
  return JSON.stringify(status).length <= RAW_FILE_BYTES_MAX ? status : { status: status.status };
}

interface EvidenceQuestion {
  readonly model: ModelName;
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

/** The answer, or undefined where there is none for whatever reason; only an abort gets through. */
export async function evidence(api: HubApi, path: string, { model, bytesMax, signal }: EvidenceQuestion) {
  const question = {
    asked: { model, revision: 'main' },
    bytesMax,
    signal,
    patience: EVIDENCE_PATIENCE,
  };
  try {
    return await api.json(api.url(path), question);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}
