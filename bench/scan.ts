/**
 * `npm run bench -- scan`: how fast files are hashed and judged, beside `openssl dgst -sha256` on the same files, which
 * only hashes them. Files lie in the page cache; one-file contestants are held to one core.
 *
 *   one file       safetensors, GGUF, a PyTorch archive: `weighlock scan` and openssl, each on one core
 *   several files  four safetensors files: `weighlock scan` on all cores, openssl on one
 *   dense pickles  nothing but opcodes, megabytes a second
 *   small files    five hundred of them in a folder, milliseconds a file
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ggufFile } from '../src/formats/samples.ts';
import { type Attempt, attempt, compile, type Step } from './contestant.ts';
import { buildPackage } from './programs.ts';
import { machineLine, markdown, sizeFrom } from './report.ts';
import { scratch } from './scratch.ts';

/** Each is measured so often; the fastest counts, since a noisy machine only ever adds. */
const RUNS = 3;

const SMALL_FILES = 500;
const DENSE_BYTES = 300e6;

interface Stage {
  readonly folder: string;
  readonly meter: string;
  readonly weighlock: readonly string[];
  readonly sizeBytes: number;
}

export async function benchScan(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { gb: { type: 'string', default: '4' }, work: { type: 'string', default: os.tmpdir() } },
  });
  const sizeBytes = sizeFrom(values.gb);
  using work = scratch(values.work, 'scan');
  const folder = work.path;
  const stage: Stage = {
    folder,
    meter: compile('measure', folder),
    weighlock: [process.execPath, buildPackage(path.join(folder, 'package'))],
    sizeBytes,
  };
  const rows = [
    ['what', 'weighlock scan', 'openssl dgst -sha256', 'ratio', 'to reach', 'peak memory'],
    ...(await oneFile(stage)),
    await severalFiles(stage),
    await dense(stage),
    await small(stage),
  ];
  process.stdout.write(`${machineLine(sizeBytes)}\n\n${markdown(rows)}`);
}

async function oneFile(stage: Stage): Promise<string[][]> {
  const rows: string[][] = [];
  for (const [name, make, reach] of [
    ['safetensors', safetensors, 0.9],
    ['gguf', gguf, 0.9],
    ['pytorch', pytorch, 0.75],
  ] as const) {
    const file = path.join(stage.folder, `model.${name}`);
    make(file, stage.sizeBytes);
    const ours = await best(stage, ['taskset', '-c', '0', ...stage.weighlock, 'scan', file], 0);
    const theirs = await best(stage, ['taskset', '-c', '0', 'openssl', 'dgst', '-sha256', file], 0);
    rows.push(row(`one ${name} file, one core`, { stage, ours, theirs, reach }));
    // The page cache is to hold the next one.
    rmSync(file);
  }
  return rows;
}

async function severalFiles(stage: Stage): Promise<string[]> {
  const folder = path.join(stage.folder, 'several');
  mkdirSync(folder);
  const files = ['a', 'b', 'c', 'd'].map((name) => path.join(folder, `${name}.safetensors`));
  for (const file of files) safetensors(file, Math.floor(stage.sizeBytes / files.length));
  const ours = await best(stage, [...stage.weighlock, 'scan', folder], 0);
  const theirs = await best(stage, ['taskset', '-c', '0', 'openssl', 'dgst', '-sha256', ...files], 0);
  rmSync(folder, { recursive: true });
  return row('four safetensors files, two cores against one', { stage, ours, theirs, reach: 1.7 });
}

async function dense(stage: Stage): Promise<string[]> {
  const file = path.join(stage.folder, 'dense.pkl');
  const script = [
    'import pickle, sys',
    'rows = [{"id": i, "x": i * 0.5, "tags": ("a", i & 255, None, True)} for i in range(200000)]',
    'data = pickle.dumps(rows, 4)',
    'out = open(sys.argv[1], "wb")',
    'while out.tell() < float(sys.argv[2]): out.write(data)',
  ].join('\n');
  execFileSync('python3', ['-c', script, file, String(DENSE_BYTES)]);
  const ours = await best(stage, [...stage.weighlock, 'scan', file], 0);
  const rate = DENSE_BYTES / 1e6 / ours.seconds;
  return ['pickles of nothing but opcodes', `${rate.toFixed(0)} MB/s`, '', '', '50 MB/s', megabytes(ours)];
}

async function small(stage: Stage): Promise<string[]> {
  const folder = path.join(stage.folder, 'small');
  mkdirSync(folder);
  for (let number = 0; number < SMALL_FILES; number++) {
    const text = JSON.stringify({ model_type: 'llama', number, text: 'x'.repeat(number * 20) });
    writeFileSync(path.join(folder, `${number}.json`), text);
  }
  const ours = await best(stage, [...stage.weighlock, 'scan', folder], 0);
  const each = (ours.seconds * 1000) / SMALL_FILES;
  return [
    `${SMALL_FILES} small files, start included`,
    `${each.toFixed(1)} ms each`,
    '',
    '',
    '50 ms',
    megabytes(ours),
  ];
}

async function best(stage: Stage, command: readonly string[], exit: number): Promise<Attempt> {
  const step: Step = { name: command.join(' '), command };
  let fastest: Attempt | undefined;
  for (let run = 0; run < RUNS; run++) {
    const cost = await attempt(stage.meter, step, stage.folder);
    if (cost.exit !== exit) throw new Error(`${step.name} ended with ${cost.exit}:\n${cost.said}`);
    if (fastest === undefined || cost.seconds < fastest.seconds) fastest = cost;
  }
  if (fastest === undefined) throw new Error('nothing ran');
  return fastest;
}

function row(
  what: string,
  by: { readonly stage: Stage; readonly ours: Attempt; readonly theirs: Attempt; readonly reach: number },
): string[] {
  const rate = ({ seconds }: Attempt) => `${(by.stage.sizeBytes / 1e6 / seconds).toFixed(0)} MB/s`;
  const ratio = by.theirs.seconds / by.ours.seconds;
  return [what, rate(by.ours), rate(by.theirs), ratio.toFixed(2), String(by.reach), megabytes(by.ours)];
}

function megabytes({ peakBytes }: Attempt): string {
  return `${(peakBytes / 1e6).toFixed(0)} MB`;
}

function safetensors(file: string, sizeBytes: number): void {
  const bytes = sizeBytes - 1024;
  const header = Buffer.alloc(1024, ' ');
  header.writeBigUInt64LE(1016n);
  header.write(JSON.stringify({ a: { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] } }), 8);
  writeFileSync(file, header);
  truncateSync(file, sizeBytes);
}

/** One tensor of 8-bit integers, in dimensions that GGUF takes. */
function gguf(file: string, sizeBytes: number): void {
  const rows = Math.floor(sizeBytes / 4096) - 1;
  const head = ggufFile({
    metadata: [],
    tensors: [{ name: 'a', shape: [4096, rows], type: 24, offset: 0 }],
    data: new Uint8Array(0),
  });
  writeFileSync(file, head);
  truncateSync(file, head.length + 4096 * rows);
}

/** As `torch.save` writes: one pickle that names storages, and the storages, by Python's own zipfile. */
function pytorch(file: string, sizeBytes: number): void {
  const count = 64;
  const elements = Math.floor(sizeBytes / count / 4);
  const pickle = path.join(path.dirname(file), 'data.pkl');
  const fd = openSync(pickle, 'w');
  writeSync(fd, Buffer.from('\x80\x02}(', 'latin1'));
  for (let key = 0; key < count; key++) writeSync(fd, tensor(key, elements));
  writeSync(fd, Buffer.from('u.', 'latin1'));
  closeSync(fd);
  const script = [
    'import sys, zipfile',
    'name, pickle, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])',
    'with zipfile.ZipFile(name, "w", zipfile.ZIP_STORED) as z:',
    '    z.write(pickle, "archive/data.pkl")',
    '    z.writestr("archive/version", "3\\n")',
    '    for key in range(count):',
    '        with z.open(f"archive/data/{key}", "w", force_zip64=True) as m:',
    '            for at in range(0, size, 1 << 20): m.write(bytes(min(1 << 20, size - at)))',
  ].join('\n');
  execFileSync('python3', ['-c', script, file, pickle, String(count), String(elements * 4)]);
}

/** `name: torch._utils._rebuild_tensor_v2(storage, 0, (n,), (1,), False, OrderedDict())` in protocol 2. */
function tensor(key: number, elements: number): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    const head = Buffer.from([0x58, 0, 0, 0, 0]);
    head.writeUInt32LE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  };
  const int = (value: number) => {
    const bytes = Buffer.from([0x4a, 0, 0, 0, 0]);
    bytes.writeInt32LE(value, 1);
    return bytes;
  };
  const raw = (value: string) => Buffer.from(value, 'latin1');
  return Buffer.concat([
    text(`layer.${key}.weight`),
    raw('ctorch._utils\n_rebuild_tensor_v2\n(('),
    text('storage'),
    raw('ctorch\nFloatStorage\n'),
    text(String(key)),
    text('cpu'),
    int(elements),
    raw('tQ'),
    int(0),
    int(elements),
    raw('\x85'),
    int(1),
    raw('\x85\x89ccollections\nOrderedDict\n)RtR'),
  ]);
}
