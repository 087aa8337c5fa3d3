/** Who has a revision, or a file by its digest: revisions, channels, deployments, who may pull it, and who did. */
import type { Sha256 } from '../base/digest.ts';
import type { ModelName } from '../base/name.ts';
import { matches } from '../posture/bucket/policy-reading.ts';
import { deployments } from '../registry/deployments.ts';
import type { Registry } from '../registry/registry.ts';
import type { RevisionId } from '../vault/layout.ts';
import { type Pulls, pullsIn, type Wanted } from './access-log.ts';

export type Question =
  | { readonly kind: 'revision'; readonly model: ModelName; readonly revision: string | undefined }
  /** Of a file, or of a manifest, a record. */
  | { readonly kind: 'digest'; readonly sha256: Sha256 };

export interface AffectedRevision extends RevisionId {
  readonly verdict: 'admitted' | 'held' | 'refused';
  readonly standing: 'published' | 'revoked' | 'removed' | 'not published';
  /** Its files with the digest that was asked for; empty where the whole revision is meant. */
  readonly files: readonly string[];
}

export interface Affected {
  readonly revisions: readonly AffectedRevision[];
  readonly channels: readonly { readonly model: string; readonly channel: string; readonly commit: string }[];
  readonly deployments: readonly {
    readonly target: string;
    readonly place: string;
    readonly model: string;
    readonly commit: string;
    readonly by: string;
    readonly since: string;
  }[];
  /** Readers whose token lets them pull it through a gateway. */
  readonly readers: readonly { readonly name: string; readonly role: string; readonly expiresAt?: string }[];
  readonly pulls: Pulls;
}

/** Throws WL_NOT_ADMITTED for a revision that is not on record, and what makes the state unbelievable. */
export async function affected(
  registry: Registry,
  question: Question,
  accessLogs: readonly string[],
): Promise<Affected> {
  const revisions =
    question.kind === 'revision'
      ? [await named(registry, question)]
      : await holding(registry, question.sha256);
  const has = (model: string, commit: string) =>
    revisions.some((one) => one.model === model && one.commit === commit);
  const { state } = await registry.state();
  const wanted: Wanted[] = revisions.map(({ model, commit, files }) => ({
    model,
    commit,
    ...(files.length > 0 && { paths: new Set(files) }),
  }));
  return {
    revisions,
    channels: await channelsAt(registry, has),
    deployments: (await deployments(registry))
      .filter(({ body }) => has(body.model, body.commit))
      .map(({ body: { target, place, model, commit, by, madeAt } }) => ({
        target,
        place,
        model,
        commit,
        by,
        since: madeAt,
      })),
    readers: Object.values(state.grants)
      .filter(({ models }) => revisions.some(({ model }) => models.some((pattern) => grants(pattern, model))))
      .map(({ name, role, expiresAt }) => ({ name, role, ...(expiresAt !== undefined && { expiresAt }) })),
    pulls: await pullsIn(accessLogs, wanted),
  };
}

async function named(
  registry: Registry,
  { model, revision }: Question & { readonly kind: 'revision' },
): Promise<AffectedRevision> {
  const { id, entry } = await registry.resolve(model, revision);
  return { ...id, verdict: entry.verdict, standing: standingOf(entry), files: [] };
}

/** Every revision on record that has it: each record is read, one at a time. */
async function holding(registry: Registry, digest: Sha256): Promise<AffectedRevision[]> {
  const found: AffectedRevision[] = [];
  for await (const { model, index } of registry.models()) {
    for (const [commit, entry] of Object.entries(index.revisions)) {
      const id = { model, commit } as RevisionId;
      const record = await registry.record(id, entry.number, entry.record);
      const files = record.body.manifest.files
        .filter((file) => file.sha256 === digest)
        .map(({ path }) => path as string);
      if (files.length > 0 || record.digest === digest || record.manifestDigest === digest)
        found.push({ ...id, verdict: entry.verdict, standing: standingOf(entry), files });
    }
  }
  return found;
}

function standingOf(entry: Awaited<ReturnType<Registry['resolve']>>['entry']): AffectedRevision['standing'] {
  if (entry.revoked) return 'revoked';
  if (entry.removed) return 'removed';
  return entry.verdict === 'admitted' && entry.receipt ? 'published' : 'not published';
}

async function channelsAt(
  registry: Registry,
  has: (model: string, commit: string) => boolean,
): Promise<Affected['channels']> {
  const found: { model: string; channel: string; commit: string }[] = [];
  for await (const { model, index } of registry.models())
    for (const [channel, { commit }] of Object.entries(index.channels))
      if (has(model, commit)) found.push({ model, channel, commit });
  return found;
}

/** As the gateway reads patterns: `*` is any part of one segment, and alone every model. */
function grants(pattern: string, model: string): boolean {
  if (pattern === '*') return true;
  const [wanted, parts] = [pattern.split('/'), model.split('/')];
  return wanted.length === parts.length && wanted.every((part, i) => matches(part, parts[i] ?? ''));
}
