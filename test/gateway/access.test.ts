/** Access: tokens that are granted, cover what they name, end, and expire; shown by what a gateway answers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { type Serving, startServe, until } from './serving.ts';

const FOLLOWS_MS = 5_000 + 2_000;

describe('access to a gateway', () => {
  let stage: Stage;
  let gateway: Serving;
  before(async () => {
    stage = await openStage({ models: [plainModel('org/open'), plainModel('secret/plan')] });
    for (const model of ['org/open', 'secret/plan']) {
      const ran = await stage.here(['admit', model]);
      assert.equal(ran.exit, 0, ran.stderr);
    }
    gateway = await startServe(stage);
  });
  after(async () => {
    await gateway?.stop();
    await stage?.[Symbol.asyncDispose]();
  });

  const grant = async (name: string, ...more: string[]) => {
    const { json } = await stage.ask<{ token: string }>(['access', 'grant', name, ...more]);
    return json.token;
  };
  const ask = async (path: string, token?: string) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch(`${gateway.endpoint}${path}`, { headers });
    const text = await answer.text();
    const says = (name: string) => answer.headers.get(name);
    return { status: answer.status, code: says('x-error-code'), message: says('x-error-message'), text };
  };
  const info = (model: string, token?: string) => ask(`/api/models/${model}/revision/main`, token);
  const known = (token: string) =>
    until(async () => (await ask('/api/whoami-v2', token)).status === 200, {
      withinMs: FOLLOWS_MS,
      what: 'the gateway knows the token',
    });

  it('is nobody’s without a token', async () => {
    const { status, code, message } = await info('org/open');
    assert.deepEqual([status, code], [401, 'GatedRepo']);
    assert.match(message ?? '', /weighlock access grant/);
  });

  it('covers the models that the grant names, and no word is said about others', async () => {
    const token = await grant('team', '--model', 'org/*');
    assert.match(token, /^hf_[A-Za-z0-9]{34,}$/);
    await known(token);
    assert.equal((await info('org/open', token)).status, 200);
    const there = await info('secret/plan', token);
    const absent = await info('secret/none', token);
    assert.deepEqual([there.status, there.code], [403, 'GatedRepo']);
    assert.equal(there.text.replace('secret/plan', ''), absent.text.replace('secret/none', ''));
    assert.doesNotMatch((await ask('/api/models', token)).text, /secret/);
  });

  it('is for looking only, where the grant says so', async () => {
    const token = await grant('audit', '--role', 'auditor');
    await known(token);
    assert.equal((await info('secret/plan', token)).status, 200);
    const file = await ask('/org/open/resolve/main/config.json', token);
    assert.deepEqual([file.status, file.code], [403, 'GatedRepo']);
  });

  it('ends with the grant, within the bound of the gateway', async () => {
    const token = await grant('leaver');
    await known(token);
    const ended = await stage.here(['access', 'revoke', 'leaver', '--reason', 'left']);
    assert.equal(ended.exit, 0, ended.stderr);
    const took = await until(async () => (await info('org/open', token)).status === 401, {
      withinMs: FOLLOWS_MS,
      what: 'the gateway refuses the token',
    });
    assert.ok(took < FOLLOWS_MS);
    const { json } = await stage.ask<{ name: string }[]>(['access', 'list']);
    assert.deepEqual(
      json.map(({ name }) => name),
      ['audit', 'team'],
    );
  });

  it('is not had by a token that is almost right, and no token is ever written down', async () => {
    const token = await grant('exact');
    await known(token);
    for (const wrong of [`${token.slice(0, -1)}0`, `${token}x`, token.toLowerCase(), '']) {
      if (wrong === token) continue;
      assert.equal((await info('org/open', wrong)).status, 401, wrong);
    }
    assert.ok(!gateway.log().includes(token));
    assert.ok(!gateway.said().includes(token));
  });

  for (const { what, args, says } of [
    { what: 'a name that is in use', args: ['team'], says: /there is a grant called team already/ },
    { what: 'a pattern that names nothing', args: ['x', '--model', 'a/b/c'], says: /not a pattern/ },
    { what: 'a role that there is not', args: ['x', '--role', 'writer'], says: /reader and auditor/ },
    { what: 'no days', args: ['x', '--days', '0'], says: /--days takes a number/ },
  ])
    it(`is not granted for ${what}`, async () => {
      const ran = await stage.here(['access', 'grant', ...args]);
      assert.equal(ran.exit, 64);
      assert.match(ran.stderr, says);
    });
});
