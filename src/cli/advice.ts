/**
 * Which advisories are in force: those that ship, or those that `weighlock advisory update` put into the home of this
 * machine, whichever are newer.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { WeighlockError } from '../base/errors.ts';
import {
  ADVISORIES_BYTES_MAX,
  type AdvisoryFile,
  compareFileVersions,
  parseAdvisories,
} from '../scan/advisory-file.ts';
import { type Loader, parseLoader } from '../scan/loaders.ts';
import type { Home } from './home.ts';

const SHIPPED = new URL('../../advisories/advisories.json', import.meta.url);

export interface InForce {
  readonly file: AdvisoryFile;
  /** For people: where they come from. */
  readonly from: string;
}

/** Throws WL_CONFIG_INVALID where the file in the home is damaged: silently older advisories would be no advice. */
export function advisoriesInForce(home: Pick<Home, 'path'>): InForce {
  // A part of the program, which a test holds to the schema: checking it costs every command a tenth of its start.
  const shipped = { file: JSON.parse(readFileSync(SHIPPED, 'utf8')) as AdvisoryFile, from: 'as shipped' };
  const installed = installedAt(home);
  if (!existsSync(installed)) return shipped;
  const updated = { file: read(installed, installed), from: installed };
  return compareFileVersions(updated.file.version, shipped.file.version) > 0 ? updated : shipped;
}

/** The advisories in force, and the loader that the text names. Throws WL_USAGE and WL_CONFIG_INVALID. */
export function adviceFor(
  home: Pick<Home, 'path'>,
  loader: string | undefined,
): { readonly advisories: AdvisoryFile; readonly loader: Loader | undefined } {
  const { file } = advisoriesInForce(home);
  return { advisories: file, loader: loader === undefined ? undefined : loaderOf(loader, file) };
}

export function loaderOf(text: string, { advisories, brings }: AdvisoryFile): Loader {
  return parseLoader(text, [...advisories.map((advisory) => advisory.loader), ...Object.keys(brings)]);
}

/** Puts the file into force. Throws WL_CONFIG_INVALID where it is none, or is not newer than what is in force. */
export function installAdvisories(home: Pick<Home, 'path'>, source: string): InForce {
  const file = read(source, source);
  const before = advisoriesInForce(home);
  if (compareFileVersions(file.version, before.file.version) <= 0)
    throw new WeighlockError(
      'WL_CONFIG_INVALID',
      `${source} has the version ${file.version}, and ${before.file.version} is in force`,
      { hint: 'Only newer advisories replace those in force.' },
    );
  const target = installedAt(home);
  mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
  const temporary = `${target}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(file), { mode: 0o600, flush: true });
  renameSync(temporary, target);
  return { file, from: target };
}

function installedAt(home: Pick<Home, 'path'>): string {
  return path.join(home.path, 'advisories.json');
}

function read(file: string, named: string): AdvisoryFile {
  let content: string;
  try {
    const stats = statSync(file);
    if (!stats.isFile() || stats.size > ADVISORIES_BYTES_MAX) throw new Error('no file of advisories');
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError('WL_CONFIG_INVALID', `cannot read the advisories of ${named}`, { cause: error });
  }
  return parseAdvisories(content, named);
}
