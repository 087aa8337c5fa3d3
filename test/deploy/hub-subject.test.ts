/** Subjects of deployments, from the Hub and from a vault: R1 at its real size, and what neither may let pass. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openTrust } from '../../src/attest/trust.ts';
import { sha256 } from '../../src/base/digest.ts';
import { type ErrorCode, WeighlockError } from '../../src/base/errors.ts';
import { parseModelName } from '../../src/base/name.ts';
import type { Subject } from '../../src/deploy/deploy.ts';
import { subjectOfHub } from '../../src/deploy/hub-subject.ts';
import { sageMaker } from '../../src/deploy/sagemaker/sagemaker.ts';
import { subjectOfVault } from '../../src/deploy/vault-subject.ts';
import { type HubStandIn, startHubStandIn } from '../../src/hub-stand-in/hub-stand-in.ts';
import type { StandInFile, StandInModel } from '../../src/hub-stand-in/model.ts';
import { ProcessMemory } from '../../src/registry/memory.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openSource } from '../../src/sources/open.ts';
import { DirectoryVault } from '../../src/vault/directory.ts';
import { bytesFile, plainCommit, plainModel, safetensors, textFile } from '../story/models.ts';
import { openStage } from '../story/stage.ts';
import { orderOf, r1Files } from './subjects.ts';

const MODEL = parseModelName('org/model');

async function fromHub(
  model: StandInModel,
  revision?: string,
): Promise<{ subject: Subject; hub: HubStandIn }> {
  const hub = await startHubStandIn({ models: [model] });
  const source = openSource({ kind: 'hub', endpoint: hub.endpoint, hosts: [hub.cdnHost] });
  try {
    return { subject: await subjectOfHub(source, { model: parseModelName(model.id), revision }), hub };
  } finally {
    await source.close();
    await hub.close();
  }
}

const modelOf = (...files: StandInFile[]): StandInModel => ({ id: MODEL, commits: [{ files }] });

async function refused(work: Promise<unknown>, code: ErrorCode, said: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof WeighlockError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, said);
    return true;
  });
}

describe('a subject at the Hub', () => {
  it('is R1 at its real size, known by the headers of 163 shards', async () => {
    const { subject, hub } = await fromHub({
      id: 'deepseek-ai/DeepSeek-R1',
      commits: [{ files: r1Files() }],
    });
    assert.deepEqual(
      [subject.weights.bytes, subject.weights.tensors, subject.weights.exact],
      [688_574_839_360, 91_991, true],
    );
    assert.equal(subject.remoteCode, true);
    const ranged = hub.requests.filter(({ path: at }) => /\.safetensors/.test(at) && !/\/api\//.test(at));
    assert.ok(ranged.length <= 163 * 2, `${ranged.length} requests`);
    const plan = await sageMaker.plan(orderOf(subject));
    assert.equal(plan.deployment.instance?.type, 'ml.p5en.48xlarge');
    assert.equal(plan.deployment.environment.OPTION_REVISION, subject.commit);
    assert.equal(plan.deployment.isolated, false);
    assert.match(
      plan.notGuaranteed.join('\n'),
      /brings Python of its own.*\n(.*\n)*.*SageMaker waits for 3600 s at the most/,
    );
  });

  it('pins the commit that a branch stands for now', async () => {
    const model: StandInModel = {
      id: MODEL,
      commits: [{ ...plainCommit('one'), refs: ['refs/tags/v1'] }, plainCommit('two')],
    };
    const { subject: tagged } = await fromHub(model, 'v1');
    const { subject: main } = await fromHub(model);
    assert.match(tagged.commit, /^[0-9a-f]{40}$/);
    assert.notEqual(tagged.commit, main.commit);
  });

  it('is refused where the Hub itself warns of a file', async () => {
    for (const scan of ['unsafe', 'suspicious', 'caution'] as const) {
      const file = { ...bytesFile('model.safetensors', safetensors('x')), scan };
      await refused(
        fromHub(modelOf(file, textFile('config.json', '{}'))),
        'WL_DEPLOY_REFUSED',
        /own scanners warn/,
      );
    }
  });

  it('is not called safe where a file was not scanned', async () => {
    for (const scan of ['unscanned', 'queued', 'error'] as const) {
      const file = { ...bytesFile('model.safetensors', safetensors('x')), scan };
      const { subject } = await fromHub(modelOf(file, textFile('config.json', '{}')));
      assert(subject.origin.route === 'hub');
      assert.equal(subject.origin.scan, 'unknown', scan);
    }
  });

  it('is refused where its weights can run code when they are loaded', async () => {
    const pickles = modelOf(bytesFile('pytorch_model.bin', Buffer.from('\u0080\u0002}q\u0000.', 'latin1')));
    await refused(fromHub(pickles), 'WL_DEPLOY_REFUSED', /no safetensors and no GGUF/);
  });

  it('is refused under another name than was asked for', async () => {
    const hub = await startHubStandIn({ models: [{ ...plainModel('new/name'), renamedFrom: [MODEL] }] });
    const source = openSource({ kind: 'hub', endpoint: hub.endpoint, hosts: [hub.cdnHost] });
    await refused(
      subjectOfHub(source, { model: MODEL, revision: undefined }),
      'WL_MODEL_RENAMED',
      /new\/name/,
    );
    await source.close();
    await hub.close();
  });

  it('has no exact size where a header asks for more than is read of any', async () => {
    const head = Buffer.alloc(16, ' ');
    head.writeBigUInt64LE(90_000_000n);
    head.write('{', 8);
    const make = (offset: number, length: number) =>
      offset < head.length
        ? head.subarray(offset, offset + length)
        : Buffer.alloc(Math.min(length, 1 << 16), ' ');
    const sizeBytes = 200_000_000;
    const file: StandInFile = {
      path: 'model.safetensors',
      lfs: true,
      sha256: sha256('x'),
      content: { kind: 'made', sizeBytes, make },
    };
    const { subject, hub } = await fromHub(modelOf(file));
    assert.equal(subject.weights.exact, false);
    const asked = hub.requests.filter(({ path: at }) => at.includes('model.safetensors')).length;
    assert.ok(asked <= 8, `${asked} requests`);
  });
});

describe('a subject in a vault', () => {
  it('was verified by its admission, and must be verified again when that is too long ago', async () => {
    await using stage = await openStage({ models: [plainModel(MODEL)] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    const days = 2;
    const later = { now: () => Date.now() + days * 86_400_000 };
    const registry = await registryAt(stage.folder, stage.vault, later);
    const wanted = { model: MODEL, revision: undefined };
    const never = { ...wanted, verifiedAt: () => undefined };
    const subject = await subjectOfVault(registry, { ...never, verifiedWithinDays: 3 });
    assert.equal(subject.weights.exact, true);
    await refused(
      subjectOfVault(registry, { ...never, verifiedWithinDays: 1 }),
      'WL_DEPLOY_REFUSED',
      /were last verified at .*, which is more than 1 days? ago/,
    );
    const verifiedAt = () => new Date(later.now()).toISOString();
    assert.ok(await subjectOfVault(registry, { ...wanted, verifiedWithinDays: 1, verifiedAt }));
    for (const wrong of ['no date', new Date(later.now() + 40 * 86_400_000).toISOString()])
      await refused(
        subjectOfVault(registry, { ...wanted, verifiedWithinDays: 1, verifiedAt: () => wrong }),
        'WL_DEPLOY_REFUSED',
        /last verified/,
      );
  });

  it('remembers on this machine when it was verified', async () => {
    await using stage = await openStage({ models: [plainModel(MODEL)] });
    await stage.here(['admit', MODEL]);
    const verified = path.join(stage.folder, 'home', 'verified');
    assert.equal((await stage.here(['verify', MODEL, '--quick'])).exit, 0);
    assert.throws(() => readdirSync(verified), /ENOENT/);
    assert.equal((await stage.here(['verify', MODEL])).exit, 0);
    const [file = ''] = readdirSync(verified);
    const [[record, at] = ['', '']] = Object.entries(
      JSON.parse(readFileSync(path.join(verified, file), 'utf8')),
    );
    assert.match(record, /^[0-9a-f]{64}$/);
    assert.ok(Math.abs(Date.parse(String(at)) - Date.now()) < 60_000);
  });

  it('is refused where a file is not what the record says, by its listing alone', async () => {
    await using stage = await openStage({ models: [plainModel(MODEL)] });
    await stage.here(['admit', MODEL]);
    const folder = path.join(stage.vault, 'models', MODEL);
    const [commit = ''] = readdirSync(folder);
    const { chmodSync, appendFileSync } = await import('node:fs');
    const file = path.join(folder, commit, 'model-00001-of-00002.safetensors');
    chmodSync(file, 0o644);
    appendFileSync(file, 'x');
    const registry = await registryAt(stage.folder, stage.vault, { now: () => Date.now() });
    await refused(
      subjectOfVault(registry, {
        model: MODEL,
        revision: undefined,
        verifiedWithinDays: 1,
        verifiedAt: () => undefined,
      }),
      'WL_VAULT_CORRUPT',
      /nothing is deployed from it/,
    );
  });
});

async function registryAt(folder: string, place: string, clock: { now(): number }): Promise<Registry> {
  const trusts = path.join(folder, 'home', 'trust');
  const [name = ''] = readdirSync(trusts);
  const trust = openTrust(readFileSync(path.join(trusts, name), 'utf8'));
  return Registry.open({ vault: new DirectoryVault(place), trust, memory: new ProcessMemory(), clock });
}
