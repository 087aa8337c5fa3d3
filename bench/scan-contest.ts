/**
 * `npm run bench -- contest`: scanners side by side on the same files, the corpus of `test/corpus/`. Each runs once a
 * file (or folder, where an entry is a repo), from its command line, as its users would; its exit code is its answer.
 *
 * An *answer* is `safe` (exit 0), `flagged` (1), or `none`: an error, an unsupported file, a minute without an end; of
 * ours, inconclusive. An attack is detected where the answer is not `safe`; of a benign file anything but `safe` is a
 * false alarm where it was flagged, and an open question where there was none.
 *
 * `--every 3` takes every third entry; `--results <file>` keeps what was measured, so that `--only weighlock` measures
 * one contestant anew on the file's entries and prints it beside the others. Entries that have left the corpus since
 * count for nobody.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CORPUS, type Entry, readManifest } from '../test/corpus/corpus.ts';
import { attempt, compile } from './contestant.ts';
import { buildPackage, peerProgram } from './programs.ts';
import { type Machine, machine, markdown } from './report.ts';
import { scratch } from './scratch.ts';

/** Whoever takes longer over one small file gives no answer. */
const SECONDS_MAX = 60;

type Answer = 'safe' | 'flagged' | 'none';

interface Contestant {
  readonly name: string;
  /** The command for one file; called once, before the first. */
  prepare(folder: string): (file: string) => readonly string[];
  version(): string;
}

interface Ran {
  readonly path: string;
  readonly answer: Answer;
  readonly exit: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

interface Result {
  readonly contestant: string;
  readonly version: string;
  readonly machine: Machine;
  readonly ran: readonly Ran[];
}

const CONTESTANTS: readonly Contestant[] = [
  peer('picklescan', 'picklescan', (program, file) => [program, '-p', file]),
  peer('picklescan --strict', 'picklescan', (program, file) => [program, '--strict', '-p', file]),
  peer('fickling', 'fickling', (program, file) => [program, '--check-safety', file]),
  peer('modelscan', 'modelscan', (program, file) => [program, '-p', file]),
  peer('hayward', 'hayward', (program, file) => [program, 'scan', file]),
  peer('hayward --fail-on-coverage', 'hayward', (program, file) => [
    program,
    'scan',
    '--fail-on-coverage',
    file,
  ]),
  peer('modelaudit', 'modelaudit', (program, file) => [program, 'scan', '--no-cache', file]),
  {
    name: 'weighlock',
    prepare: (folder) => {
      const program = buildPackage(path.join(folder, 'package'));
      return (file) => [process.execPath, program, 'scan', file, '--json'];
    },
    version: () => {
      const manifest = readFileSync(path.join(import.meta.dirname, '../package.json'), 'utf8');
      return (JSON.parse(manifest) as { readonly version: string }).version;
    },
  },
];

export async function benchContest(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      every: { type: 'string', default: '1' },
      only: { type: 'string' },
      work: { type: 'string', default: os.tmpdir() },
      results: { type: 'string' },
    },
  });
  const every = Number(values.every);
  const before = earlier(values.results);
  const measured = new Set(before[0]?.ran.map((each) => each.path));
  const entries = readManifest()
    .filter((entry) => measured.size === 0 || measured.has(entry.path))
    .filter((_, index) => index % every === 0);
  const only = values.only?.split(',');
  using work = scratch(path.resolve(values.work), 'contest');
  const meter = compile('measure', work.path);
  const results = new Map(before.map((result) => [result.contestant, result]));
  for (const contestant of CONTESTANTS) {
    if (only && !only.includes(contestant.name)) continue;
    process.stderr.write(`${contestant.name} …\n`);
    results.set(contestant.name, await run(contestant, entries, { meter, folder: work.path }));
    if (values.results) writeFileSync(values.results, JSON.stringify([...results.values()], null, 1));
  }
  process.stdout.write(report(readManifest(), [...results.values()]));
}

function earlier(file: string | undefined): readonly Result[] {
  return file !== undefined && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
}

interface Stage {
  readonly meter: string;
  readonly folder: string;
}

async function run(contestant: Contestant, entries: readonly Entry[], stage: Stage): Promise<Result> {
  const command = contestant.prepare(stage.folder);
  const ran: Ran[] = [];
  for (const entry of entries) {
    const file = path.join(CORPUS, entry.path);
    const step = {
      name: contestant.name,
      folder: stage.folder,
      command: ['timeout', String(SECONDS_MAX), ...command(file)],
      // Some tools report their use over the network, which costs seconds where there is none.
      environment: { PROMPTFOO_DISABLE_TELEMETRY: '1', NO_ANALYTICS: '1', WEIGHLOCK_HOME: stage.folder },
    };
    const { exit, seconds, peakBytes } = await attempt(stage.meter, step, stage.folder);
    ran.push({ path: entry.path, answer: answerOf(exit), exit, seconds, peakBytes });
  }
  return { contestant: contestant.name, version: contestant.version(), machine: machine(), ran };
}

function answerOf(exit: number): Answer {
  if (exit === 0) return 'safe';
  return exit === 1 ? 'flagged' : 'none';
}

/** A contestant out of `.peers/`, each in an environment of its own. */
function peer(
  name: string,
  folder: string,
  command: (program: string, file: string) => readonly string[],
): Contestant {
  return {
    name,
    prepare: () => {
      const program = peerProgram(`${folder}/bin/${folder}`, 'scanners');
      return (file) => command(program, file);
    },
    version: () => peerVersion(folder),
  };
}

/** The version that Python's package manager wrote down. */
function peerVersion(folder: string): string {
  const library = path.join(import.meta.dirname, '../.peers', folder, 'lib');
  for (const python of readdirSync(library))
    for (const name of readdirSync(path.join(library, python, 'site-packages'))) {
      const [distribution, version] = name.replace(/\.dist-info$/, '').split('-');
      if (name.endsWith('.dist-info') && distribution === folder && version) return version;
    }
  return 'unknown';
}

// What is printed -----------------------------------------------------------------------------------------------

function report(entries: readonly Entry[], results: readonly Result[]): string {
  const kinds = new Map(entries.map((entry) => [entry.path, entry]));
  const head = [
    'scanner',
    'gadgets',
    'parser cases',
    'containers',
    'configs',
    'weights stopped',
    'others stopped',
    'no answer: attacks',
    'no answer: benign',
    'median s',
    'total s',
    'peak MB',
  ];
  return markdown([head, ...results.map((result) => row(result, kinds))]);
}

function row({ contestant, version, ran }: Result, kinds: ReadonlyMap<string, Entry>): readonly string[] {
  const of = (choose: (entry: Entry) => boolean): readonly Ran[] =>
    ran.filter(({ path }) => {
      const entry = kinds.get(path);
      return entry !== undefined && choose(entry);
    });
  const caught = (kind: Entry['kind']): string => {
    const attacks = of((entry) => entry.kind === kind && entry.expect === 'not-clean');
    return share(attacks.filter(({ answer }) => answer !== 'safe').length, attacks.length);
  };
  const benign = (weightsOnly: boolean): readonly Ran[] =>
    of((entry) => entry.kind === 'benign' && entry.weightsOnly === weightsOnly);
  const stopped = (files: readonly Ran[]): readonly Ran[] => files.filter(({ answer }) => answer !== 'safe');
  const share = (part: number, whole: number): string => `${part} of ${whole}`;
  const unanswered = (files: readonly Ran[]): number =>
    files.filter(({ answer }) => answer === 'none').length;
  const seconds = ran.map((each) => each.seconds).sort((a, b) => a - b);
  const [weights, others] = [benign(true), benign(false)];
  return [
    `${contestant} (${version})`,
    caught('gadget'),
    caught('parser'),
    caught('container'),
    caught('config'),
    share(stopped(weights).length, weights.length),
    share(stopped(others).length, others.length),
    String(unanswered(of(({ expect }) => expect === 'not-clean'))),
    String(unanswered([...weights, ...others])),
    (seconds[seconds.length >> 1] ?? 0).toFixed(2),
    seconds.reduce((all, each) => all + each, 0).toFixed(0),
    (Math.max(...ran.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0),
  ];
}
