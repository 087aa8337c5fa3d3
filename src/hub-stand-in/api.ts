/** The stand-in's API host: who may read what, and which answer each path has. */
import { AnswerTo, type ApiContext } from './answer.ts';
import { findCommit, type Repo, type RepoCommit, type StandInToken } from './model.ts';
import { type Exchange, send, sendError, sendFault, sendJson } from './reply.ts';

/** The words that may follow a model's name under `/api/models/`. */
const ACTIONS = ['revision', 'tree', 'paths-info', 'refs', 'commits', 'auth-check', 'scan', 'discussions'];

export class Api {
  readonly #context: ApiContext;
  readonly #answer: AnswerTo;

  constructor(context: ApiContext) {
    this.#context = context;
    this.#answer = new AnswerTo(context);
  }

  async handle(exchange: Exchange): Promise<void> {
    const { parts } = exchange;
    if (this.#account(exchange) === 'refused') {
      return sendError(exchange, 401, undefined, 'Invalid credentials in Authorization header');
    }
    if (parts[0] === 'api') return this.#handleApi(exchange);
    const verbAt = parts.findIndex(
      (part, index) => index > 0 && index < 3 && (part === 'resolve' || part === 'raw'),
    );
    if (verbAt > 0) return this.#handleFile(exchange, verbAt);
    return sendError(exchange, 404, undefined, 'Sorry, we can’t find the page you are looking for.');
  }

  async #handleApi(exchange: Exchange): Promise<void> {
    const [, kind, ...rest] = exchange.parts;
    switch (kind) {
      case 'models':
        return this.#handleModel(exchange, rest);
      case 'resolve-cache':
        return this.#handleCached(exchange, rest.slice(1));
      case 'whoami-v2':
        return this.#whoAmI(exchange);
      case 'organizations':
        return this.#organisation(exchange, rest[0] ?? '');
      case 'users':
        return this.#user(exchange, rest[0] ?? '');
      case 'telemetry':
      case 'agent-harnesses':
        return sendJson(exchange, {});
      default:
        return sendError(exchange, 404, undefined, 'Not found');
    }
  }

  async #handleModel(exchange: Exchange, parts: readonly string[]): Promise<void> {
    if (parts.length === 0) return this.#answer.search(exchange);
    const legacy = parts.length === 1 || ACTIONS.includes(parts[1] ?? '');
    const name = parts.slice(0, legacy ? 1 : 2).join('/');
    const [action, ...rest] = parts.slice(legacy ? 1 : 2);
    const repo = this.#repo(exchange, name);
    if (!repo) return;
    switch (action) {
      case undefined:
      case 'revision':
        return this.#atCommit(exchange, { repo, parts: action ? rest : ['main'] }, ({ commit }) =>
          this.#answer.info(exchange, repo, commit),
        );
      case 'tree':
        return this.#atCommit(exchange, { repo, parts: rest }, ({ commit, below }) =>
          this.#answer.tree(exchange, commit, below.join('/')),
        );
      case 'paths-info':
        return this.#atCommit(exchange, { repo, parts: rest }, ({ commit }) =>
          this.#answer.pathsInfo(exchange, commit),
        );
      case 'commits':
        return this.#atCommit(exchange, { repo, parts: rest }, ({ commit }) =>
          this.#answer.commits(exchange, repo, commit),
        );
      case 'refs':
        return this.#answer.refs(exchange, repo);
      case 'scan':
        return this.#answer.scan(exchange, repo);
      case 'discussions':
        return this.#answer.discussions(exchange, repo);
      case 'auth-check':
        if (this.#mayRead(exchange, repo)) sendJson(exchange, {});
        return;
      default:
        return sendError(exchange, 404, undefined, 'Not found');
    }
  }

  async #handleFile(exchange: Exchange, verbAt: number): Promise<void> {
    const { parts } = exchange;
    const repo = this.#repo(exchange, parts.slice(0, verbAt).join('/'));
    if (!repo || !this.#mayRead(exchange, repo)) return;
    await this.#atCommit(exchange, { repo, parts: parts.slice(verbAt + 1) }, ({ commit, below }) => {
      const place = { model: repo.declared.id, commit, path: below.join('/') };
      return parts[verbAt] === 'raw'
        ? this.#answer.raw(exchange, place)
        : this.#answer.resolve(exchange, place);
    });
  }

  async #handleCached(exchange: Exchange, parts: readonly string[]): Promise<void> {
    const repo = this.#repo(exchange, parts.slice(0, 2).join('/'));
    if (!repo || !this.#mayRead(exchange, repo)) return;
    await this.#atCommit(exchange, { repo, parts: parts.slice(2) }, ({ commit, below }) =>
      this.#answer.cached(exchange, { model: repo.declared.id, commit, path: below.join('/') }),
    );
  }

  /** Finds the revision that starts `parts`: one part, or `refs/…` unencoded as some clients send it. */
  async #atCommit(
    exchange: Exchange,
    { repo, parts }: { readonly repo: Repo; readonly parts: readonly string[] },
    answer: (found: {
      readonly commit: RepoCommit;
      readonly below: readonly string[];
    }) => Promise<void> | void,
  ): Promise<void> {
    const length = parts[0] === 'refs' ? 3 : 1;
    const revision = parts.slice(0, length).join('/');
    const commit = findCommit(repo, revision);
    if (!commit)
      return sendError(exchange, 404, 'RevisionNotFound', `Invalid rev id: ${encodeURIComponent(revision)}`);
    await answer({ commit, below: parts.slice(length) });
  }

  /** The repo of that name if the account may know of it; otherwise the answer was sent. */
  #repo(exchange: Exchange, name: string): Repo | undefined {
    const repo = this.#context.repos.get(name);
    if (repo?.declared.disabled) {
      sendError(exchange, 403, undefined, 'Access to this resource is disabled.');
      return undefined;
    }
    if (repo && !(repo.declared.private && !this.#hasAccess(exchange, repo))) return repo;
    const renamed = [...this.#context.repos.values()].find(({ declared }) =>
      declared.renamedFrom?.includes(name),
    );
    if (renamed) {
      const location =
        exchange.url.pathname.replace(`/${name}`, () => `/${renamed.declared.id}`) + exchange.url.search;
      send(exchange, 307, { Location: location }, Buffer.alloc(0));
      return undefined;
    }
    // The Hub does not tell a stranger whether a private repo exists.
    const status = this.#account(exchange) === 'anonymous' ? 401 : 404;
    sendError(exchange, status, 'RepoNotFound', 'Repository not found');
    return undefined;
  }

  /** False where the model is gated and the account has no access; the answer was sent then. */
  #mayRead(exchange: Exchange, repo: Repo): boolean {
    const { id, gated } = repo.declared;
    if (!gated || this.#hasAccess(exchange, repo)) return true;
    const anonymous = this.#account(exchange) === 'anonymous';
    const message = anonymous
      ? `Access to model ${id} is restricted. You must have access to it and be authenticated to access it. Please log in.`
      : `Access to model ${id} is restricted and you are not in the authorized list. Visit the model page to ask for access.`;
    sendError(exchange, anonymous ? 401 : 403, 'GatedRepo', message);
    return false;
  }

  #hasAccess(exchange: Exchange, repo: Repo): boolean {
    const account = this.#account(exchange);
    return typeof account === 'object' && (account.reads ?? []).includes(repo.declared.id);
  }

  #account(exchange: Exchange): StandInToken | 'anonymous' | 'refused' {
    const header = exchange.request.headers.authorization;
    if (header === undefined) return 'anonymous';
    return this.#context.tokens?.find(({ token }) => header === `Bearer ${token}`) ?? 'refused';
  }

  #whoAmI(exchange: Exchange): void {
    const account = this.#account(exchange);
    if (typeof account !== 'object') {
      sendError(exchange, 401, undefined, 'Invalid username or password.');
      return;
    }
    const accessToken = { displayName: 'stand-in', role: 'read', createdAt: '2026-01-01T00:00:00.000Z' };
    sendJson(exchange, {
      type: 'user',
      id: '6000000000000000000000aa',
      name: account.user,
      fullname: account.user,
      isPro: false,
      orgs: [],
      avatarUrl: '/avatars/stand-in.svg',
      auth: { type: 'access_token', accessToken },
    });
  }

  #organisation(exchange: Exchange, name: string): void {
    if (sendFault(exchange, this.#context.faults.strike('publisher', name))) return;
    const found = this.#context.organisations?.find((organisation) => organisation.name === name);
    if (!found) {
      sendError(exchange, 404, undefined, 'This organization does not exist');
      return;
    }
    sendJson(exchange, {
      ...(found.id === undefined ? {} : { _id: found.id }),
      name,
      fullname: name,
      isVerified: found.verified ?? false,
      ...(found.plan === undefined ? {} : { plan: found.plan }),
      numUsers: 3,
      numModels: 1,
      numFollowers: found.followers ?? 0,
    });
  }

  #user(exchange: Exchange, name: string): void {
    if (sendFault(exchange, this.#context.faults.strike('publisher', name))) return;
    if (!this.#context.users?.includes(name)) {
      sendError(exchange, 404, undefined, 'This user does not exist');
      return;
    }
    sendJson(exchange, {
      user: name,
      fullname: name,
      isPro: false,
      createdAt: '2024-05-01T00:00:00.000Z',
      orgs: [],
      numFollowers: 7,
    });
  }
}
