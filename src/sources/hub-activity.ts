/**
 * What goes on around a model at the Hub: commits since the one at hand, discussions, how much it is used. Evidence, best
 * effort: what the Hub does not say is undefined, and nobody fails for it.
 */
import { z } from 'zod';
import type { Commit, ModelName } from '../base/name.ts';
import type { HubApi } from './hub-api.ts';
import { evidence } from './hub-evidence.ts';
import type { ListingOptions } from './hub-listing.ts';

export interface HubActivity {
  /** When the commit at hand was made. */
  readonly committedAt?: string | undefined;
  /** Commits of the default branch that came after it; `unknown` where it is not among the latest. */
  readonly behind: number | 'unknown';
  readonly latest?: { readonly commit: string; readonly at: string; readonly title: string };
  /** Commits of the default branch in the last 90 days, and who made them. */
  readonly recentCommits?: number | undefined;
  readonly authors?: number | undefined;
  readonly discussions?: {
    readonly open: number;
    readonly all: number;
    readonly security: readonly string[];
  };
  readonly downloads?: number | undefined;
  readonly likes?: number | undefined;
  readonly createdAt?: string | undefined;
}

/** Pages of commits that are looked through for the one at hand: a thousand commits. */
const COMMIT_PAGES_MAX = 10;
const COMMITS_A_PAGE = 100;
const RECENT_MS = 90 * 86_400_000;
const TITLE_CHARS_MAX = 200;
const SECURITY_TITLES_MAX = 10;

/** Titles under which reports of security are opened: the Hub has no label for them. */
const SECURITY =
  /\b(security|malware|malicious|backdoor|trojan|vulnerab\w*|exploit|hijack\w*|compromised|CVE-\d{4})/i;

const COMMITS = z.array(
  z.object({
    id: z.string().max(64),
    title: z.string().catch(''),
    date: z.string().max(64),
    authors: z.array(z.object({ user: z.string().optional().catch(undefined) })).catch([]),
  }),
);

const DISCUSSIONS = z.object({
  count: z.int().nonnegative().optional().catch(undefined),
  discussions: z.array(z.object({ title: z.string().catch(''), status: z.string().catch('') })).max(1000),
});

const USE = z.object({
  downloads: z.int().nonnegative().optional().catch(undefined),
  likes: z.int().nonnegative().optional().catch(undefined),
  createdAt: z.string().max(64).optional().catch(undefined),
});

type Commits = z.infer<typeof COMMITS>;

/** `now` in milliseconds. */
export async function fetchActivity(
  api: HubApi,
  at: { readonly model: ModelName; readonly commit: Commit; readonly now: number },
  options: ListingOptions,
): Promise<HubActivity> {
  const [commits, discussions, use] = await Promise.all([
    fetchCommits(api, at, options),
    fetchDiscussions(api, at.model, options),
    fetchUse(api, at.model, options),
  ]);
  return { ...commitsAround(commits, at), ...(discussions && { discussions }), ...use };
}

async function fetchCommits(
  api: HubApi,
  { model, commit }: { readonly model: ModelName; readonly commit: Commit },
  { limits, signal }: ListingOptions,
): Promise<Commits> {
  const found: Commits = [];
  let path: string | undefined = `/api/models/${model}/commits/main?limit=${COMMITS_A_PAGE}`;
  for (let pages = 0; path !== undefined && pages < COMMIT_PAGES_MAX; pages++) {
    const page = await evidence(api, path, { model, bytesMax: limits.pageBytesMax, signal });
    const parsed = COMMITS.safeParse(page?.value);
    if (!parsed.success) break;
    found.push(...parsed.data);
    if (found.some(({ id }) => id === commit)) break;
    path = page?.next && page.next.pathname + page.next.search;
  }
  return found;
}

function commitsAround(
  commits: Commits,
  { commit, now }: { readonly commit: Commit; readonly now: number },
): HubActivity {
  const index = commits.findIndex(({ id }) => id === commit);
  const [latest] = commits;
  const recent = commits.filter(({ date }) => now - Date.parse(date) <= RECENT_MS);
  const users = new Set(commits.flatMap(({ authors }) => authors.flatMap(({ user }) => user ?? [])));
  return {
    behind: index === -1 ? 'unknown' : index,
    ...(index !== -1 && { committedAt: commits[index]?.date }),
    ...(latest && {
      latest: { commit: latest.id, at: latest.date, title: latest.title.slice(0, TITLE_CHARS_MAX) },
      recentCommits: recent.length,
      authors: users.size,
    }),
  };
}

async function fetchDiscussions(
  api: HubApi,
  model: ModelName,
  { limits, signal }: ListingOptions,
): Promise<HubActivity['discussions']> {
  const answer = await evidence(api, `/api/models/${model}/discussions?p=0`, {
    model,
    bytesMax: limits.pageBytesMax,
    signal,
  });
  const parsed = DISCUSSIONS.safeParse(answer?.value);
  if (!parsed.success) return undefined;
  const { discussions, count } = parsed.data;
  return {
    open: discussions.filter(({ status }) => status === 'open').length,
    all: count ?? discussions.length,
    security: discussions
      .filter(({ title }) => SECURITY.test(title))
      .slice(0, SECURITY_TITLES_MAX)
      .map(({ title }) => title.slice(0, TITLE_CHARS_MAX)),
  };
}

async function fetchUse(
  api: HubApi,
  model: ModelName,
  { limits, signal }: ListingOptions,
): Promise<z.infer<typeof USE>> {
  const answer = await evidence(api, `/api/models/${model}`, {
    model,
    bytesMax: limits.infoBytesMax,
    signal,
  });
  const parsed = USE.safeParse(answer?.value);
  return parsed.success ? parsed.data : {};
}
