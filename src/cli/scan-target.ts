/** What `weighlock scan` is told to scan: something of this machine, a repo at the Hub, a prefix of a bucket, a URL. */
import { existsSync } from 'node:fs';
import { WeighlockError } from '../base/errors.ts';
import { parseModelName, parseRepoPath } from '../base/name.ts';
import { FILES_MAX, localSubject } from '../inspection/local.ts';
import type { Subject, SubjectFile, Unreadable } from '../inspection/subject.ts';
import { EVERYTHING, type Key, objectKey } from '../vault/layout.ts';
import { openVault } from '../vault/open.ts';
import type { VaultTicket } from '../vault/vault.ts';
import { proxyFor } from './proxy.ts';
import { parseRevision, parseTarget } from './target.ts';
import type { Wire } from './wire.ts';

/**
 * The subject that the text names. What is there on this machine under that name is meant; `hf://org/name` means the
 * Hub in any case. Throws WL_NAME_INVALID, WL_FILE_UNREADABLE, and what the source throws.
 */
export async function openSubject(wire: Wire, text: string): Promise<Subject> {
  if (text.startsWith('s3://')) return bucketSubject(wire, text);
  if (/^https?:\/\//i.test(text)) return hubAddress(wire, text) ?? urlSubject(wire, text);
  if (existsSync(text)) return localSubject(text);
  const target = parseTarget(text);
  if (target.kind === 'path') return localSubject(target.path);
  return hubSubject(wire, target);
}

async function hubSubject(
  wire: Wire,
  { model, revision }: { readonly model: string; readonly revision: string | undefined },
): Promise<Subject> {
  const source = wire.hub();
  try {
    const resolved = await source.resolve(parseModelName(model), revision);
    return {
      name: `${resolved.model}@${resolved.commit ?? resolved.requested}`,
      ticket: {
        kind: 'remote',
        source: source.ticket,
        revision: { model: resolved.model, commit: resolved.commit },
      },
      files: resolved.files.map((file) => ({ path: file.path, sizeBytes: file.sizeBytes, remote: file })),
      unreadable: [],
      revision: resolved,
    };
  } finally {
    await source.close();
  }
}

/** The page of a repo at the Hub, as people copy it from the browser; its files are addresses like any other. */
function hubAddress(wire: Wire, text: string): Promise<Subject> | undefined {
  const url = new URL(text);
  if (url.origin !== new URL(wire.config.hub.endpoint).origin) return undefined;
  const [, model, revision] = /^\/([^/]+\/[^/]+?)(?:\/tree\/([^/]+))?\/?$/.exec(url.pathname) ?? [];
  if (model === undefined) return undefined;
  return hubSubject(wire, {
    model,
    revision: revision === undefined ? undefined : parseRevision(decodeURIComponent(revision)),
  });
}

async function urlSubject(wire: Wire, text: string): Promise<Subject> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username + url.password !== '')
    throw new WeighlockError('WL_NAME_INVALID', `"${text}" is not an address that can be read`);
  const proxy = proxyFor(url.href, wire.environment);
  const hosts = wire.config.hub.hosts;
  const { UrlSource } = await import('../sources/url.ts');
  const source = new UrlSource({ kind: 'url', url: url.href, hosts, ...(proxy && { proxy }) });
  try {
    const { file, ticket } = await source.describe();
    return {
      name: `${url.origin}${url.pathname}`,
      ticket: {
        kind: 'remote',
        source: ticket,
        revision: { model: parseModelName('local/url'), commit: undefined },
      },
      files: [{ path: file.path, sizeBytes: file.sizeBytes, remote: file }],
      unreadable: [],
    };
  } finally {
    await source.close();
  }
}

/** The objects below a prefix, or the one object of that very name. */
async function bucketSubject(wire: Wire, place: string): Promise<Subject> {
  const ticket = wire.config.ticket(place);
  const below = await listed(ticket, EVERYTHING, () => true);
  if (below.files.length + below.unreadable.length > 0) return below;
  const cut = ticket.kind === 's3' ? ticket.settings.prefix.lastIndexOf('/') : -1;
  if (ticket.kind === 's3' && ticket.settings.prefix !== '') {
    const name = ticket.settings.prefix.slice(cut + 1);
    const prefix = ticket.settings.prefix.slice(0, Math.max(0, cut));
    const above = { kind: 's3', settings: { ...ticket.settings, prefix } } as const;
    const one = await listed(above, objectKey(parseRepoPath(name)), (key) => key === name);
    if (one.files.length > 0) return { ...one, name: place };
  }
  throw new WeighlockError('WL_FILE_UNREADABLE', `there is nothing at ${place}`, {
    hint: 'Check bucket and prefix, and that these credentials may list it.',
  });
}

async function listed(ticket: VaultTicket, prefix: Key, wanted: (key: string) => boolean): Promise<Subject> {
  const vault = await openVault(ticket);
  const files: SubjectFile[] = [];
  const unreadable: Unreadable[] = [];
  try {
    for await (const { key, sizeBytes } of vault.list(prefix)) {
      if (!wanted(key) || (key.endsWith('/') && sizeBytes === 0)) continue;
      if (files.length + unreadable.length >= FILES_MAX) {
        const message = `holds more than ${FILES_MAX} objects: the rest was not looked at`;
        unreadable.push({ path: '.', code: 'WL_LIMIT', message });
        break;
      }
      const file = named(key, sizeBytes);
      if (file) files.push(file);
      else
        unreadable.push({ path: key, code: 'WL_PATH_REFUSED', message: 'has a name that is no safe path' });
    }
  } finally {
    await vault.close();
  }
  return {
    name: vault.location,
    ticket: {
      kind: 'remote',
      source: { kind: 'objects', vault: ticket },
      revision: { model: parseModelName('local/bucket'), commit: undefined },
    },
    files,
    unreadable,
  };
}

function named(key: string, sizeBytes: number): SubjectFile | undefined {
  try {
    const path = parseRepoPath(key);
    return { path, sizeBytes, remote: { path, sizeBytes, declared: { kind: 'none' } } };
  } catch (error) {
    if (error instanceof WeighlockError) return undefined;
    throw error;
  }
}
