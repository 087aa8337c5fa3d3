/**
 * The matrix: every client asks an endpoint for a model, and each answer is held against the model itself. A *cell* is
 * one operation of one client on one vault.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Client, ModelKind, Question } from './client.ts';
import { digestRanges, type ExpectedModel } from './expected.ts';
import { differencesOf, type Expectation } from './judge.ts';
import type { Observation } from './observation.ts';
import { OTHER_CLIENTS } from './other-clients.ts';
import { PYTHON_CLIENTS } from './python-clients.ts';

export interface Cell {
  readonly client: string;
  readonly operation: string;
  readonly model: string;
  readonly vault: string;
  /** `explained`: not exact, and the client's own doing; `missing`: the client is not installed. */
  readonly result: 'exact' | 'explained' | 'wrong' | 'missing';
  readonly detail: string;
}

export interface MatrixOptions {
  readonly endpoint: string;
  /** `hf_` and 34 letters or digits: some clients drop, or refuse, anything else. */
  readonly token: string;
  /** What the endpoint reads from, for the table. */
  readonly vault: string;
  readonly kind: ModelKind;
  readonly model: ExpectedModel;
  readonly clients?: readonly Client[];
}

export const CLIENTS: readonly Client[] = [...PYTHON_CLIENTS, ...OTHER_CLIENTS];

/** Clients that run at once: the machines that run this have two cores. */
const AT_ONCE = 2;
/** Small models know little of the world, and how to count. */
const SENTENCE = '1, 2, 3, 4, 5,';
const DETAIL_CHARACTERS_MAX = 1_200;

export async function runMatrix(options: MatrixOptions): Promise<Cell[]> {
  const { clients = CLIENTS, kind } = options;
  const wanted = clients.filter((client) => client.takes(kind));
  const cells: Cell[][] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < wanted.length; at = next++) {
      const client = wanted[at];
      if (client) cells[at] = await cellsOf(client, options);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return cells.flat();
}

async function cellsOf(client: Client, options: MatrixOptions): Promise<Cell[]> {
  const cell = (operation: string, result: Cell['result'], detail: string): Cell => ({
    ...{ client: client.name, operation, model: options.kind, vault: options.vault },
    ...{ result, detail: detail.slice(0, DETAIL_CHARACTERS_MAX) },
  });
  const { skip } = client;
  if (skip) return client.operations.map((operation) => cell(operation, 'missing', skip));
  const home = await mkdtemp(path.join(os.tmpdir(), 'weighlock-client-'));
  try {
    const question = questionFor(options, home);
    const expectation = await expectationOf(options, question);
    const observations = await client.run(question);
    const judged: Cell[] = [];
    for (const operation of client.operations) {
      const observed = observations.find((one) => one.operation === operation);
      const { result, detail } = await judge(client, { operation, observed, expectation });
      judged.push(cell(operation, result, detail));
    }
    return judged;
  } catch (error) {
    return client.operations.map((operation) => cell(operation, 'wrong', String(error)));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface Judging {
  readonly operation: string;
  readonly observed: Observation | undefined;
  readonly expectation: Expectation;
}

async function judge(client: Client, { operation, observed, expectation }: Judging) {
  if (!observed) return { result: 'wrong', detail: 'it said nothing of it' } as const;
  const differences = await differencesOf(observed, expectation);
  if (differences.length === 0) return { result: 'exact', detail: '' } as const;
  const own = client.peculiarities.find(
    (peculiarity) =>
      peculiarity.operation.test(operation) &&
      differences.every((difference) => peculiarity.difference.test(difference)),
  );
  if (own) return { result: 'explained', detail: own.because } as const;
  return { result: 'wrong', detail: differences.join('; ') } as const;
}

/** The large file, one in a folder, an empty one, and one whose name has to be encoded, where the model has them. */
function questionFor({ endpoint, token, model }: MatrixOptions, home: string): Question {
  const files = [...model.files];
  const [largest = ''] = files.toSorted(([, one], [, other]) => other.sizeBytes - one.sizeBytes)[0] ?? [];
  const of = (is: (file: string, sizeBytes: number) => boolean) =>
    files.find(([file, { sizeBytes }]) => is(file, sizeBytes))?.[0] ?? [];
  const paths = [
    ...[
      of((file) => file === 'README.md'),
      of((file) => file.includes('/')),
      of((_, size) => size === 0),
    ].flat(),
    ...[of((file) => /[ +]/.test(file)), largest].flat(),
  ];
  const end = model.files.get(largest)?.sizeBytes ?? 0;
  const ranges = [
    [Math.floor(end / 2), 1000],
    [0, 16],
    [end - 777, 777],
    [1_048_570, 5_000_000],
  ] as const;
  const { id, commit, folder } = model;
  const probe = { path: largest, ranges };
  return { endpoint, token, model: id, commit, paths, probe, sentence: SENTENCE, folder, home };
}

async function expectationOf({ model }: MatrixOptions, question: Question): Promise<Expectation> {
  const { path: probed, ranges } = question.probe;
  const source = model.files.get(probed)?.source ?? '';
  const facts = {
    'hf cache verify': { verified: true },
    repo_exists: { exists: true },
    'repo_exists (not admitted)': { exists: false },
    'model_info (commit, channel)': { shas: [model.commit] },
    refusals: {
      model: 'GatedRepoError, saying why',
      snapshot: 'GatedRepoError, saying why',
      revision: 'RevisionNotFoundError, saying why',
      file: 'EntryNotFoundError, saying why',
      token: 'GatedRepoError, saying why',
      'no token': 'GatedRepoError, saying why',
    },
    'refused downloads': {
      model: '403, saying why',
      revision: '404, saying why',
      token: '401, saying why',
      'no token': '401, saying why',
    },
    'hf download (not admitted)': { saysWhy: true },
    'AutoConfig (not admitted)': { refusal: 'OSError, saying why' },
    exists: { exists: true },
    modelInfo: { name: model.id, sha: model.commit },
    file_exists: { present: true, absent: false },
    fileExists: { present: true, absent: false },
    'HfFileSystem.open, seek': { ranges: await digestRanges(source, ranges) },
    AutoConfig: { type: 'bert', hidden: 384 },
    AutoTokenizer: { same: true, some: true },
    '-hf answers': { countsOn: true },
  };
  return { model, paths: question.paths, facts };
}
