/** Holds a client's answer against the model as it lies on disk; says what differs. */

import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { digestFile, type ExpectedFile, type ExpectedModel, foldersOf } from './expected.ts';
import type { Answer, Listed, Observation } from './observation.ts';

export interface Expectation {
  readonly model: ExpectedModel;
  /** The files that single-file operations ask for. */
  readonly paths: readonly string[];
  /** Facts by operation, where it is neither a file nor a listing. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** More entries than any model here leaves in a folder or a cache. */
const ENTRIES_MAX = 10_000;
/** Differences that a cell tells; one is enough to fail. */
const DIFFERENCES_MAX = 6;

/** The differences between what was observed and what must be, none when it is exact. */
export async function differencesOf(observed: Observation, expected: Expectation): Promise<string[]> {
  if ('error' in observed) return [`${observed.error}: ${observed.message}`];
  const differences = await compare(observed.answer, observed.operation, expected);
  return differences.slice(0, DIFFERENCES_MAX);
}

async function compare(answer: Answer, operation: string, expected: Expectation): Promise<string[]> {
  const { model, paths } = expected;
  switch (answer.form) {
    case 'folder':
      return compareFiles(await filesIn(answer.folder), model, [...model.files.keys()]);
    case 'cache':
      return compareCache(answer.folder, model);
    case 'files': {
      const asked = answer.every ? [...model.files.keys()] : (answer.asked ?? paths);
      const failed = Object.entries(answer.errors ?? {}).map(([file, error]) => `${file}: ${error}`);
      const rest = asked.filter((file) => !(file in (answer.errors ?? {})));
      return [...failed, ...(await compareFiles(new Map(Object.entries(answer.files)), model, rest))];
    }
    case 'listing':
      return compareListing(answer, model);
    case 'refs':
      return answer.branches.main === model.commit ? [] : [`branches are ${JSON.stringify(answer.branches)}`];
    case 'commits':
      return answer.commits[0] === model.commit ? [] : [`commits are ${JSON.stringify(answer.commits)}`];
    case 'facts': {
      const wanted = expected.facts[operation];
      if (wanted === undefined) return [`nobody said what ${operation} must answer`];
      const said = `${JSON.stringify(answer.facts)}, not ${JSON.stringify(wanted)}`;
      return isDeepStrictEqual(answer.facts, wanted) ? [] : [said];
    }
  }
}

async function compareFiles(
  found: ReadonlyMap<string, string>,
  model: ExpectedModel,
  asked: readonly string[],
): Promise<string[]> {
  const differences = comparePaths([...found.keys()], asked);
  for (const [file, place] of found) {
    const wanted = model.files.get(file);
    if (!wanted) continue;
    // The size first: a digest is read only where it can be the right one.
    const { size } = await stat(place);
    const same = size === wanted.sizeBytes && (await digestFile(place, 'sha256')) === wanted.sha256;
    if (!same) differences.push(`${file}: other bytes (${size} of ${wanted.sizeBytes})`);
  }
  return differences;
}

async function compareCache(folder: string, model: ExpectedModel): Promise<string[]> {
  const snapshots = path.join(folder, `models--${model.id.replace('/', '--')}`, 'snapshots');
  const commits = await readdir(snapshots);
  if (commits.join() !== model.commit) return [`the cache holds ${commits.join(', ') || 'no revision'}`];
  return compareFiles(await filesIn(path.join(snapshots, model.commit)), model, [...model.files.keys()]);
}

function compareListing(answer: Answer & { form: 'listing' }, model: ExpectedModel): string[] {
  const { listing, folders, id, sha, lastCommits, asked } = answer;
  const wanted = asked ?? [...model.files.keys()];
  const differences = comparePaths(Object.keys(listing), wanted);
  if (id !== undefined && id !== model.id) differences.push(`it calls the model ${id}`);
  if (sha !== undefined && sha !== model.commit) differences.push(`it is at ${sha}, not ${model.commit}`);
  if (lastCommits && lastCommits.join() !== model.commit) differences.push(`last commits are ${lastCommits}`);
  const wantedFolders = asked ? [] : foldersOf(wanted);
  if (folders && [...folders].sort().join('\n') !== wantedFolders.join('\n'))
    differences.push(`folders are ${folders.join(', ') || 'none'}, not ${wantedFolders.join(', ')}`);
  for (const [file, said] of Object.entries(listing)) {
    const known = model.files.get(file);
    if (known) differences.push(...compareEntry(file, said, known));
  }
  return differences;
}

function compareEntry(file: string, said: Listed | null, wanted: ExpectedFile): string[] {
  if (said === null) return [`${file}: not there`];
  const differences: string[] = [];
  const { size, oid, sha256, etag, xet } = said;
  if (size !== undefined && size !== wanted.sizeBytes)
    differences.push(`${size} bytes, not ${wanted.sizeBytes}`);
  if (oid !== undefined && oid !== wanted.oid) differences.push(`oid ${oid}, not ${wanted.oid}`);
  const lfs = wanted.isLfs ? wanted.sha256 : null;
  if (sha256 !== undefined && sha256 !== lfs) differences.push(`LFS sha256 ${sha256}, not ${lfs}`);
  const tag = wanted.isLfs ? wanted.sha256 : wanted.oid;
  if (etag !== undefined && etag !== tag) differences.push(`ETag ${etag}, not ${tag}`);
  if (xet !== undefined && xet !== null)
    differences.push(`it leads past the endpoint: ${JSON.stringify(xet)}`);
  return differences.map((difference) => `${file}: ${difference}`);
}

function comparePaths(found: readonly string[], wanted: readonly string[]): string[] {
  const missing = wanted.filter((file) => !found.includes(file)).map((file) => `${file}: missing`);
  const surplus = found
    .filter((file) => !wanted.includes(file))
    .map((file) => `${file}: not part of the model`);
  return [...missing, ...surplus];
}

/** Files below a folder by their path in it, links followed; what clients keep for themselves is left out. */
async function filesIn(folder: string): Promise<Map<string, string>> {
  const root = await realpath(folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  if (entries.length > ENTRIES_MAX) throw new Error(`more than ${ENTRIES_MAX} entries in ${folder}`);
  const files = new Map<string, string>();
  for (const entry of entries) {
    const place = path.join(entry.parentPath, entry.name);
    const name = path.relative(root, place);
    if (entry.isDirectory() || name.startsWith(`.cache${path.sep}`)) continue;
    files.set(name, place);
  }
  return files;
}
