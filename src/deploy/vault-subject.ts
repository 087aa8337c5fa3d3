/** A revision in the vault as the subject of a deployment: only one that is published, unrevoked, and verified. */
import type { SignedRecord } from '../attest/record.ts';
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ManifestFile } from '../base/manifest.ts';
import type { ModelName } from '../base/name.ts';
import { asFacts, type Facts } from '../formats/facts.ts';
import type { BaseFacts } from '../formats/parse.ts';
import { publishedText } from '../registry/published-file.ts';
import type { Registry } from '../registry/registry.ts';
import { verifyRevision } from '../registry/verify-revision.ts';
import { factsKey, type RevisionId, revisionPrefix } from '../vault/layout.ts';
import type { Vault } from '../vault/vault.ts';
import type { Subject } from './deploy.ts';
import { CONFIG_BYTES_MAX, type Shape, shapeOfConfig } from './shape.ts';
import { type DescribedFile, describeFile, isWeightsPath, shapeAmong, weightsOf } from './weights.ts';

/** Longest facts of one file that are read: a shard of thousands of tensors has a megabyte of them. */
const FACTS_BYTES_MAX = 32 << 20;

const DAY_MS = 86_400_000;

export interface VaultSubjectOptions {
  readonly model: ModelName;
  readonly revision: string | undefined;
  /** How long ago the last verification of every byte may be. */
  readonly verifiedWithinDays: number;
  /** When this machine last verified every byte of the revision with this record, if it did. */
  readonly verifiedAt: (record: string) => string | undefined;
}

/**
 * Verifies all but the bytes now, and asks that the bytes were verified not too long ago: by their admission or by
 * `weighlock verify` on this machine. Throws WL_NOT_ADMITTED, WL_REVOKED, WL_VAULT_CORRUPT, WL_DEPLOY_REFUSED.
 */
export async function subjectOfVault(registry: Registry, options: VaultSubjectOptions): Promise<Subject> {
  const { model, revision } = options;
  const { id, verification } = await verifyRevision(registry, { model, revision }, { depth: 'list' });
  const [problem] = verification.problems;
  if (problem)
    throw new WeighlockError(
      'WL_VAULT_CORRUPT',
      `${problem.object} ${problem.problem}: nothing is deployed from it`,
    );
  const { entry } = await registry.published(id.model, id.commit);
  const record = await registry.record(id, entry.number, entry.record);
  const verifiedAt = requireVerified(record, registry.clock.now(), options);
  const { files } = record.body.manifest;
  const described = await describe(registry, record);
  return {
    ...id,
    files: files.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 })),
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    weights: weightsOf(described),
    shape: await shapeIn(registry.vault, id, { files, described }),
    remoteCode: described.some(({ namesCode }) => namesCode),
    origin: {
      route: 'vault',
      vault: registry.trust.vault,
      location: registry.vault.location,
      ticket: registry.vault.ticket,
      uri: `${registry.vault.location}/${revisionPrefix(id)}`,
      record: record.digest,
      manifest: record.manifestDigest,
      verifiedAt,
    },
  };
}

/** An admission reads every byte that it stores: until then the record itself is the verification. */
function requireVerified(
  { digest, body }: SignedRecord,
  now: number,
  { verifiedWithinDays, verifiedAt }: VaultSubjectOptions,
): string {
  const at = [body.decidedAt, verifiedAt(digest)]
    .filter((time) => time !== undefined)
    .reduce((a, b) => (Date.parse(b) > Date.parse(a) ? b : a));
  const ageMs = now - Date.parse(at);
  // Written this way round, a date that is none, or one to come, counts as too old.
  if (ageMs <= verifiedWithinDays * DAY_MS && ageMs >= -DAY_MS) return at;
  const { model, commit } = body.manifest;
  throw new WeighlockError(
    'WL_DEPLOY_REFUSED',
    `the bytes of ${model}@${commit.slice(0, 12)} were last verified at ${at}, which is more than ${verifiedWithinDays} days ago`,
    {
      hint: `Run \`weighlock verify ${model}@${commit}\` on this machine, or allow more with --verified-within.`,
    },
  );
}

/** Facts of weights and of JSON: nothing else says anything about size. One file at a time is held in memory. */
async function describe(registry: Registry, { body }: SignedRecord): Promise<readonly DescribedFile[]> {
  const sizes = new Map(body.manifest.files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const described: DescribedFile[] = [];
  for (const { path, format, facts: digest } of body.coverage) {
    const wanted = isWeightsPath(path) || format === 'json';
    const facts = wanted ? await factsOf(registry.vault, digest) : undefined;
    described.push(describeFile(path, sizes.get(path) ?? 0, facts));
  }
  return described;
}

async function factsOf(vault: Vault, digest: ReturnType<typeof sha256>): Promise<Facts | undefined> {
  const stored = await vault.get(factsKey(digest), FACTS_BYTES_MAX);
  if (!stored || sha256(stored.bytes) !== digest)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${factsKey(digest)} is gone or was changed`);
  return asFacts(JSON.parse(Buffer.from(stored.bytes).toString('utf8')) as BaseFacts);
}

interface Described {
  readonly files: readonly ManifestFile[];
  readonly described: readonly DescribedFile[];
}

async function shapeIn(vault: Vault, id: RevisionId, { files, described }: Described): Promise<Shape> {
  const config = files.find(({ path }) => path === 'config.json');
  if (config) return shapeOfConfigFile(vault, id, config);
  return shapeAmong(described);
}

async function shapeOfConfigFile(vault: Vault, id: RevisionId, config: ManifestFile): Promise<Shape> {
  if (config.sizeBytes > CONFIG_BYTES_MAX)
    return {
      kind: 'unknown',
      why: `config.json is longer than ${CONFIG_BYTES_MAX} bytes`,
      architectures: [],
    };
  return shapeOfConfig(await publishedText(vault, id, config));
}
