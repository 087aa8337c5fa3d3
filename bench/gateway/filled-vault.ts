/**
 * A directory vault with many published revisions, made by the project's own keys, records, log and state, but in one
 * go: weights are on record and not there, since metadata is all that is asked for. It is kept for the next run.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { recordEntry } from '../../src/attest/entry.ts';
import { type SignedRecord, signRecord } from '../../src/attest/record.ts';
import { encodeShard, type Shard, shardOf, signReceipt, signState } from '../../src/attest/state.ts';
import { timestamp } from '../../src/base/clock.ts';
import { gitBlobSha1, sha256 } from '../../src/base/digest.ts';
import { byPath, type ManifestFile } from '../../src/base/manifest.ts';
import { parseCommit, parseModelName, parseRepoPath } from '../../src/base/name.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { TOOL, Wire } from '../../src/cli/wire.ts';
import { grantAccess } from '../../src/lifecycle/access.ts';
import type { Gate } from '../../src/registry/gate.ts';
import {
  fileKey,
  indexKey,
  type Key,
  type RevisionId,
  receiptKey,
  recordKey,
  revisionPrefix,
  STATE_KEY,
} from '../../src/vault/layout.ts';
import { logFilesOf } from './log-files.ts';

/** Grows with whatever is changed here, so that an older vault is not taken for one of these. */
const SHAPE = 1;

/** How many revisions are signed before the event loop turns. */
const PROGRESS_EVERY = 10_000;

export interface FilledVault {
  readonly vault: string;
  readonly home: string;
  readonly revisions: number;
  /** For HF_TOKEN. */
  readonly token: string;
}

/** The vault with so many revisions, one to a model, its state renewed. Made below `folder` unless it is there. */
export async function filledVault(folder: string, revisions: number): Promise<FilledVault> {
  const place = path.join(folder, `revisions-${revisions}-v${SHAPE}`);
  if (!existsSync(place)) {
    process.stderr.write(`publishing ${revisions} revisions in ${place} …\n`);
    const unfinished = `${place}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    await fill(unfinished, revisions);
    renameSync(unfinished, place);
  }
  const gate = await wireOf(place).gate();
  await gate.advance();
  const { token } = await grantAccess(gate, {
    name: `bench-${Date.now().toString(36)}`,
    role: 'reader',
    models: ['*'],
    tool: TOOL,
  });
  await gate.vault.close();
  return { vault: vaultOf(place), home: homeOf(place), revisions, token };
}

/** The name of each model that is there. */
export function modelName(number: number): string {
  return `bench/model-${String(number).padStart(6, '0')}`;
}

const vaultOf = (place: string) => path.join(place, 'vault');
const homeOf = (place: string) => path.join(place, 'home');

const SILENT: Terminal = { colour: false, live: false, columns: 100, out: () => {}, err: () => {} };

function wireOf(place: string): Wire {
  return new Wire(
    { directory: place, environment: { WEIGHLOCK_HOME: homeOf(place) }, terminal: SILENT },
    { vault: vaultOf(place) },
  );
}

async function fill(place: string, revisions: number): Promise<void> {
  const wire = wireOf(place);
  const gate = await wire.gate();
  const { logSigner } = await wire.home.signers();
  const write = writer(vaultOf(place));
  const shards = new Map<string, Shard>();
  const entries: Uint8Array[] = [];
  for (let number = 0; number < revisions; number++) {
    const { record, shard } = await publish(gate, write, { number, shards });
    shards.set(shardOf(record.body.manifest.model), shard);
    entries.push(recordEntry(record));
    if (number % PROGRESS_EVERY === PROGRESS_EVERY - 1) process.stderr.write(`  ${number + 1}\n`);
  }
  const log = await logFilesOf(entries, gate.trust.origin, logSigner);
  for (const [name, bytes] of log.files) write(`log/${name}` as Key, bytes);
  const index: Record<string, ReturnType<typeof sha256>> = {};
  for (const [name, shard] of shards) {
    const { bytes, digest } = encodeShard(shard);
    write(indexKey(digest), bytes);
    index[name] = digest;
  }
  const { state, tag } = await gate.state('accept');
  const next = {
    ...state,
    sequence: state.sequence + 1,
    log: { size: entries.length, root: log.root.toString('base64') },
    index,
  };
  await gate.vault.swap(STATE_KEY, await signState(next, gate.signer), tag);
  await gate.vault.close();
}

type Write = (key: Key, bytes: Uint8Array) => void;

/** Without the syncs of a vault that must survive a crash: an unfinished one is thrown away. */
function writer(root: string): Write {
  const made = new Set<string>();
  return (key, bytes) => {
    const file = path.join(root, key);
    const folder = path.dirname(file);
    if (!made.has(folder)) mkdirSync(folder, { recursive: true });
    made.add(folder);
    writeFileSync(file, bytes);
  };
}

interface Publishing {
  readonly number: number;
  readonly shards: ReadonlyMap<string, Shard>;
}

/** One revision as an admission leaves it: record, receipt, small files, and its place in the index. */
async function publish(
  gate: Gate,
  write: Write,
  { number, shards }: Publishing,
): Promise<{ readonly record: SignedRecord; readonly shard: Shard }> {
  const model = parseModelName(modelName(number));
  const id: RevisionId = { model, commit: parseCommit(sha256(model).slice(0, 40)) };
  const texts = smallFiles(model);
  for (const [name, text] of texts) write(fileKey(id, parseRepoPath(name)), Buffer.from(text));
  const files = [...texts.map(([name, text]) => smallFile(name, text)), ...weights(model)].sort(byPath);
  const decidedAt = timestamp(gate.clock);
  const body = recordBody({ id, files, decidedAt, logIndex: number, vault: gate.trust.vault });
  const record = await signRecord(body, `${gate.vault.location}/${revisionPrefix(id)}`, gate.signer);
  write(recordKey(id, 0), record.bytes);
  const receipt = await signReceipt(
    {
      type: 'weighlock.receipt/v1',
      vault: gate.trust.vault,
      record: record.digest,
      files: files.map((file) => ({ path: file.path, sizeBytes: file.sizeBytes })),
    },
    gate.signer,
  );
  write(receiptKey(id, 0), receipt);
  const shard = shards.get(shardOf(model)) ?? { models: {} };
  shard.models[model] = {
    revisions: {
      [id.commit]: {
        number: 0,
        record: record.digest,
        logIndex: number,
        verdict: 'admitted',
        decidedAt,
        receipt: sha256(receipt),
      },
    },
    channels: {
      production: {
        commit: id.commit,
        logIndex: number,
        history: [{ commit: id.commit, logIndex: number, at: decidedAt }],
      },
    },
  };
  return { record, shard };
}

interface Body {
  readonly id: RevisionId;
  readonly files: ManifestFile[];
  readonly decidedAt: string;
  readonly logIndex: number;
  readonly vault: string;
}

function recordBody({ id, files, decidedAt, logIndex, vault }: Body): SignedRecord['body'] {
  return {
    type: 'weighlock.record/v1',
    number: 0,
    decidedAt,
    verdict: 'admitted',
    rules: [],
    policy: { name: 'default', sha256: sha256('the policy of a bench') },
    manifest: { vault, ...id, files, excluded: [] },
    source: {
      kind: 'hub',
      endpoint: 'https://huggingface.co',
      requested: 'main',
      license: 'mit',
      contacted: [],
    },
    coverage: files.map(({ path: file, sha256: facts }) => ({
      path: file,
      format: 'text',
      verdict: 'clean',
      facts,
      gaps: [],
    })),
    findings: [],
    evidence: [],
    channel: 'production',
    logSize: logIndex,
    tool: TOOL,
  };
}

/** What every repo of the Hub has beside its weights; the card is read, and so it is there. */
function smallFiles(model: string): readonly (readonly [string, string])[] {
  const config = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', hidden_size: 1536, note: model };
  return [
    [
      'README.md',
      `---\nlicense: mit\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n# ${model}\n`,
    ],
    ['config.json', `${JSON.stringify(config, null, 2)}\n`],
  ];
}

function smallFile(name: string, text: string): ManifestFile {
  const bytes = Buffer.from(text);
  return {
    path: parseRepoPath(name),
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    gitBlobSha1: gitBlobSha1(bytes),
  };
}

/** On record only. */
function weights(model: string): readonly ManifestFile[] {
  const file = (name: string, sizeBytes: number): ManifestFile => ({
    path: parseRepoPath(name),
    sizeBytes,
    sha256: sha256(createHash('sha256').update(`${model} ${name}`).digest()),
  });
  return [
    file('generation_config.json', 181),
    file('model-00001-of-000002.safetensors', 8_606_596_466),
    file('model-00002-of-000002.safetensors', 6_624_675_384),
    file('model.safetensors.index.json', 28_133),
    file('tokenizer.json', 7_031_660),
    file('tokenizer_config.json', 3_061),
  ];
}
