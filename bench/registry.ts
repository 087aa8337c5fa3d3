/**
 * `npm run bench -- registry`: what a vault's books cost as they grow.
 *
 *   log       appends and proofs at 1,000, 10,000 and 100,000 entries, in memory: the log's own work, without a disk
 *   rescan    10,000 records judged by the rules of today, from stored facts, in a directory
 *   rollback  a channel taken back, from the command line, start included
 */
import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { RecordBody } from '../src/attest/record.ts';
import { sha256 } from '../src/base/digest.ts';
import { EXIT } from '../src/base/errors.ts';
import { parseCommit, parseModelName, parseRepoPath } from '../src/base/name.ts';
import { readPolicyFile } from '../src/cli/policy-file.ts';
import type { Terminal } from '../src/cli/terminal.ts';
import { Wire } from '../src/cli/wire.ts';
import { completeFacts } from '../src/formats/complete.ts';
import { parseBuffer } from '../src/formats/drive.ts';
import { PARSERS_VERSION } from '../src/formats/facts.ts';
import { smallSafetensors } from '../src/formats/samples.ts';
import { startHubStandIn } from '../src/hub-stand-in/hub-stand-in.ts';
import { verifierKey } from '../src/log/checkpoint.ts';
import { LogReader, type TreeHead } from '../src/log/reader.ts';
import { LogWriter, type WritableLogFiles } from '../src/log/writer.ts';
import type { Gate } from '../src/registry/gate.ts';
import { factsKey, policyKey } from '../src/vault/layout.ts';
import { plainCommit } from '../test/story/models.ts';
import { attempt, compile } from './contestant.ts';
import { buildPackage } from './programs.ts';
import { machine, markdown } from './report.ts';
import { scratch } from './scratch.ts';

const execFileAsync = promisify(execFile);

const ORIGIN = 'weighlock/bench';
const SIZES = [1_000, 10_000, 100_000];
/** Appends and proofs that one figure is the mean of. */
const MEASURED = 500;
const MODELS = 100;

export async function benchRegistry(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      entries: { type: 'string', default: '100000' },
      records: { type: 'string', default: '10000' },
      work: { type: 'string', default: os.tmpdir() },
    },
  });
  using work = scratch(values.work, 'registry');
  const { cores, node, loadBefore } = machine();
  process.stdout.write(`${cores} cores, Node ${node}, load before ${loadBefore.toFixed(1)}\n\n`);
  process.stdout.write(`${markdown(await logRows(Number(values.entries)))}\n`);
  const stage = {
    folder: work.path,
    program: buildPackage(path.join(work.path, 'package')),
    meter: compile('measure', work.path),
  };
  process.stdout.write(`${markdown(await rescanRows(stage, Number(values.records)))}\n`);
  process.stdout.write(markdown(await rollbackRows(stage)));
}

interface Stage {
  readonly folder: string;
  /** What users install. */
  readonly program: string;
  readonly meter: string;
}

const SILENT: Terminal = { colour: false, live: false, columns: 100, out: () => {}, err: () => {} };

/** The log's files, with a count of what is asked; partial tiles that a fuller one replaces are dropped, as C2SP permits. */
class CountedFiles implements WritableLogFiles {
  readonly #files = new Map<string, Uint8Array>();
  reads = 0;
  writes = 0;

  async get(name: string) {
    this.reads += 1;
    const bytes = this.#files.get(name);
    return bytes && { bytes, tag: Buffer.from(bytes).toString('base64') };
  }

  async create(name: string, bytes: Uint8Array) {
    this.writes += 1;
    this.#files.set(name, bytes);
    const [, tile, width] = /^(.*\.p\/)(\d+)$/.exec(name) ?? [];
    if (tile !== undefined) this.#files.delete(`${tile}${Number(width) - 2}`);
    return 'created' as const;
  }

  async swap(name: string, bytes: Uint8Array) {
    this.writes += 1;
    this.#files.set(name, bytes);
    return 'swapped' as const;
  }

  drop(prefix: string): void {
    for (const name of this.#files.keys()) if (name.startsWith(prefix)) this.#files.delete(name);
  }
}

async function logRows(most: number): Promise<string[][]> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const signer = {
    verifierKey: verifierKey(ORIGIN, publicKey),
    sign: async (text: Uint8Array) => sign(null, text, privateKey),
  };
  const files = new CountedFiles();
  let known: TreeHead | undefined;
  const writer = new LogWriter({
    files,
    origin: ORIGIN,
    signer,
    keys: [],
    memory: {
      highest: () => known,
      signed: (head) => {
        known = head;
      },
    },
  });
  const rows = [['entries', 'ms an append', 'reads', 'writes', 'ms a proof', 'reads']];
  let size = 0;
  const append = async () => {
    await writer.append(Buffer.from(`entry ${size}`), size);
    size += 1;
    if (size % 1000 === 0) files.drop('staging/');
  };
  for (const target of SIZES.filter((one) => one <= most)) {
    while (size < target - MEASURED) await append();
    const before = { reads: files.reads, writes: files.writes, at: performance.now() };
    while (size < target) await append();
    const each = (value: number) => (value / MEASURED).toFixed(1);
    const row = [
      String(target),
      ((performance.now() - before.at) / MEASURED).toFixed(2),
      each(files.reads - before.reads),
      each(files.writes - before.writes),
    ];
    const reader = new LogReader(files);
    const proving = { reads: files.reads, at: performance.now() };
    for (let proof = 0; proof < MEASURED; proof++)
      await reader.prove(Math.floor((proof * size) / MEASURED), size);
    rows.push([
      ...row,
      ((performance.now() - proving.at) / MEASURED).toFixed(2),
      each(files.reads - proving.reads),
    ]);
  }
  return rows;
}

/** The program itself, told by a process of its own: what has filled the vault before costs it nothing. */
async function rescanRows({ folder, program, meter }: Stage, count: number): Promise<string[][]> {
  const vault = path.join(folder, 'vault');
  const home = path.join(folder, 'home-of-records');
  const wire = new Wire(
    { directory: folder, environment: { WEIGHLOCK_HOME: home }, terminal: SILENT },
    { vault },
  );
  const gate = await wire.gate();
  const filling = performance.now();
  await fill(gate, count);
  const folding = performance.now();
  await gate.advance();
  const folded = performance.now();
  await gate.vault.close();
  const command = [process.execPath, program, 'rescan', '--all', '--vault', vault, '--json'];
  const rescan = { name: 'rescan', command, environment: { WEIGHLOCK_HOME: home } };
  const { exit, said, seconds, peakBytes } = await attempt(meter, rescan, folder);
  if (exit !== EXIT.done || !said.includes(`"looked": ${count}`))
    throw new Error(`the rescan ended with ${exit}:\n${said}`);
  return [
    ['records', 'making them, s', 'folding them in, s', 'rescan, s', 'ms a record', 'peak MB'],
    [
      String(count),
      ((folding - filling) / 1000).toFixed(1),
      ((folded - folding) / 1000).toFixed(1),
      seconds.toFixed(1),
      ((seconds * 1000) / count).toFixed(2),
      (peakBytes / 1e6).toFixed(0),
    ],
  ];
}

async function fill(gate: Gate, count: number): Promise<void> {
  const policy = readPolicyFile(new URL('../policies/default.yaml', import.meta.url), 'default');
  await gate.vault.create(policyKey(policy.sha256), Buffer.from(policy.text));
  const file = Buffer.from(smallSafetensors());
  const facts = Buffer.from(JSON.stringify(await completeFacts(parseBuffer(file))));
  await gate.vault.create(factsKey(sha256(facts)), facts);
  let logSize = await gate.logSize();
  for (let number = 0; number < count; number++) {
    const model = parseModelName(`org/model-${number % MODELS}`);
    const commit = parseCommit(number.toString(16).padStart(40, '0'));
    const body = recordBody(gate, {
      model,
      commit,
      file,
      facts: sha256(facts),
      policy: policy.sha256,
      logSize,
    });
    const { record } = await gate.claim({ model, commit }, 0, body);
    logSize = (await gate.log(record)) + 1;
  }
}

interface ForBench {
  readonly model: RecordBody['manifest']['model'];
  readonly commit: RecordBody['manifest']['commit'];
  readonly file: Uint8Array;
  readonly facts: RecordBody['coverage'][number]['facts'];
  readonly policy: RecordBody['policy']['sha256'];
  readonly logSize: number;
}

/** Of a model that is called held, so that nothing has to be published: a rescan asks the same of it. */
function recordBody(
  gate: Gate,
  { model, commit, file, facts, policy, logSize }: ForBench,
): Omit<RecordBody, 'number'> {
  const name = parseRepoPath('model.safetensors');
  return {
    type: 'weighlock.record/v1',
    decidedAt: new Date().toISOString(),
    verdict: 'held',
    rules: [{ rule: 'references', outcome: 'hold', because: 'it is to be held' }],
    policy: { name: 'default', sha256: policy },
    manifest: {
      vault: gate.trust.vault,
      model,
      commit,
      files: [{ path: name, sizeBytes: file.length, sha256: sha256(file) }],
      excluded: [],
    },
    source: { kind: 'hub', endpoint: 'https://hub.example', requested: 'main', contacted: [], tags: [] },
    coverage: [{ path: name, format: 'safetensors', verdict: 'clean', facts, gaps: [] }],
    findings: [],
    evidence: [],
    parsers: PARSERS_VERSION,
    logSize,
    tool: { name: 'weighlock', version: 'bench' },
  };
}

async function rollbackRows({ folder, program }: Stage): Promise<string[][]> {
  const hub = await startHubStandIn({ models: [{ id: 'org/model', commits: [plainCommit('one')] }] });
  try {
    const env = {
      ...process.env,
      WEIGHLOCK_HOME: path.join(folder, 'home'),
      WEIGHLOCK_HUB_ENDPOINT: hub.endpoint,
      WEIGHLOCK_HUB_HOSTS: hub.cdnHost,
      WEIGHLOCK_VAULT: path.join(folder, 'live'),
    };
    const run = (...args: string[]) =>
      execFileAsync(process.execPath, [program, ...args], { cwd: folder, env });
    await run('admit', 'org/model');
    const next = hub.publish('org/model', plainCommit('two'));
    await run('admit', 'org/model');
    const seconds: number[] = [];
    for (let count = 0; count < 5; count++) {
      await run('channel', 'set', `org/model@${next}`);
      const begun = performance.now();
      await run('channel', 'rollback', 'org/model');
      seconds.push((performance.now() - begun) / 1000);
    }
    const [fastest = 0] = seconds.toSorted((a, b) => a - b);
    return [
      ['rollback from the command line', 'fastest of 5, s', 'to reach'],
      ['start included', fastest.toFixed(2), 'below 1'],
    ];
  } finally {
    await hub.close();
  }
}
