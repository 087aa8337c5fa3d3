/**
 * A revision at the Hub as the subject of a deployment. The commit is pinned; of its weights only the headers are read, to
 * know their size. What the Hub says of its own scans and of the publisher is read now, and is evidence, not truth.
 */

import { gitBlobSha1, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import { release } from '../base/release.ts';
import { parseBuffer } from '../formats/drive.ts';
import type { Facts } from '../formats/facts.ts';
import { type GgufFacts, isGguf, parseGguf } from '../formats/gguf.ts';
import type { Parse } from '../formats/parse.ts';
import { isSafetensors, parseSafetensors, type SafetensorsFacts } from '../formats/safetensors.ts';
import { isDeclared, type Source, type SourceFile, type SourceRevision } from '../sources/source.ts';
import type { Subject } from './deploy.ts';
import { CONFIG_BYTES_MAX, shapeOfConfig } from './shape.ts';
import {
  type DescribedFile,
  describeFile,
  INDEX_PATH,
  isWeightsPath,
  shapeAmong,
  weightsOf,
} from './weights.ts';

/** Enough to tell the two formats. */
const HEAD_BYTES = 16;

/** One request of a header: those of most shards fit, and a request for less costs as much. */
const BLOCK_BYTES = 256 << 10;

/** Longest header of safetensors, which is held whole: shards of real models have some hundred kilobytes. */
const SAFETENSORS_BYTES_MAX = 2 << 20;

/** All that is read of a GGUF file, a block at a time: vocabularies of 262,144 tokens take 8 MB. */
const GGUF_BYTES_MAX = 32 << 20;

/** All that is read and kept of a repo: R1 has 91,991 tensors in 163 shards, whose blocks are 43 MB. */
const HEADERS_BYTES_MAX = 256 << 20;
const TENSORS_MAX = 300_000;

/** Configurations that may name code: of the model, its tokenizer, processors, generation. */
const CONFIGURATION = /^[a-z_]{0,40}config\.json$/;
const CONFIGURATIONS_MAX = 16;

/** Longest index of shards: that of R1, with 91,991 tensors, has 9 MB. */
const INDEX_BYTES_MAX = 16 << 20;

/**
 * The revision at its commit. Throws what resolving throws, and WL_DEPLOY_REFUSED where the Hub itself warns of it or its
 * weights are of a format that can run code when it is loaded.
 */
export async function subjectOfHub(
  source: Source,
  wanted: { readonly model: ModelName; readonly revision: string | undefined },
): Promise<Subject> {
  const revision = await source.resolve(wanted.model, wanted.revision);
  const { model, commit, hubScan, publisher, endpoint, repoId } = revision;
  if (model !== wanted.model)
    throw new WeighlockError('WL_MODEL_RENAMED', `the Hub answers for ${wanted.model} with ${model}`);
  if (!commit) throw new WeighlockError('WL_SOURCE_LIES', `the Hub named no commit of ${model}`);
  refuseWarned(revision);
  const reader = new HubReader(source, revision);
  const described: DescribedFile[] = [];
  for (const file of revision.files)
    described.push(describeFile(file.path, file.sizeBytes, await reader.facts(file)));
  const weights = weightsOf(described);
  if (weights.format === 'other')
    throw new WeighlockError(
      'WL_DEPLOY_REFUSED',
      `${model} has no safetensors and no GGUF: other formats can run code when they are loaded`,
      {
        hint: `\`weighlock admit ${model}@${commit}\` reads and judges every byte; \`weighlock remediate\` converts.`,
      },
    );
  return {
    model,
    commit,
    files: revision.files.map(({ path, sizeBytes, declared }) => ({
      path,
      sizeBytes,
      sha256: declared.kind === 'lfs-sha256' ? declared.digest : undefined,
    })),
    sizeBytes: revision.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    weights,
    shape: reader.config === undefined ? shapeAmong(described) : shapeOfConfig(reader.config),
    remoteCode: described.some(({ namesCode }) => namesCode),
    origin: {
      route: 'hub',
      endpoint,
      repoId,
      publisher,
      scan: hubScan?.status ?? 'unknown',
      gated: revision.gated ?? false,
    },
  };
}

function refuseWarned({ model, commit, hubScan }: SourceRevision): void {
  if (hubScan?.status !== 'unsafe') return;
  throw new WeighlockError(
    'WL_DEPLOY_REFUSED',
    `the Hub’s own scanners warn of a file of ${model}@${commit?.slice(0, 12)}`,
    { hint: `See for yourself: \`weighlock scan ${model}@${commit}\`.` },
  );
}

class HubReader {
  readonly #source: Source;
  readonly #revision: SourceRevision;
  #headersBytes = 0;
  #configurations = 0;
  #tensors = 0;
  /** The text of config.json, once it was read. */
  config: string | undefined;

  constructor(source: Source, revision: SourceRevision) {
    this.#source = source;
    this.#revision = revision;
  }

  /** Facts of what decides about size and code; undefined for everything else. */
  async facts(file: SourceFile): Promise<Facts | undefined> {
    const { path, sizeBytes } = file;
    if (path.includes('/')) return undefined;
    if (path === INDEX_PATH || (CONFIGURATION.test(path) && this.#configurations < CONFIGURATIONS_MAX)) {
      if (sizeBytes > (path === INDEX_PATH ? INDEX_BYTES_MAX : CONFIG_BYTES_MAX)) return undefined;
      this.#configurations += 1;
      const bytes = await this.#whole(file);
      if (path === 'config.json') this.config = Buffer.from(bytes).toString('utf8');
      return parseBuffer(bytes);
    }
    if (!isWeightsPath(path) || this.#isFull()) return undefined;
    return this.#header(file);
  }

  /** A small file, held to the digest that the Hub declares. */
  async #whole(file: SourceFile): Promise<Uint8Array> {
    const bytes = await this.#range(file, { offset: 0, length: file.sizeBytes });
    if (isDeclared(file, { sha256: sha256(bytes), gitBlobSha1: gitBlobSha1(bytes) })) return bytes;
    throw new WeighlockError(
      'WL_DIGEST_MISMATCH',
      `${file.path} arrived with another digest than the Hub declares`,
    );
  }

  #isFull(): boolean {
    return this.#headersBytes >= HEADERS_BYTES_MAX || this.#tensors >= TENSORS_MAX;
  }

  async #header(file: SourceFile): Promise<SafetensorsFacts | GgufFacts | undefined> {
    const blocks = new Blocks(file.sizeBytes, (range) => this.#range(file, range));
    const head = await blocks.read(0, Math.min(HEAD_BYTES, file.sizeBytes));
    const parse = parserOf(head, file.sizeBytes);
    if (!parse) return undefined;
    blocks.bytesMax = isGguf(head) ? GGUF_BYTES_MAX : SAFETENSORS_BYTES_MAX;
    let step = parse.next();
    while (!step.done) step = parse.next(await blocks.read(step.value.offset, step.value.length));
    this.#headersBytes += blocks.readBytes;
    this.#tensors += step.value.tensors.length;
    return step.value;
  }

  async #range(
    file: SourceFile,
    range: { readonly offset: number; readonly length: number },
  ): Promise<Uint8Array> {
    const bytes = new Uint8Array(range.length);
    let filled = 0;
    for await (const chunk of this.#source.read(this.#revision, file, range)) {
      bytes.set(chunk, filled);
      filled += chunk.length;
      release(chunk);
    }
    return bytes;
  }
}

function parserOf(head: Uint8Array, sizeBytes: number): Parse<SafetensorsFacts | GgufFacts> | undefined {
  if (isSafetensors(head)) return parseSafetensors(sizeBytes);
  return isGguf(head) ? parseGguf(sizeBytes) : undefined;
}

type FetchRange = (range: { readonly offset: number; readonly length: number }) => Promise<Uint8Array>;

/** Reads of a parser that goes forward, answered from one block that is fetched ahead. */
class Blocks {
  readonly #sizeBytes: number;
  readonly #fetch: FetchRange;
  #begin = 0;
  #block: Uint8Array = new Uint8Array(0);
  readBytes = 0;
  bytesMax = BLOCK_BYTES;

  constructor(sizeBytes: number, fetch: FetchRange) {
    this.#sizeBytes = sizeBytes;
    this.#fetch = fetch;
  }

  /** Shorter where the file ends, and empty once the limit is met: the parser then says that something is missing. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.#sizeBytes, offset + length);
    if (offset >= end) return new Uint8Array(0);
    if (offset < this.#begin || end > this.#begin + this.#block.length) {
      const wanted = Math.min(Math.max(end - offset, BLOCK_BYTES), this.#sizeBytes - offset);
      if (this.readBytes + wanted > this.bytesMax) return new Uint8Array(0);
      this.readBytes += wanted;
      this.#block = await this.#fetch({ offset, length: wanted });
      this.#begin = offset;
    }
    return this.#block.subarray(offset - this.#begin, end - this.#begin);
  }
}
