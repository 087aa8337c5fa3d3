/**
 * Judging again: a record's files by the rules of today, from the facts that are stored. Nothing of the source is read, and
 * no weights: what the parsers read of them then is what is judged now.
 */
import type { RecordBody, SignedRecord } from '../attest/record.ts';
import { type PublisherKey, verifyUpstream } from '../attest/upstream-signature.ts';
import type { Waiver } from '../attest/waiver.ts';
import { type GitBlobSha1, type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Finding } from '../base/finding.ts';
import type { Manifest } from '../base/manifest.ts';
import type { ModelName } from '../base/name.ts';
import { type RuleOutcome, verdictOf } from '../base/verdict.ts';
import { asFacts, type Facts } from '../formats/facts.ts';
import type { BaseFacts } from '../formats/parse.ts';
import type { Policy } from '../policy/policy.ts';
import type { Registry } from '../registry/registry.ts';
import type { SourceRevision } from '../sources/source.ts';
import { evidenceKey, factsKey } from '../vault/layout.ts';
import { identityFacts } from './identity.ts';
import { type Evidence, type Judgement, judge, type ReadFile } from './judge.ts';
import { observedFacts } from './observed.ts';
import { SIGNATURE_BYTES_MAX, UPSTREAM_SIGNATURE } from './record-body.ts';
import { describeRecord, onRecord } from './vault-source.ts';

/** Longest facts of one file: those of the largest shards have some megabytes. */
const FACTS_BYTES_MAX = 256 << 20;

export interface Rules {
  readonly policy: Policy;
  readonly waivers: readonly Waiver[];
  readonly advice: Evidence['advice'];
  readonly revoked: ReadonlySet<string>;
  readonly nowMs: number;
  /** Keys of the publisher of a model, for its own signature. */
  readonly publisherKeys?: ((model: ModelName) => readonly PublisherKey[]) | undefined;
}

/**
 * The judgement of today. What other engines found, and what other repos had to say, is carried over from the record: neither
 * is a function of facts. `anew` are facts by path that take the place of those on record. Throws WL_VAULT_CORRUPT where
 * facts are gone or were changed.
 */
export async function judgeAgain(
  registry: Registry,
  record: SignedRecord,
  { policy, waivers, advice, revoked, nowMs, publisherKeys }: Rules,
  anew?: ReadonlyMap<string, Facts>,
): Promise<Judgement> {
  const { body } = record;
  const brought = await readFiles(registry, body, anew);
  const judgement = judge(
    {
      manifest: body.manifest as Evidence['manifest'],
      revision: revisionOf(record),
      brought,
      revoked,
      advice,
      waived: { waivers, nowMs },
      identity: await identityFacts(registry, body.manifest as Manifest, revisionOf(record)),
      observed: await observedFacts(registry, await entryOf(registry, body), {
        manifest: record.manifestDigest,
        nowMs,
      }),
      signature: verifyUpstream(
        await signatureOnRecord(registry, body),
        body.manifest,
        publisherKeys?.(body.manifest.model) ?? [],
      ),
      carried: body.findings.filter(isCarried).map(unwaived),
    },
    policy,
  );
  const rules = [...judgement.decision.rules, ...body.rules.filter(isOfOthers)];
  return { ...judgement, decision: { verdict: verdictOf(rules), rules } };
}

/** The publisher's signature, as it was kept. */
async function signatureOnRecord(
  registry: Registry,
  { evidence }: RecordBody,
): Promise<Uint8Array | undefined> {
  const kept = evidence.find(({ type }) => type === UPSTREAM_SIGNATURE);
  const stored = kept && (await registry.vault.get(evidenceKey(kept.sha256), SIGNATURE_BYTES_MAX));
  return stored && sha256(stored.bytes) === kept?.sha256 ? stored.bytes : undefined;
}

async function entryOf(registry: Registry, { manifest }: RecordBody) {
  return (await registry.model(manifest.model, await registry.state('accept')))?.revisions[manifest.commit];
}

/** Findings of engines of others. */
function isCarried({ rule }: Finding): boolean {
  return rule.startsWith('malware/');
}

/** As it was found: whether a waiver lifts it is asked again, and one that is over lifts nothing. */
function unwaived({ waived, ...found }: Finding): Finding {
  return waived === undefined ? found : { ...found, verdict: 'blocked' };
}

/** Rules that neither the floor nor a policy made: what a model needs from other repos. */
function isOfOthers({ rule }: RuleOutcome): boolean {
  return rule === 'references';
}

function revisionOf(record: SignedRecord): SourceRevision {
  const { manifest } = record.body;
  return describeRecord(record, { model: manifest.model, commit: manifest.commit });
}

async function readFiles(
  registry: Registry,
  { manifest, coverage }: RecordBody,
  anew: ReadonlyMap<string, Facts> | undefined,
): Promise<ReadFile[]> {
  const files = new Map(manifest.files.map((file) => [file.path, file]));
  const read: ReadFile[] = [];
  for (const { path, facts: digest } of coverage) {
    const file = files.get(path);
    if (!file) continue;
    read.push({
      file: onRecord(file),
      sizeBytes: file.sizeBytes,
      sha256: file.sha256,
      // Judging asks for it nowhere; the record has it for files that git names.
      gitBlobSha1: file.gitBlobSha1 ?? ('' as GitBlobSha1),
      facts: anew?.get(path) ?? (await factsOnRecord(registry, digest)),
      from: 'vault',
    });
  }
  return read;
}

/** The facts with this digest, as a record names them. Throws WL_VAULT_CORRUPT. */
export async function factsOnRecord(registry: Registry, digest: Sha256): Promise<Facts> {
  const key = factsKey(digest);
  const stored = await registry.vault.get(key, FACTS_BYTES_MAX);
  if (!stored || sha256(stored.bytes) !== digest)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is gone or was changed`);
  const facts = asFacts(JSON.parse(Buffer.from(stored.bytes).toString('utf8')) as BaseFacts);
  if (facts) return facts;
  throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is of no format that is known`);
}
