/**
 * `weighlock vault check` on a directory: races writers through the vault's own interface, in a scratch vault on the
 * same file system, and says what a directory cannot do.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { WeighlockError } from '../../base/errors.ts';
import { STAGING_PREFIX, STATE_KEY, VAULT_KEY } from '../../vault/layout.ts';
import { type Answer, type CheckRow, failed, missing, ok, type Question, row, unknown } from './check-row.ts';
import { arena, INCREMENTS_EACH, ROUNDS, type Told } from './directory-writer.ts';

/** Processes that race. */
const WRITERS = 4;
const TEXT_BYTES_MAX = 65_536;

/** Throws WL_VAULT_UNAVAILABLE where there is no directory. */
export async function checkDirectory(directory: string): Promise<CheckRow[]> {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', `there is no directory ${directory}`, {
      hint: 'The first `weighlock admit` makes it; check the place that holds it, or name an existing vault.',
    });
  }
  const scratch = path.join(directory, STAGING_PREFIX, `check-${randomBytes(8).toString('hex')}`);
  const stagingStood = existsSync(path.join(directory, STAGING_PREFIX));
  try {
    mkdirSync(scratch, { recursive: true });
    const told = await race(scratch);
    return [
      row(CREATE, await createdOnce(scratch, told)),
      row(SWAP, await noneLost(scratch, told)),
      row(FILE_SYSTEM, fileSystem(directory)),
      row(ACCESS, access(directory)),
      ...CANNOT.map((question) => row(question, missing('a directory has none'))),
    ];
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', `${directory} cannot be written`, { cause: error });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    if (!stagingStood) rmSync(path.join(directory, STAGING_PREFIX), { recursive: true, force: true });
  }
}

const CONDITION = {
  weight: 'condition',
  costs: 'Never use this directory for a vault: two gates would overwrite each other.',
  remedy: 'Put the vault on a local file system, or into a bucket.',
} as const;
const CREATE: Question = { ...CONDITION, id: 'create-race', what: 'of many that create an object, one wins' };
const SWAP: Question = {
  ...CONDITION,
  id: 'swap-race',
  what: 'of many that replace an object, nobody’s work is lost',
};

const FILE_SYSTEM: Question = {
  id: 'file-system',
  what: 'the file system is local: locks hold for every writer, a rename survives a crash',
  weight: 'safety',
  costs: 'Gates on two machines can overwrite each other: the races above were run on this machine alone.',
  remedy: 'Let one machine write, or use a bucket.',
};

const ACCESS: Question = {
  id: 'access-control',
  what: 'only the owner may write, and the writer cannot rewrite what is published',
  weight: 'safety',
  costs:
    'Gate, worker and gateway are one user to a file system: whoever runs as it can change or delete what was admitted. It is noticed, not prevented.',
  remedy:
    'Keep the folder closed to others, let runtimes read a copy (weighlock pull), or use a bucket with roles.',
};

const CANNOT: readonly Question[] = [
  {
    id: 'versioning',
    what: 'versions are kept',
    weight: 'safety',
    costs: 'What is overwritten or deleted is gone: keep a copy elsewhere.',
    remedy: 'Snapshots of the file system, weighlock copy, or a bucket with versioning.',
  },
  {
    id: 'object-lock',
    what: 'versions can be locked against deletion',
    weight: 'advice',
    costs: 'Whoever may write can delete what was admitted.',
    remedy: 'A bucket with Object Lock, where a regulator asks for it.',
  },
  {
    id: 'tags',
    what: 'a revocation stops direct reads',
    weight: 'safety',
    costs:
      'A revoked model is still read by whoever reads the folder directly: readers must verify, or ask the gateway.',
    remedy: 'Remove a revoked revision at once.',
  },
  {
    id: 'access-logs',
    what: 'accesses are logged',
    weight: 'advice',
    costs: 'After an incident nobody can say who read what.',
    remedy: 'Audit rules of the operating system, or a bucket with access logs.',
  },
];

/** Starts the writers, lets them go together, and returns what each was told. */
async function race(scratch: string): Promise<Told[]> {
  // Beside this file, as source or compiled.
  const module = path.join(import.meta.dirname, `directory-writer${path.extname(import.meta.filename)}`);
  const children = Array.from({ length: WRITERS }, (_, i) =>
    fork(module, [scratch, `writer ${i}`], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }),
  );
  try {
    await Promise.all(children.map(message));
    const told = children.map(message);
    for (const child of children) child.send('go');
    return (await Promise.all(told)) as Told[];
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

/** The next message of a writer. Throws WL_VAULT_UNAVAILABLE with what it said where it ends instead. */
async function message(child: ChildProcess): Promise<unknown> {
  const said: Buffer[] = [];
  const listen = (chunk: Buffer) => said.push(chunk);
  child.stderr?.on('data', listen);
  const ended = new AbortController();
  const end = () => ended.abort();
  child.once('exit', end);
  try {
    const [what] = await once(child, 'message', { signal: ended.signal });
    return what;
  } catch (error) {
    const words = Buffer.concat(said).toString().trim() || 'a writer ended without a word';
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', words.split('\n').at(-1) ?? words, { cause: error });
  } finally {
    child.off('exit', end);
    child.stderr?.off('data', listen);
  }
}

async function createdOnce(scratch: string, told: readonly Told[]): Promise<Answer> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const winners = told.flatMap(({ won }, i) => (won.includes(round) ? [`writer ${i}`] : []));
    const stands = (await arena(scratch, round).get(VAULT_KEY, TEXT_BYTES_MAX))?.bytes ?? [];
    if (winners.length !== 1)
      return failed(`${winners.length} of ${WRITERS} writers were told that they won`);
    if (Buffer.from(stands).toString() !== winners[0])
      return failed(`${winners[0]} won, and other bytes stand there`);
  }
  return ok(`${ROUNDS} races of ${WRITERS} processes`);
}

async function noneLost(scratch: string, told: readonly Told[]): Promise<Answer> {
  const stands = (await arena(scratch, 'swap').get(STATE_KEY, TEXT_BYTES_MAX))?.bytes ?? [];
  const count = Number(Buffer.from(stands).toString());
  const expected = told.reduce((sum, { swapped }) => sum + swapped, 0);
  if (count !== expected)
    return failed(`of ${expected} replacements that were told to have won, ${count} are there`);
  if (expected < WRITERS * INCREMENTS_EACH) return unknown(`only ${expected} replacements got through`);
  return ok(`${expected} replacements by ${WRITERS} processes, none lost`);
}

/** statfs(2)'s magic numbers of file systems that are shared over a network, or run by another process. */
const SHARED: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x65735546, 'FUSE'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01021997, '9p'],
]);

function fileSystem(directory: string): Answer {
  const kind = SHARED.get(statfsSync(directory).type);
  return kind === undefined ? ok('local') : unknown(`${kind}: what its locks promise depends on its server`);
}

function access(directory: string): Answer {
  const writable = (statSync(directory).mode & 0o022) !== 0;
  return missing(
    writable
      ? 'others may write here: chmod go-w'
      : 'only its owner may write, and that is everybody who admits',
  );
}
