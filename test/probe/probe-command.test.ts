/** `weighlock probe` as a user types it, against a real server on loopback that answers as a weak model would. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CategoryResult } from '../../src/attest/evidence.ts';
import { sha256 } from '../../src/base/digest.ts';
import { plainCommit } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

const MODEL = 'org/model';

interface Probed {
  readonly results: readonly CategoryResult[];
  readonly deployment: string | null;
  readonly conclusive: boolean;
  readonly evidence: { readonly raw: string; readonly logIndex: number; readonly statement: string } | null;
}

/** Tells every secret, and declines nothing but what is said to be for a story. */
function weakModel(messages: readonly { readonly role: string; readonly content: string }[]): string {
  const system = messages.find(({ role }) => role === 'system')?.content ?? '';
  const ask = messages.at(-1)?.content ?? '';
  if (/story|novel|play/.test(ask)) return 'I cannot help with that.';
  return /is ([a-z]+-[a-z]+-\d{4})\./.exec(system)?.[1] ?? 'A garden needs water.';
}

describe('weighlock probe', () => {
  let stage: Stage;
  let url: string;
  /** Digest of the report of the first run. */
  let raw: string;
  const server = createServer(async (request, response) => {
    if (request.url === '/v1/models') {
      response.end('{"data":[{"id":"weak"}]}');
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    const { messages, model } = JSON.parse(body);
    assert.equal(model, 'weak');
    const message = { role: 'assistant', content: weakModel(messages) };
    response.end(JSON.stringify({ choices: [{ message, finish_reason: 'stop' }] }));
  });

  before(async () => {
    stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await stage?.[Symbol.asyncDispose]();
  });

  const evidenceFolder = () => path.join(stage.vault, 'registry/evidence');
  const probe = (...args: string[]) => stage.ask<Probed>(['probe', url, '--for', MODEL, ...args]);

  it('records rates by category as evidence of the revision, with the raw report under its digest', async () => {
    const { exit, json, stderr } = await probe('--seed', '5');
    assert.equal(exit, 0, stderr);
    const row = (category: string) => json.results.find((one) => one.category === category);
    assert.deepEqual(
      [row('canary-leak')?.n, row('canary-leak')?.failures, row('canary-leak')?.errors],
      [6, 6, 0],
    );
    assert.deepEqual([row('over-refusal')?.n, row('over-refusal')?.failures], [5, 0]);
    assert.equal(row('refusal-consistency')?.failures, 3);
    // A model that does not think aloud neither leaks there nor holds.
    assert.deepEqual([row('thought-leak')?.n, row('thought-leak')?.errors], [0, 0]);
    assert.equal(json.deployment, null);
    raw = json.evidence?.raw ?? '';
    const bytes = readFileSync(path.join(evidenceFolder(), raw));
    assert.equal(sha256(bytes), raw);
    const lines = bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(lines[0].commit, stage.hub.commitOf(MODEL));
    assert.deepEqual(lines.at(-1).results, json.results);
    assert.equal(lines.length, 2 + 36);
  });

  it('is shown with the revision, and verified with the vault', async () => {
    const shown = await stage.here(['show', MODEL]);
    assert.match(shown.stdout, /probe {6}http:\/\/127\.0\.0\.1.*by weighlock/);
    assert.match(shown.stdout, /canary-leak +6 +6 +0 +100 %/);
    assert.match(shown.stdout, /unbound/);
    assert.equal((await stage.here(['verify'])).exit, 0);
    const log = await stage.here(['log', 'show']);
    assert.match(log.stdout, /evidence +org\/model/);
  });

  it('names a raw report that was changed, and one that is gone', async () => {
    const name = raw;
    const file = path.join(evidenceFolder(), name);
    const bytes = readFileSync(file);
    rmSync(file);
    assert.match((await stage.here(['verify'])).stdout, new RegExp(`${name} is missing`));
    writeFileSync(file, bytes.toString().replace('"failed"', '"held"'));
    const changed = await stage.here(['verify']);
    assert.equal(changed.exit, 1);
    assert.match(changed.stdout, new RegExp(`${name} was changed`));
    rmSync(file);
    writeFileSync(file, bytes);
    assert.equal((await stage.here(['verify'])).exit, 0);
  });

  it('keeps the raw report when garbage is collected', async () => {
    const names = readdirSync(evidenceFolder());
    for (const name of names) utimesSync(path.join(evidenceFolder(), name), 0, 0);
    assert.equal((await stage.here(['gc'])).exit, 0);
    assert.deepEqual(readdirSync(evidenceFolder()), names);
  });

  it('asks a user’s own prompts beside ours, or alone', async () => {
    const file = path.join(stage.folder, 'own.csv');
    writeFileSync(file, 'Behavior,SemanticCategory\nTell a story,tales\nName a plant,plants\n');
    const { json } = await probe('--harmful', file, '--no-own', '--repeat', '3', '--no-record');
    assert.deepEqual(
      json.results.map(({ category, n, failures }) => [category, n, failures]),
      [
        ['harmful: tales', 3, 0],
        ['harmful: plants', 3, 3],
      ],
    );
    assert.equal(json.evidence, null);
  });

  it('writes the raw report where it is asked to, and over nothing', async () => {
    const file = path.join(stage.folder, 'report.jsonl');
    const args = ['--only', 'over-refusal', '--no-record', '--report', file];
    assert.equal((await probe(...args)).exit, 0);
    assert.ok(existsSync(file));
    assert.equal((await stage.here(['probe', url, '--for', MODEL, ...args])).exit, 69);
  });

  it('is inconclusive where a category has errors and nothing else', async () => {
    const { exit, json } = await probe(
      '--only',
      'over-refusal',
      '--max-tokens',
      '1',
      '--served-as',
      'weak',
      '--no-record',
    );
    assert.equal(exit, 0);
    assert.equal(json.conclusive, true);
    const silent = createServer((request, response) => {
      // The first answer is one, so that somebody is there; all others are not.
      response.end(
        request.url === '/v1/models' ? '{"data":[{"id":"x"}]}' : '{"choices":[{"message":{"content":""}}]}',
      );
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const place = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const ran = await stage.ask<Probed>([
      'probe',
      place,
      '--for',
      MODEL,
      '--only',
      'over-refusal',
      '--no-record',
    ]);
    silent.close();
    silent.closeAllConnections();
    assert.equal(ran.exit, 2);
    assert.equal(ran.json.conclusive, false);
    assert.deepEqual([ran.json.results[0]?.n, ran.json.results[0]?.errors], [0, 5]);
  });

  for (const [title, args, exit, message] of [
    ['a revision that is not on record', ['--for', 'org/other'], 1, /not on record/],
    ['a category that does not exist', ['--for', MODEL, '--only', 'mood'], 64, /there are canary-leak/],
    ['nothing to ask', ['--for', MODEL, '--no-own'], 64, /nothing to ask/],
    ['a key that is not there', ['--for', MODEL, '--key-from', 'NO_SUCH_KEY'], 64, /holds no key/],
    ['a file that is not there', ['--for', MODEL, '--benign', './none.csv'], 64, /cannot be read/],
    ['a number that is none', ['--for', MODEL, '--repeat', 'often'], 64, /whole number from 1 to 100/],
    [
      'too many attempts',
      ['--for', MODEL, '--repeat', '100', '--harmful', 'many.csv'],
      65,
      /more than the 5000/,
    ],
  ] as const)
    it(`says what is wrong with ${title}, and records nothing`, async () => {
      writeFileSync(path.join(stage.folder, 'many.csv'), `prompt\n${'x\n'.repeat(100)}`);
      const before = readdirSync(evidenceFolder()).length;
      const many = args.map((arg) => (arg === 'many.csv' ? path.join(stage.folder, arg) : arg));
      const ran = await stage.here(['probe', url, ...many]);
      assert.equal(ran.exit, exit, ran.stderr);
      assert.match(ran.stderr, message);
      assert.equal(readdirSync(evidenceFolder()).length, before);
    });

  it('says that nobody is there', async () => {
    const ran = await stage.here(['probe', 'http://127.0.0.1:1', '--for', MODEL]);
    assert.equal(ran.exit, 69);
    assert.match(ran.stderr, /WL_ENDPOINT_UNAVAILABLE/);
  });
});
