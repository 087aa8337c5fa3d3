import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { newVault } from '../../test/new-vault.ts';
import type { DeploymentBody, DeploymentEndBody } from '../attest/statement.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { parseCommit, parseModelName } from '../base/name.ts';
import { deployments } from './deployments.ts';
import type { Gate } from './gate.ts';

let root: string;
let gate: Gate;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'weighlock-deployments-'));
  gate = await (await newVault(root))();
  await gate.begin();
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

type Draft = Omit<DeploymentBody, 'vault' | 'madeAt' | 'logSize'>;

const TOOL = { name: 'weighlock', version: '0' };

function draft(place: string, more: Partial<Draft> = {}): Draft {
  return {
    type: 'weighlock.deployment/v1',
    target: 'sagemaker',
    place,
    model: parseModelName('org/model'),
    commit: parseCommit('a'.repeat(40)),
    origin: {
      route: 'vault',
      record: sha256('r'),
      manifest: sha256('m'),
      uri: 's3://b/',
      verifiedAt: '2026-01-01T00:00:00Z',
    },
    image: null,
    environment: {},
    isolated: true,
    resources: [],
    by: 'somebody@here',
    notGuaranteed: [],
    tool: TOOL,
    ...more,
  };
}

async function put(place: string, more: Partial<Draft> = {}): Promise<Sha256> {
  return (await gate.declare<DeploymentBody>(draft(place, more))).signed.digest;
}

const end = (place: string, deployment: Sha256) =>
  gate.declare<DeploymentEndBody>({
    type: 'weighlock.deployment-end/v1',
    target: 'sagemaker',
    place,
    deployment,
    tool: TOOL,
  });

const there = async () => (await deployments(gate)).map(({ digest }) => digest);

describe('the deployments that count', () => {
  it('are the last of each target and place', async () => {
    await put('one');
    const two = await put('two');
    const kubernetes = await put('one', { target: 'kserve' });
    const again = await put('one', { commit: parseCommit('b'.repeat(40)) });
    assert.deepEqual(await there(), [kubernetes, again, two]);
  });

  it('end by name, and an end that comes too late ends nothing that came since', async () => {
    const first = await put('one');
    const second = await put('one', { by: 'somebody@else' });
    await end('one', first);
    assert.deepEqual(await there(), [second]);
    await end('one', second);
    assert.deepEqual(await there(), []);
  });

  it('are believed only by what the state names', async () => {
    const digest = await put('one');
    const { vault } = gate;
    const { statementKey } = await import('../vault/layout.ts');
    await vault.remove(statementKey(digest));
    await assert.rejects(deployments(gate), /registry\/statements\/.* is missing/);
  });

  const unreadable: readonly (readonly [string, Partial<Draft>])[] = [
    ['a place of no characters', { place: '' }],
    ['a place without end', { place: 'x'.repeat(2000) }],
    ['a target of many lines', { target: 'a\nb' }],
    ['a digest that is none', { image: { name: 'x', digest: 'sha256:1' as never } }],
    [
      'an environment without end',
      { environment: Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`V${at}`, ''])) },
    ],
  ];
  for (const [what, more] of unreadable) {
    it(`are not logged with ${what}`, async () => {
      await assert.rejects(put('one', more), /nothing was logged/);
      assert.equal((await gate.checkpoint()).size, 0);
    });
  }
});
