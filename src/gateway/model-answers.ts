/** Model answers: info, trees, refs and commits of a published revision, in the shapes that the Hub's clients read. */
import type { Commit } from '../base/name.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import type { CatalogModel, ServedFile, ServedRevision } from './catalog.ts';
import { MAIN_CHANNEL, mainCommit, publishedCommits } from './chosen-revision.ts';
import { identityOf } from './file-identity.ts';
import { type Folder, type TreeEntry, treeOf } from './file-tree.ts';
import { commitFields, expanded, modelFields, titleOf, warningHeaders } from './model-fields.ts';
import { BAD_PAGE, nextPage, type PageAsked, readPage } from './page.ts';
import type { Query } from './query.ts';
import { refuse } from './refusal.ts';
import type { RenderedAnswers } from './rendered-answers.ts';

/** A published revision, and the state in which it is one. */
export interface Found {
  readonly sequence: number;
  readonly model: CatalogModel;
  readonly revision: ServedRevision;
}

/**
 * Entries of a tree in one page. The Hub gives 1000, or 100 with `expand`; llama.cpp reads the first page alone and
 * would not see the rest. Ten thousand entries are about 2 MB of JSON and hold all but a handful of repos.
 */
const TREE_ENTRIES = 10_000;

/** Commits in one page: nobody asks for fewer pages, and each is 150 bytes. */
const COMMITS = 1000;

export class ModelAnswers {
  readonly #publicUrl: string;
  readonly #rendered: RenderedAnswers;

  constructor(options: { readonly publicUrl: string; readonly rendered: RenderedAnswers }) {
    this.#publicUrl = options.publicUrl;
    this.#rendered = options.rendered;
  }

  /** `GET /api/models/<name>[/revision/<revision>]` */
  info({ sequence, model, revision }: Found, query: Query): Answer {
    const named = query.all('expand');
    const siblings = query.isSet('blobs') ? 'blobs' : 'names';
    const render = () =>
      jsonAnswer(expanded(modelFields(model, revision, siblings), named), warningHeaders(revision));
    if (revision.passing) return render();
    return this.#rendered.answer(keyOf('info', { sequence, revision }, siblings, ...named), render);
  }

  /** `GET …/tree/<revision>[/<folder>]` */
  tree(found: Found, folder: string | undefined, query: Query): Answer {
    const { sequence, model, revision } = found;
    const page = readPage(query, { limit: TREE_ENTRIES, limitMax: TREE_ENTRIES });
    const start = page === undefined ? undefined : startOf(page);
    if (page === undefined || start === undefined) return refuse({ is: 'bad request', sentence: BAD_PAGE });
    if (folder === undefined || treeOf(revision).folder(folder) === undefined) {
      return refuse({ is: 'no such folder', commit: revision.id.commit, path: folder });
    }
    const recursive = query.isSet('recursive');
    const expand = query.isSet('expand');
    const key = keyOf('tree', { sequence, revision }, folder, recursive, expand, page.limit, start);
    return this.#rendered.answer(key, () => {
      const entries = treeOf(revision).list(folder, recursive ? 'everything below' : 'this folder');
      const end = start + page.limit;
      const items = entries.slice(start, end).map((entry) => treeItem(revision, entry, expand));
      if (end >= entries.length) return jsonAnswer(items);
      const below = folder === '' ? '' : `/${folder.split('/').map(encodeURIComponent).join('/')}`;
      const address = `${this.#publicUrl}/api/models/${model.name}/tree/${revision.id.commit}${below}`;
      const same = [
        ['recursive', String(recursive)],
        ['expand', String(expand)],
      ] as const;
      return jsonAnswer(items, nextPage(address, { query: same, page, after: String(end) }));
    });
  }

  /** `POST …/paths-info/<revision>`: of the paths that there are, in the order in which they were asked for. */
  pathsInfo(
    { revision }: Found,
    asked: { readonly paths: readonly string[]; readonly expand: boolean },
  ): Answer {
    const tree = treeOf(revision);
    const items: unknown[] = [];
    for (const path of new Set(asked.paths)) {
      const file = revision.files.get(path as ServedFile['path']);
      const folder = file === undefined && path !== '' ? tree.folder(path) : undefined;
      if (file !== undefined) items.push(treeItem(revision, { is: 'file', file }, asked.expand));
      if (folder !== undefined) items.push(treeItem(revision, { is: 'folder', folder }, asked.expand));
    }
    return jsonAnswer(items);
  }

  /**
   * `GET …/refs`: only what leads to a published commit. `main` stands first, as llama.cpp takes the first branch where
   * there is none of that name.
   */
  refs(model: CatalogModel, query: Query): Answer {
    const isPublished = (commit: Commit) => model.revisions.get(commit)?.is === 'published';
    const main = mainCommit(model);
    const branches = [...model.channels].filter(([name]) => name !== MAIN_CHANNEL && name !== 'main');
    const tags = [...model.tags].filter(([name]) => !model.channels.has(name) && name !== 'main');
    return jsonAnswer({
      branches: [...(main === undefined ? [] : [['main', main] as const]), ...branches]
        .filter(([, commit]) => isPublished(commit))
        .map(([name, targetCommit]) => ({ name, ref: `refs/heads/${name}`, targetCommit })),
      tags: tags
        .filter(([, commit]) => isPublished(commit))
        .map(([name, targetCommit]) => ({ name, ref: `refs/tags/${name}`, targetCommit })),
      converts: [],
      ...(query.isSet('include_prs') ? { pullRequests: [] } : {}),
    });
  }

  /** `GET …/commits/<revision>`: that revision, then the published ones that were decided before it. */
  commits({ model, revision }: Found, query: Query): Answer {
    const limit = query.number('limit', { from: 1, to: COMMITS }) ?? COMMITS;
    const p = query.number('p', { from: 0, to: Number.MAX_SAFE_INTEGER }) ?? 0;
    if (limit === 'wrong' || p === 'wrong') return refuse({ is: 'bad request', sentence: BAD_PAGE });
    const published = publishedCommits(model);
    const upTo = published.slice(published.indexOf(revision.id.commit));
    const items = upTo
      .slice(p * limit, (p + 1) * limit)
      .map((commit) => commitFields(commit, model.revisions.get(commit)?.decidedAt ?? revision.decidedAt));
    const address = `${this.#publicUrl}/api/models/${model.name}/commits/${revision.id.commit}`;
    return jsonAnswer(items, {
      'X-Total-Count': String(upTo.length),
      ...((p + 1) * limit < upTo.length && {
        Link: `<${address}?p=${p + 1}&limit=${limit}>; rel="next"`,
      }),
    });
  }
}

function keyOf(
  route: string,
  { sequence, revision }: { readonly sequence: number; readonly revision: ServedRevision },
  ...options: readonly (string | number | boolean)[]
): string {
  return `${sequence} ${route} ${revision.id.model}@${revision.id.commit} ${JSON.stringify(options)}`;
}

/** A tree's cursor counts entries: the tree of a commit never changes. */
function startOf({ after }: PageAsked): number | undefined {
  if (after === '') return 0;
  return /^\d{1,9}$/.test(after) ? Number(after) : undefined;
}

function treeItem(revision: ServedRevision, entry: TreeEntry, expand: boolean): unknown {
  const { commit } = revision.id;
  const lastCommit = expand
    ? { lastCommit: { id: commit, title: titleOf(commit), date: revision.decidedAt } }
    : {};
  return { ...(entry.is === 'file' ? fileItem(entry.file) : folderItem(entry.folder)), ...lastCommit };
}

function folderItem({ path, treeId }: Folder): object {
  return { type: 'directory', oid: treeId, size: 0, path };
}

/**
 * Never with an `xetHash`, by which clients would fetch the bytes past the gateway, nor a `securityFileStatus`: that
 * names scanners which we do not run, and what ours found is on record with the revision, not with a file.
 */
function fileItem(file: ServedFile): object {
  const { path, sizeBytes: size, sha256: oid } = file;
  const identity = identityOf(file);
  return {
    type: 'file',
    oid: identity.oid,
    size,
    path,
    ...(identity.kind === 'lfs' && { lfs: { oid, size, pointerSize: identity.pointer.length } }),
  };
}
