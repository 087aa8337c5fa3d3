/** The vault's side of a comparison: what is on record of the revision, and how fast the store is from here. */
import type { RecordBody } from '../attest/record.ts';
import type { ModelName } from '../base/name.ts';
import { isWeightsPath } from '../deploy/weights.ts';
import { deployments } from '../registry/deployments.ts';
import type { Published, Registry } from '../registry/registry.ts';
import { verifyRevision } from '../registry/verify-revision.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { Vault } from '../vault/vault.ts';
import type { Coverage } from './coverage.ts';
import { type Measurement, type MeasureOptions, measure, type Road, type WeightsFile } from './measure.ts';

export interface VaultSide {
  readonly location: string;
  readonly kind: 'bucket' | 'folder';
  /** Host of the store; undefined for a folder. */
  readonly host: string | undefined;
  readonly id: RevisionId;
  readonly record: RecordBody;
  readonly logIndex: number;
  readonly coverage: Coverage;
  readonly weights: readonly WeightsFile[];
  /** Signatures, log and the store's list of files, verified now; problems as sentences. */
  readonly problems: readonly string[];
  readonly deployments: number;
  /** Channels that stand at this revision. */
  readonly channels: readonly string[];
  readonly posture: PostureSummary | { readonly unknown: string };
  readonly drift: DriftSummary | { readonly unknown: string };
  readonly measured: Measurement | undefined;
}

/** What the checks of the bucket came to. */
export interface PostureSummary {
  readonly passed: number;
  readonly failed: readonly { readonly title: string; readonly severity: string }[];
  readonly unanswered: number;
}

export interface DriftSummary {
  readonly looked: number;
  readonly drifted: readonly string[];
}

export interface VaultSideOptions {
  readonly registry: Registry;
  /** The store once more, without a connection. */
  readonly openVault: () => Promise<Vault>;
  readonly model: ModelName;
  readonly revision: string | undefined;
  /** Where the store is, if that is not AWS's own. */
  readonly storeEndpoint: string | undefined;
  readonly posture: VaultSide['posture'];
  readonly drift: VaultSide['drift'];
  readonly measuring: Omit<MeasureOptions, 'files'>;
}

/** Throws WL_NOT_ADMITTED, WL_REVOKED, and whatever makes the state of the vault unbelievable. */
export async function vaultSide(options: VaultSideOptions): Promise<VaultSide> {
  const { registry, model, revision, posture, drift } = options;
  const { vault } = registry;
  const { id, verification } = await verifyRevision(registry, { model, revision }, { depth: 'list' });
  const published = await registry.published(id.model, id.commit);
  const { body } = await registry.record(id, published.entry.number, published.entry.record);
  const versions = await versionsOf(registry, published);
  const weights = body.manifest.files
    .filter(({ path }) => isWeightsPath(path))
    .map(({ path, sizeBytes }) => ({ path, sizeBytes }));
  const running = await deployments(registry);
  const open = async () => vaultRoad(await options.openVault(), id, versions);
  return {
    location: vault.location,
    kind: vault.ticket.kind === 's3' ? 'bucket' : 'folder',
    host: hostOf(vault, options.storeEndpoint),
    id,
    record: body,
    logIndex: published.entry.logIndex,
    coverage: coverageOf(body),
    weights,
    problems: verification.problems.map(({ object, problem }) => `${object} ${problem}`),
    deployments: running.filter(({ body: { commit, model: name } }) => name === model && commit === id.commit)
      .length,
    channels: await channelsAt(registry, id),
    posture,
    drift,
    measured: await measure(open, { ...options.measuring, files: weights }),
  };
}

function coverageOf({ coverage }: RecordBody): Coverage {
  const count = (wanted: string) => coverage.filter(({ verdict }) => verdict === wanted).length;
  return { safe: count('clean'), against: count('blocked'), unknown: count('inconclusive') };
}

async function channelsAt(registry: Registry, { model, commit }: RevisionId): Promise<string[]> {
  const index = await registry.model(model);
  return Object.entries(index?.channels ?? {})
    .filter(([, channel]) => channel.commit === commit)
    .map(([name]) => name)
    .sort();
}

function hostOf({ ticket }: Vault, storeEndpoint: string | undefined): string | undefined {
  if (ticket.kind !== 's3') return undefined;
  const { endpoint = storeEndpoint, bucket, region } = ticket.settings;
  if (endpoint !== undefined) return new URL(endpoint).host;
  return region === undefined ? `${bucket}.s3.amazonaws.com` : `${bucket}.s3.${region}.amazonaws.com`;
}

/** By path, the version that the receipt names: what is measured is what would be served. */
async function versionsOf(
  registry: Registry,
  { id, entry, receipt }: Published,
): Promise<ReadonlyMap<string, string | undefined>> {
  const { files } = await registry.receipt(id, entry.number, receipt);
  return new Map(files.map(({ path, version }) => [path, version]));
}

function vaultRoad(vault: Vault, id: RevisionId, versions: ReadonlyMap<string, string | undefined>): Road {
  return {
    read: (path, range, signal) =>
      vault.read(fileKey(id, path as Parameters<typeof fileKey>[1]), {
        range,
        version: versions.get(path),
        signal,
      }),
    close: () => vault.close(),
  };
}
