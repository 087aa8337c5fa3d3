/** Engines of others on real files: ClamAV's own daemon with a signature of ours, and YARA-X. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type CommandLine, commandLine } from '../story/command-line.ts';

const CLAMD = '/usr/sbin/clamd';
const skip = existsSync(CLAMD) ? false : 'needs clamd: apt-get install clamav-daemon';

/** What our own signature and rule recognise; harmless, and nowhere else. */
const MARK = 'weighlock-test-mark-5f1d';

/** The daemon loads its signatures within. */
const READY_MS_MAX = 60_000;

interface Daemon {
  readonly socket: string;
  close(): Promise<void>;
}

/** A daemon of our own, as the user that it insists on not being root for, with a database of one signature. */
async function startClamd(): Promise<Daemon> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-clamd-'));
  chmodSync(folder, 0o755);
  const database = path.join(folder, 'database');
  mkdirSync(database);
  writeFileSync(
    path.join(database, 'own.ndb'),
    `Weighlock.Test.Mark:0:*:${Buffer.from(MARK).toString('hex')}\n`,
  );
  const socket = path.join(folder, 'clamd.sock');
  const configuration = [
    `LocalSocket ${socket}`,
    'LocalSocketMode 666',
    `DatabaseDirectory ${database}`,
    'Foreground yes',
    'StreamMaxLength 100M',
    'User root',
  ];
  const file = path.join(folder, 'clamd.conf');
  writeFileSync(file, `${configuration.join('\n')}\n`);
  const child: ChildProcess = spawn(CLAMD, ['--config-file', file], { stdio: 'ignore' });
  for (let waited = 0; !existsSync(socket); waited += 100) {
    if (waited > READY_MS_MAX || child.exitCode !== null) throw new Error('clamd did not start');
    await pause(100);
  }
  return {
    socket,
    close: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Folder {
  readonly line: CommandLine;
  readonly at: string;
}

async function folder(t: TestContext, files: Readonly<Record<string, Uint8Array | string>>): Promise<Folder> {
  const line = await commandLine(t, []);
  const at = path.join(line.folder, 'model');
  mkdirSync(at);
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(at, name), content);
  return { line, at };
}

async function rulesOf({ line, at }: Folder, ...flags: readonly string[]) {
  const { exit, out, err } = await line.run('scan', at, '--json', ...flags);
  assert.ok(out !== '', err);
  const findings = JSON.parse(out).files.flatMap((file: { findings: { rule: string; global?: string }[] }) =>
    file.findings.map(({ rule, global }) => `${rule} ${global ?? ''}`.trim()),
  );
  return { exit, findings };
}

/** One tensor whose bytes happen to spell the mark. */
function unluckyTensor(): Buffer {
  const data = Buffer.from(MARK);
  const header = Buffer.from(
    JSON.stringify({ a: { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}

describe('ClamAV', { skip }, () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await startClamd();
  });
  after(() => daemon.close());

  it('blocks what it recognises, in a scan and in an admission', async (t) => {
    const here = await folder(t, { 'README.md': `# A model\n\n${MARK}\n`, 'config.json': '{}' });
    const { exit, findings } = await rulesOf(here, '--clamd', daemon.socket);
    assert.equal(exit, 1);
    assert.deepEqual(findings, ['malware/recognised Weighlock.Test.Mark.UNOFFICIAL']);
    const refused = await here.line.admit(1, here.at, '--as', 'local/model', '--clamd', daemon.socket);
    assert.equal(refused.verdict, 'refused');
    assert.ok(refused.findings.some(({ rule }) => rule === 'malware/recognised'));
  });

  it('is not shown tensors, in which every pattern stands somewhere', async (t) => {
    const here = await folder(t, { 'model.safetensors': unluckyTensor() });
    assert.deepEqual(await rulesOf(here, '--clamd', daemon.socket), { exit: 0, findings: [] });
  });

  it('is shown the first bytes of a large file, and how much it has not seen is told', async (t) => {
    const here = await folder(t, { 'large.txt': `${'x'.repeat(79)}\n`.repeat(400_000) });
    const { exit, findings } = await rulesOf(here, '--clamd', daemon.socket);
    assert.equal(exit, 0);
    assert.match(findings.join(), /malware\/not-all-examined/);
  });
});

describe('engines of others', () => {
  it('that cannot be asked leave nothing clean', async (t) => {
    const here = await folder(t, { 'config.json': '{}' });
    const { exit, findings } = await rulesOf(here, '--clamd', path.join(here.at, 'no.sock'));
    assert.equal(exit, 2);
    assert.match(findings.join(), /malware\/not-examined/);
  });

  for (const [what, meta, exit, rule] of [
    ['says nothing of itself asks for a review', '', 2, 'malware/to-review'],
    ['says that it blocks, blocks', 'meta: verdict = "block"', 1, 'malware/recognised'],
    ['says that it is a note, changes nothing', 'meta: verdict = "note"', 0, 'malware/note'],
  ] as const) {
    it(`a YARA rule that ${what}`, async (t) => {
      const here = await folder(t, { 'README.md': `# A model\n\n${MARK}\n` });
      const rules = path.join(here.line.folder, 'own.yar');
      writeFileSync(rules, `rule mark { ${meta} strings: $a = "${MARK}" condition: $a }`);
      const found = await rulesOf(here, '--yara', rules);
      assert.deepEqual(found, { exit, findings: [`${rule} mark`] });
    });
  }

  it('YARA rules that do not compile stop the command with the words of the compiler', async (t) => {
    const here = await folder(t, { 'config.json': '{}' });
    const rules = path.join(here.line.folder, 'own.yar');
    writeFileSync(rules, 'rule mark { condition: nothing_of_the_kind }');
    const ended = await here.line.run('scan', here.at, '--yara', rules);
    assert.equal(ended.exit, 78, ended.out);
    assert.match(ended.err, /nothing_of_the_kind/);
  });
});

it('names the daemon that was installed', { skip }, () => {
  assert.match(execFileSync(CLAMD, ['--version']).toString(), /^ClamAV \d/);
});
