/** The stand-in's answers about a model that the caller may read: info, trees, refs, commits, and files. */
import { createHash } from 'node:crypto';
import { sendBody } from './body.ts';
import type { SignedPlace } from './cdn.ts';
import { type Identity, identityOf } from './content.ts';
import type { FaultPlace, Faults } from './fault.ts';
import type { Organisation, Repo, RepoCommit, StandInFile, StandInToken } from './model.ts';
import { type Exchange, faultyHeaders, send, sendError, sendFault, sendJson } from './reply.ts';
import { listedItem, listTree, treeItem } from './tree.ts';

export interface ApiContext {
  readonly repos: ReadonlyMap<string, Repo>;
  readonly faults: Faults;
  readonly tokens?: readonly StandInToken[];
  readonly organisations?: readonly Organisation[];
  readonly users?: readonly string[];
  readonly pageEntriesMax?: number;
  readonly resolveCache?: boolean;
  readonly cdnUrl: (place: SignedPlace) => string;
}

interface FilePlace {
  readonly model: string;
  readonly commit: RepoCommit;
  readonly path: string;
}

/** The Hub's page sizes: 1000 entries of a tree, 100 where each is expanded. */
const PAGE_ENTRIES = 1000;
const PAGE_ENTRIES_EXPANDED = 100;
const COMMITS_A_PAGE = 50;
const COMMITS_A_PAGE_MAX = 100;

/** Largest form or JSON that `paths-info` reads. */
const FORM_BYTES_MAX = 1 << 20;

export class AnswerTo {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** `/api/models?author=…`: every public model in one page. */
  search(exchange: Exchange): void {
    const author = exchange.url.searchParams.get('author');
    const found = [...this.#context.repos.values()].filter(
      ({ declared }) => !declared.private && (author === null || declared.id.startsWith(`${author}/`)),
    );
    const items = found.map(({ declared, repoId }) => ({
      _id: repoId,
      id: declared.id,
      modelId: declared.id,
      likes: 0,
      private: false,
      downloads: 0,
      tags: declared.tags ?? [],
    }));
    sendJson(exchange, items);
  }

  async info(exchange: Exchange, repo: Repo, commit: RepoCommit): Promise<void> {
    const { declared, repoId } = repo;
    const query = exchange.url.searchParams;
    const blobs = query.get('blobs') === 'true' || query.get('blobs') === 'True';
    const siblings = await Promise.all(commit.files.map((file) => sibling(file, blobs)));
    const info = {
      _id: repoId,
      id: declared.id,
      modelId: declared.id,
      author: declared.id.includes('/') ? declared.id.split('/')[0] : undefined,
      sha: commit.id,
      lastModified: commit.date,
      createdAt: repo.commits[0]?.date ?? commit.date,
      private: declared.private ?? false,
      disabled: false,
      gated: declared.gated ?? false,
      downloads: 0,
      likes: 0,
      tags: declared.tags ?? [],
      cardData: declared.cardData,
      ...(query.get('securityStatus') ? { securityRepoStatus: scanOf(commit) } : {}),
      siblings,
    };
    // Whoever expands gets what was named and the identity, nothing else.
    const named = query.getAll('expand');
    const isNamed = ([key]: [string, unknown]) => key === '_id' || key === 'id' || named.includes(key);
    const answered = named.length === 0 ? info : Object.fromEntries(Object.entries(info).filter(isNamed));
    const etag = `W/"${createHash('sha1').update(JSON.stringify(answered)).digest('hex')}"`;
    if (exchange.request.headers['if-none-match'] === etag && this.#context.faults.quiet('model'))
      return send(exchange, 304, { ETag: etag }, Buffer.alloc(0));
    this.#json(exchange, 'model', answered, { ETag: etag });
  }

  async tree(exchange: Exchange, commit: RepoCommit, folder: string): Promise<void> {
    const { url } = exchange;
    const isSet = (name: string) => /^(?:true|1)$/i.test(url.searchParams.get(name) ?? '');
    const expand = isSet('expand');
    const listed = listTree(commit, folder, isSet('recursive'));
    if (listed.length === 0 && folder !== '')
      return sendError(exchange, 404, 'EntryNotFound', `${folder} does not exist on "${commit.id}"`);
    const asked = Number(url.searchParams.get('limit') ?? Number.POSITIVE_INFINITY);
    const whole = expand ? PAGE_ENTRIES_EXPANDED : PAGE_ENTRIES;
    const limit = Math.max(1, Math.min(asked || whole, this.#context.pageEntriesMax ?? whole, whole));
    const start = Number(Buffer.from(url.searchParams.get('cursor') ?? '', 'base64url').toString() || 0);
    const page = listed.slice(start, start + limit);
    const items = await Promise.all(page.map((entry) => listedItem(commit, entry, expand)));
    const headers: Record<string, string> = {};
    if (start + limit < listed.length) {
      const next = new URL(url);
      next.searchParams.set('cursor', Buffer.from(String(start + limit)).toString('base64url'));
      headers.Link = `<${next.href}>; rel="next"`;
    }
    this.#json(exchange, 'tree', items, headers);
  }

  async pathsInfo(exchange: Exchange, commit: RepoCommit): Promise<void> {
    const { paths, expand } = await readPaths(exchange);
    const files = commit.files.filter(({ path }) => paths.includes(path));
    sendJson(exchange, await Promise.all(files.map((file) => treeItem(commit, file, expand))));
  }

  commits(exchange: Exchange, repo: Repo, head: RepoCommit): void {
    const upTo = repo.commits.slice(0, repo.commits.indexOf(head) + 1).reverse();
    const { searchParams } = exchange.url;
    const limit = Math.min(Number(searchParams.get('limit')) || COMMITS_A_PAGE, COMMITS_A_PAGE_MAX);
    const start = (Number(searchParams.get('p')) || 0) * limit;
    const headers: Record<string, string> = {};
    if (start + limit < upTo.length) {
      const next = new URL(exchange.url);
      next.searchParams.set('p', String(start / limit + 1));
      headers.Link = `<${next.href}>; rel="next"`;
    }
    sendJson(
      exchange,
      upTo.slice(start, start + limit).map(({ id, title, date, author }) => ({
        id,
        title,
        message: '',
        date,
        authors: [author].flat().map((user) => ({ user, avatar: '/avatars/stand-in.svg' })),
      })),
    );
  }

  refs(exchange: Exchange, repo: Repo): void {
    const all = [...repo.refs].map(([ref, targetCommit]) => ({
      name: ref.split('/').slice(2).join('/'),
      ref,
      targetCommit,
    }));
    const below = (prefix: string) => all.filter(({ ref }) => ref.startsWith(prefix));
    const pullRequests = exchange.url.searchParams.get('include_prs')
      ? { pullRequests: below('refs/pr/') }
      : {};
    sendJson(exchange, {
      branches: below('refs/heads/'),
      tags: below('refs/tags/'),
      converts: [],
      ...pullRequests,
    });
  }

  discussions(exchange: Exchange, { declared }: Repo): void {
    const discussions = (declared.discussions ?? []).map(({ title, status = 'open' }, index) => ({
      num: index + 1,
      title,
      status,
      isPullRequest: false,
      author: { name: 'stand-in' },
      createdAt: '2026-01-01T00:00:00.000Z',
    }));
    sendJson(exchange, { discussions, count: discussions.length, start: 0 });
  }

  scan(exchange: Exchange, repo: Repo): void {
    const head = repo.commits.find(({ id }) => id === repo.refs.get('refs/heads/main'));
    this.#json(exchange, 'scan', head ? scanOf(head) : { scansDone: false, filesWithIssues: [] });
  }

  /** `/resolve/`: small files at once (or through the cache's redirect), large ones by a redirect to the CDN. */
  async resolve(exchange: Exchange, place: FilePlace): Promise<void> {
    const file = this.#file(exchange, place);
    if (!file) return;
    const fault = this.#context.faults.strike('resolve', place.path);
    if (sendFault(exchange, fault)) return;
    const identity = await identityOf(file);
    const headers = resolveHeaders(place.commit, identity);
    const { model, commit, path } = place;
    if (identity.kind === 'lfs') {
      const location = this.#context.cdnUrl({ model, commit: commit.id, path });
      const redirect = faultyHeaders({ ...headers, Location: location, Vary: 'Origin, Accept' }, fault);
      return send(exchange, 302, redirect, Buffer.from(`Found. Redirecting to ${location}`));
    }
    if (this.#context.resolveCache) {
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      const location = `/api/resolve-cache/models/${model}/${commit.id}/${encoded}`;
      return send(
        exchange,
        307,
        faultyHeaders({ ...headers, Location: location }, fault),
        Buffer.from('Temporary Redirect'),
      );
    }
    const bodyFault = this.#context.faults.strike('body', path);
    await sendBody(exchange, file, { headers: faultyHeaders(headers, fault), fault: bodyFault });
  }

  async cached(exchange: Exchange, place: FilePlace): Promise<void> {
    const file = this.#file(exchange, place);
    if (!file) return;
    const fault = this.#context.faults.strike('body', place.path);
    await sendBody(exchange, file, { headers: resolveHeaders(place.commit, await identityOf(file)), fault });
  }

  /** `/raw/`: what git holds, which for a large file is its pointer. */
  async raw(exchange: Exchange, place: FilePlace): Promise<void> {
    const file = this.#file(exchange, place);
    if (!file) return;
    const identity = await identityOf(file);
    const headers = { 'X-Repo-Commit': place.commit.id, ETag: `"${identity.oid}"` };
    if (identity.kind === 'lfs')
      return send(exchange, 200, { ...headers, 'Content-Type': 'text/plain' }, Buffer.from(identity.pointer));
    await sendBody(exchange, file, { headers, fault: undefined });
  }

  #file(exchange: Exchange, { commit, path }: FilePlace): StandInFile | undefined {
    const file = commit.files.find((candidate) => candidate.path === path);
    if (file) return file;
    exchange.response.setHeader('X-Repo-Commit', commit.id);
    sendError(exchange, 404, 'EntryNotFound', 'Entry not found');
    return undefined;
  }

  #json(exchange: Exchange, at: FaultPlace, value: unknown, headers: Record<string, string> = {}): void {
    const fault = this.#context.faults.strike(at);
    if (sendFault(exchange, fault)) return;
    sendJson(exchange, fault?.kind === 'json' ? fault.change(value) : value, faultyHeaders(headers, fault));
  }
}

function resolveHeaders(commit: RepoCommit, identity: Identity): Record<string, string> {
  const etag = `"${identity.kind === 'lfs' ? identity.sha256 : identity.oid}"`;
  return {
    'X-Repo-Commit': commit.id,
    'Accept-Ranges': 'bytes',
    'X-Linked-Size': String(identity.sizeBytes),
    'X-Linked-ETag': etag,
    ETag: etag,
  };
}

async function sibling(file: StandInFile, blobs: boolean): Promise<unknown> {
  if (!blobs) return { rfilename: file.path };
  const identity = await identityOf(file);
  const plain = { rfilename: file.path, size: identity.sizeBytes, blobId: identity.oid };
  if (identity.kind === 'git') return plain;
  const { sha256, sizeBytes: size, pointer } = identity;
  return { ...plain, lfs: { sha256, size, pointerSize: pointer.length } };
}

function scanOf(commit: RepoCommit): unknown {
  const statuses = commit.files.map(({ path, scan = 'safe' }) => ({ path, level: scan }));
  return {
    scansDone: statuses.every(({ level }) => level !== 'queued' && level !== 'unscanned'),
    filesWithIssues: statuses.filter(({ level }) => ['unsafe', 'suspicious', 'caution'].includes(level)),
  };
}

/** Python sends a form, JavaScript sends JSON. */
async function readPaths(exchange: Exchange): Promise<{ paths: readonly string[]; expand: boolean }> {
  let body = '';
  for await (const chunk of exchange.request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > FORM_BYTES_MAX) throw new Error('the form is too large');
  }
  if (exchange.request.headers['content-type']?.startsWith('application/json')) {
    const { paths, expand } = JSON.parse(body);
    return { paths: Array.isArray(paths) ? paths : [paths], expand: expand === true };
  }
  const form = new URLSearchParams(body);
  return { paths: form.getAll('paths'), expand: /^true$/i.test(form.get('expand') ?? '') };
}
