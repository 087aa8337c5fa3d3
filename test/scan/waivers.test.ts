/** Waivers, from the person's key to the record: what they lift, and what no forged, foreign or expired one lifts. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LocalSigner } from '../../src/attest/key.ts';
import { encodeWaivers, signWaiver, type WaiverBody } from '../../src/attest/waiver.ts';
import { sha256 } from '../../src/base/digest.ts';
import { bytes, call, proto } from '../pickles.ts';
import { type CommandLine, commandLine } from '../story/command-line.ts';

/** A class that no allowlist knows, made and given a state: inconclusive. */
const UNKNOWN = bytes(proto(4), call('mylib', 'Net'), '.');

/** A call that starts a program: blocked. */
const DANGEROUS = bytes(proto(4), call('posix', 'system'), '.');

interface Office {
  readonly line: CommandLine;
  /** Paths in the folder of the test. */
  at(name: string): string;
  scan(name: string, ...flags: readonly string[]): Promise<{ exit: number; report: Report; err: string }>;
}

interface Report {
  readonly verdict: string;
  readonly files: readonly {
    readonly findings: readonly { readonly rule: string; readonly waived?: { readonly by: string } }[];
  }[];
}

/** A vault with its trust file, and Ada, who may sign. */
async function office(t: TestContext): Promise<Office> {
  const line = await commandLine(t, []);
  const at = (name: string) => path.join(line.folder, name);
  writeFileSync(at('unknown.pkl'), UNKNOWN);
  writeFileSync(at('dangerous.pkl'), DANGEROUS);
  const vault = ['--vault', at('vault')];
  writeFileSync(at('ada.pub'), (await line.run('key', '--new', at('ada.pem'))).out);
  const named = await line.run('trust', 'add-approver', 'ada@example.org', at('ada.pub'), ...vault);
  assert.equal(named.exit, 0, named.err);
  return {
    line,
    at,
    scan: async (name, ...flags) => {
      const { exit, out, err } = await line.run('scan', at(name), '--json', ...vault, ...flags);
      return { exit, err, report: JSON.parse(out) as Report };
    },
  };
}

async function waive({ line, at }: Office, name: string, ...flags: readonly string[]): Promise<number> {
  const ended = await line.run(
    ...['waive', at(name), '--reason', 'looked at by hand', '--key', at('ada.pem')],
    ...['--out', at('waivers.json'), '--vault', at('vault'), ...flags],
  );
  return ended.exit;
}

describe('waivers', () => {
  for (const [what, name, flags] of [
    ['a rule', 'unknown.pkl', ['--rule', 'pickle/unknown-call']],
    ['a global', 'unknown.pkl', ['--global', 'mylib.Net']],
    ['a call that is blocked', 'dangerous.pkl', ['--global', 'posix.system']],
  ] as const) {
    it(`lifts ${what} from the file whose digest it names, and from no other`, async (t) => {
      const here = await office(t);
      const before = await here.scan(name);
      assert.notEqual(before.exit, 0);
      assert.equal(await waive(here, name, ...flags), 0);
      const after = await here.scan(name, '--waivers', here.at('waivers.json'));
      assert.equal(after.exit, 0, JSON.stringify(after.report));
      assert.equal(after.report.files[0]?.findings[0]?.waived?.by, 'ada@example.org');
      const other = readFileSync(here.at(name));
      writeFileSync(here.at('other.pkl'), Buffer.concat([other.subarray(0, -1), Buffer.from('0N.')]));
      assert.equal((await here.scan('other.pkl', '--waivers', here.at('waivers.json'))).exit, before.exit);
    });
  }

  it('are evidence of the admission that they let pass', async (t) => {
    const here = await office(t);
    const { line, at } = here;
    const folder = at('model');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'model.pkl'), UNKNOWN);
    const flags = ['--as', 'local/model', '--vault', at('vault')];
    assert.equal((await line.admit(2, folder, ...flags)).verdict, 'held');
    assert.equal(await waive(here, 'unknown.pkl', '--rule', 'pickle/unknown-call'), 0);
    const policy = at('open.yaml');
    writeFileSync(policy, 'version: 1\nrules: []\n');
    const admitted = await line.admit(
      0,
      folder,
      ...flags,
      '--policy',
      policy,
      '--waivers',
      at('waivers.json'),
    );
    assert.equal(admitted.verdict, 'admitted');
    const shown = await line.run('show', `local/model@${admitted.commit}`, '--json', '--vault', at('vault'));
    assert.match(shown.out, /"type": "waiver"/);
    assert.match(shown.out, /"by": "ada@example.org"/);
    assert.equal((await line.run('verify', '--vault', at('vault'))).exit, 0);
  });

  it('that have expired lift nothing, and say so', async (t) => {
    const here = await office(t);
    const { vault } = JSON.parse(
      (await here.line.run('trust', 'show', '--json', '--vault', here.at('vault'))).out,
    ).trust;
    const body: WaiverBody = {
      type: 'weighlock.waiver/v1',
      vault,
      sha256: sha256(UNKNOWN),
      lifts: { rule: 'pickle/unknown-call' },
      reason: 'for a week',
      approver: 'ada@example.org',
      madeAt: '2020-01-01T00:00:00.000Z',
      expiresAt: '2020-01-08T00:00:00.000Z',
    };
    const signer = new LocalSigner(readFileSync(here.at('ada.pem'), 'utf8'));
    writeFileSync(here.at('old.json'), encodeWaivers([await signWaiver(body, signer)]));
    const { exit, report } = await here.scan('unknown.pkl', '--waivers', here.at('old.json'));
    assert.equal(exit, 2);
    assert.ok(report.files[0]?.findings.some(({ rule }) => rule === 'waiver/expired'));
  });

  for (const [what, change] of [
    ['signed by a stranger', { key: 'stranger.pem' }],
    ['made for another vault', { vault: 'f'.repeat(32) }],
    ['in the name of somebody else', { approver: 'bob@example.org' }],
    ['longer than a year', { expiresAt: '2099-01-01T00:00:00.000Z' }],
    ['edited after it was signed', { edited: true }],
  ] as const) {
    it(`that are ${what} stop the command, and lift nothing`, async (t) => {
      const here = await office(t);
      await here.line.run('key', '--new', here.at('stranger.pem'));
      const { vault } = JSON.parse(
        (await here.line.run('trust', 'show', '--json', '--vault', here.at('vault'))).out,
      ).trust;
      const key = 'key' in change ? change.key : 'ada.pem';
      const body: WaiverBody = {
        type: 'weighlock.waiver/v1',
        vault: 'vault' in change ? change.vault : vault,
        sha256: sha256(UNKNOWN),
        lifts: { rule: 'pickle/unknown-call' },
        reason: 'because',
        approver: 'approver' in change ? change.approver : 'ada@example.org',
        madeAt: new Date().toISOString(),
        expiresAt: 'expiresAt' in change ? change.expiresAt : new Date(Date.now() + 86_400_000).toISOString(),
      };
      const signer = new LocalSigner(readFileSync(here.at(key), 'utf8'));
      const text = encodeWaivers([await signWaiver(body, signer)]);
      const [envelope] = JSON.parse(text);
      if ('edited' in change) {
        const payload = Buffer.from(envelope.payload, 'base64').toString().replace('because', 'always!');
        envelope.payload = Buffer.from(payload).toString('base64');
      }
      writeFileSync(here.at('w.json'), JSON.stringify([envelope]));
      const flags = ['--vault', here.at('vault'), '--waivers', here.at('w.json')];
      const ended = await here.line.run('scan', here.at('unknown.pkl'), ...flags);
      assert.equal(ended.exit, 77, ended.out + ended.err);
      assert.match(ended.err, /WL_WAIVER_INVALID/);
    });
  }
});
