/**
 * A bill of materials of an admitted revision: CycloneDX 1.7 (ECMA-424, schema bom-1.7), made of what is on record. The model is a
 * component of type `machine-learning-model` with a model card; its files are components with their digests; base models and
 * datasets are what the publisher's card claims, and are named so.
 */
import { createHash } from 'node:crypto';
import spdxIds from 'spdx-license-ids/index.json' with { type: 'json' };
import { factsOnRecord } from '../admission/rejudge.ts';
import type { RecordBody, SignedRecord } from '../attest/record.ts';
import { shapeOfConfig } from '../deploy/shape.ts';
import { describeFile, isWeightsPath, type Weights, weightsOf } from '../deploy/weights.ts';
import type { Facts } from '../formats/facts.ts';
import { evidenceOf, type RecordedEvidence } from '../lifecycle/evidence.ts';
import { publishedText } from '../registry/published-file.ts';
import type { Published, Registry } from '../registry/registry.ts';
import type { RevisionId } from '../vault/layout.ts';
import { type Card, readCard } from './card.ts';

/** Longest card and configuration that are read. */
const TEXT_BYTES_MAX = 1 << 20;

export interface Materials {
  readonly id: RevisionId;
  readonly record: SignedRecord;
  readonly logIndex: number;
  readonly card: Card;
  readonly weights: Weights;
  /** Elements of all tensors of the weights; undefined where some were not counted. */
  readonly parameters: number | undefined;
  readonly architectures: readonly string[];
  readonly evidence: readonly RecordedEvidence[];
}

/** Reads what a bill needs. Throws WL_VAULT_CORRUPT where facts or texts are not what the record names. */
export async function materialsOf(registry: Registry, { id, entry }: Published): Promise<Materials> {
  const record = await registry.record(id, entry.number, entry.record);
  const { manifest, coverage } = record.body;
  const sizes = new Map(manifest.files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const described = [];
  const counted = new Map<string, number>();
  for (const { path, format, facts: digest } of coverage) {
    const wanted = isWeightsPath(path) || format === 'json';
    const facts = wanted ? await factsOnRecord(registry, digest) : undefined;
    described.push(describeFile(path, sizes.get(path) ?? 0, facts));
    const elements = facts && elementsOf(facts);
    if (elements !== undefined) counted.set(path, elements);
  }
  const weights = weightsOf(described);
  const all = weights.exact && weights.files.every(({ path }) => counted.has(path));
  const config = await textOf(registry, id, { body: record.body, path: 'config.json' });
  const shape = config === undefined ? undefined : shapeOfConfig(config);
  return {
    id,
    record,
    logIndex: entry.logIndex,
    card: readCard((await textOf(registry, id, { body: record.body, path: 'README.md' })) ?? ''),
    weights,
    parameters: all ? weights.files.reduce((sum, { path }) => sum + (counted.get(path) ?? 0), 0) : undefined,
    architectures: shape?.architectures ?? [],
    evidence: await evidenceOf(registry, entry),
  };
}

function elementsOf(facts: Facts): number | undefined {
  if (facts.format !== 'safetensors' && facts.format !== 'gguf') return undefined;
  return facts.tensors.reduce((sum, { shape }) => sum + shape.reduce((product, one) => product * one, 1), 0);
}

async function textOf(
  registry: Registry,
  id: RevisionId,
  { body, path }: { readonly body: RecordBody; readonly path: string },
): Promise<string | undefined> {
  const file = body.manifest.files.find((one) => one.path === path);
  if (!file || file.sizeBytes > TEXT_BYTES_MAX) return undefined;
  return publishedText(registry.vault, id, file);
}

/** The document. The same record gives the same serial number. */
export function billOf(materials: Materials, tool: RecordBody['tool']): unknown {
  const { id, record, card, evidence } = materials;
  const { body } = record;
  const ref = `pkg:huggingface/${id.model}@${id.commit}`;
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.7.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    serialNumber: `urn:uuid:${uuidOf(record.digest)}`,
    version: 1,
    metadata: {
      timestamp: body.decidedAt,
      tools: { components: [{ type: 'application', name: tool.name, version: tool.version }] },
      component: modelComponent(materials, ref),
    },
    components: [
      ...body.manifest.files.map((file) => {
        const covered = body.coverage.find((one) => one.path === file.path);
        return {
          type: 'file',
          'bom-ref': `file:${file.path}`,
          name: file.path,
          hashes: [{ alg: 'SHA-256', content: file.sha256 }],
          properties: properties({
            sizeBytes: file.sizeBytes,
            format: covered?.format,
            verdict: covered?.verdict,
          }),
        };
      }),
      ...card.baseModels.map((name) => ({
        type: 'machine-learning-model',
        'bom-ref': `base:${name}`,
        name,
        purl: `pkg:huggingface/${encodeURIComponent(name).replaceAll('%2F', '/')}`,
        scope: 'excluded',
      })),
      ...card.datasets.map((name) => ({
        type: 'data',
        'bom-ref': `dataset:${name}`,
        name,
        scope: 'excluded',
      })),
    ],
    dependencies: [
      {
        ref,
        dependsOn: [
          ...card.baseModels.map((name) => `base:${name}`),
          ...card.datasets.map((name) => `dataset:${name}`),
        ],
      },
    ],
    ...(evidence.length > 0 && {
      declarations: {
        evidence: evidence.map(({ signed: { digest, body: said } }) => ({
          'bom-ref': `evidence:${digest}`,
          propertyName: said.kind,
          description: said.results
            .map(({ category, n, failures }) => `${category}: ${failures} of ${n} failed`)
            .join('; '),
          ...(said.observedAt !== '' && { created: said.observedAt }),
        })),
      },
    }),
  };
}

function modelComponent(
  { id, record, logIndex, card, weights, parameters, architectures }: Materials,
  ref: string,
): unknown {
  const { source, verdict, manifest } = record.body;
  const [first] = architectures;
  return {
    type: 'machine-learning-model',
    'bom-ref': ref,
    name: id.model,
    version: id.commit,
    purl: ref,
    ...(source.publisher && { publisher: source.publisher.name }),
    ...licensesOf(source.license ?? card.license),
    hashes: [{ alg: 'SHA-256', content: record.manifestDigest }],
    modelCard: {
      modelParameters: {
        ...(card.task && { task: card.task }),
        ...(first && { modelArchitecture: first }),
        datasets: card.datasets.map((name) => ({ ref: `dataset:${name}` })),
      },
    },
    properties: properties({
      verdict,
      record: record.digest,
      manifest: record.manifestDigest,
      logIndex,
      repoId: source.repoId,
      parameters,
      weightsBytes: weights.bytes,
      tensors: weights.tensors,
      ...Object.fromEntries(weights.dtypes.map(({ dtype, bytes }) => [`dtype:${dtype}`, bytes])),
      excludedFiles: manifest.excluded.length,
      languages: card.languages.join(' ') || undefined,
    }),
  };
}

const SPDX: ReadonlyMap<string, string> = new Map(spdxIds.map((id) => [id.toLowerCase(), id]));

/** An id of SPDX where it is one; any other is a name. */
function licensesOf(license: string | undefined): { readonly licenses?: unknown } {
  if (license === undefined) return {};
  const id = SPDX.get(license.toLowerCase());
  return { licenses: [{ license: id === undefined ? { name: license } : { id } }] };
}

function properties(values: Readonly<Record<string, string | number | undefined>>): unknown[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name: `weighlock:${name}`, value: String(value) }],
  );
}

/** RFC 9562, version 8: the first bytes of a digest, with version and variant set. */
function uuidOf(digest: string): string {
  const hex = createHash('sha256').update(digest).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
