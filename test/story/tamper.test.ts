/** Tampering: whatever is done to any object of a vault, or to a copy, `verify` names it, and nothing else. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openTrust } from '../../src/attest/trust.ts';
import { systemClock } from '../../src/base/clock.ts';
import { TRAPPED_MODEL } from '../../src/cli/demo-models.ts';
import type { StandInCommit, StandInModel } from '../../src/hub-stand-in/model.ts';
import { ProcessMemory } from '../../src/registry/memory.ts';
import { Registry } from '../../src/registry/registry.ts';
import { verifyVault } from '../../src/registry/verify-vault.ts';
import { DirectoryVault } from '../../src/vault/directory.ts';
import { bytesFile, CONFIG, safetensors, textFile } from './models.ts';
import { filesBelow, openStage, type Stage } from './stage.ts';

/** What everything else is held against: where one of them is gone, the rest is not looked at. */
const ROOTS: ReadonlySet<string> = new Set(['registry/vault', 'log/checkpoint']);

const ROOMS = ['models', 'registry', 'log'];

interface VerifyJson {
  readonly verified: boolean;
  readonly problems: readonly { readonly object: string; readonly problem: string; readonly code?: string }[];
}

interface ErrorJson {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

/** Few and small files: each object that there is costs a verification of the whole vault for every deed. */
function commit(seed: string): StandInCommit {
  return {
    files: [
      textFile('README.md', `# ${seed}\n`),
      textFile('config.json', JSON.stringify(CONFIG)),
      bytesFile('model.safetensors', safetensors(seed, 64)),
      textFile('sub/empty.txt', ''),
    ],
  };
}

function model(id: string, seed: string): StandInModel {
  return { id, cardData: { license: 'mit' }, commits: [commit(seed)] };
}

/** A vault with org/a (two revisions), org/twin (the same bytes as org/a), a legacy name, and a refused one. */
class Scene {
  readonly stage: Stage;
  readonly commits: Readonly<Record<string, string>>;
  /** Every state that the vault ever had, oldest first. */
  readonly states: readonly Buffer[];
  /** The whole vault as it was before the last admission. */
  readonly earlier: string;
  readonly id: string;
  #memory = new ProcessMemory();

  constructor(of: Pick<Scene, 'stage' | 'commits' | 'states' | 'earlier' | 'id'>) {
    this.stage = of.stage;
    this.commits = of.commits;
    this.states = of.states;
    this.earlier = of.earlier;
    this.id = of.id;
  }

  static async open(): Promise<Scene> {
    const stage = await openStage({
      models: [model('org/a', 'a'), model('org/twin', 'a'), model('b', 'b'), TRAPPED_MODEL],
    });
    const states: Buffer[] = [];
    const admit = async (model: string, exit = 0) => {
      const ran = await stage.here(['admit', model]);
      assert.equal(ran.exit, exit, ran.stderr);
      states.push(readFileSync(path.join(stage.vault, 'registry/state')));
    };
    await admit('org/a');
    const first = stage.hub.commitOf('org/a');
    stage.hub.publish('org/a', commit('a, second'));
    await admit('org/a');
    await admit('org/twin');
    await admit(TRAPPED_MODEL.id, 1);
    const earlier = path.join(stage.folder, 'earlier');
    cpSync(stage.vault, earlier, { recursive: true });
    await admit('b');
    const commits = {
      'org/a': first,
      'org/a 2': stage.hub.commitOf('org/a'),
      'org/twin': stage.hub.commitOf('org/twin'),
      b: stage.hub.commitOf('b'),
    };
    const { id } = JSON.parse(readFileSync(path.join(stage.vault, 'registry/vault'), 'utf8')) as {
      id: string;
    };
    const scene = new Scene({ stage, commits, states, earlier, id });
    assert.deepEqual(await scene.problems(), []);
    return scene;
  }

  file(key: string): string {
    return path.join(this.stage.vault, key);
  }

  keys(): string[] {
    return ROOMS.flatMap((room) => filesBelow(this.file(room)).map((name) => `${room}/${name}`));
  }

  folders(): string[] {
    return ROOMS.flatMap((room) => {
      const inside = readdirSync(this.file(room), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => path.relative(this.stage.vault, path.join(entry.parentPath, entry.name)));
      return [room, ...inside];
    });
  }

  /** What a verifier with or without memory says of the vault now, as `object problem` lines. */
  async problems(memory = this.#memory): Promise<string[]> {
    const trust = openTrust(readFileSync(path.join(this.stage.folder, `home/trust/${this.id}.json`), 'utf8'));
    const vault = new DirectoryVault(this.stage.vault);
    try {
      const registry = await Registry.open({ vault, trust, memory, clock: systemClock });
      const { problems } = await verifyVault(registry, { depth: 'bytes' });
      return problems.map(({ object, problem }) => `${object} ${problem}`);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return [`${code} ${message}`];
    }
  }

  /** Does something to the vault, verifies, and puts the objects back. */
  async after(keys: readonly string[], deed: () => void, memory?: ProcessMemory): Promise<string[]> {
    const saved = keys.map((key) => {
      const file = this.file(key);
      return { file, bytes: existsSync(file) ? readFileSync(file) : undefined };
    });
    try {
      deed();
      return await this.problems(memory);
    } finally {
      for (const { file, bytes } of saved) {
        rmSync(file, { recursive: true, force: true });
        if (bytes) {
          mkdirSync(path.dirname(file), { recursive: true });
          writeFileSync(file, bytes);
        }
      }
    }
  }

  /** Nothing needs what an older log had, and what older states named: it may be missing, and must not be changed. */
  isSpare(key: string): boolean {
    if (/^log\/staging\//.test(key)) return true;
    if (/\.p\/\d+$/.test(key)) return !key.endsWith(`.p/${this.logSize}`);
    return key.startsWith('registry/index/') && !this.state.includes(key.slice('registry/index/'.length));
  }

  get logSize(): number {
    return Number(readFileSync(this.file('log/checkpoint'), 'utf8').split('\n')[1]);
  }

  get state(): string {
    const envelope = JSON.parse(readFileSync(this.file('registry/state'), 'utf8')) as { payload: string };
    return Buffer.from(envelope.payload, 'base64').toString();
  }

  async close(): Promise<void> {
    await this.stage[Symbol.asyncDispose]();
  }
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** Names the object, whole: `log/tile/0/000.p/1` is not named by `log/tile/0/000.p/12`. */
function names(problems: readonly string[], key: string): boolean {
  // What says which vault this is cannot be wrong in one place only: then it is another vault.
  if (key === 'registry/vault' && problems[0]?.startsWith('WL_VAULT_FOREIGN')) return true;
  return problems.some((line) => line.split(/[\s,:]/).includes(key));
}

const DEEDS: readonly { readonly what: string; readonly change: (bytes: Buffer) => Buffer | undefined }[] = [
  {
    what: 'changed in the middle',
    change: (bytes) => (bytes.length > 0 ? flipped(bytes, Math.floor(bytes.length / 2)) : Buffer.of(1)),
  },
  {
    what: 'cut by one byte',
    change: (bytes) => (bytes.length > 0 ? bytes.subarray(0, -1) : Buffer.of(3)),
  },
  { what: 'grown by a line', change: (bytes) => Buffer.concat([bytes, Buffer.from('\n')]) },
];

describe('a vault that somebody else writes to', () => {
  let scene: Scene;
  before(async () => {
    scene = await Scene.open();
  });
  after(() => scene.close());

  for (const { what, change } of DEEDS) {
    it(`has every object named that was ${what}`, async () => {
      const missed: string[] = [];
      for (const key of scene.keys()) {
        const bytes = readFileSync(scene.file(key));
        const changed = change(bytes);
        if (!changed || changed.equals(bytes)) continue;
        const problems = await scene.after([key], () => writeFileSync(scene.file(key), changed));
        if (!names(problems, key)) missed.push(`${key}: ${problems.join(' | ') || 'nothing was said'}`);
      }
      assert.deepEqual(missed, []);
      assert.deepEqual(await scene.problems(), [], 'and nothing once all is as it was');
    });
  }

  it('has every changed object named also by a verifier that never saw the vault before', async () => {
    const missed: string[] = [];
    for (const key of scene.keys()) {
      const bytes = readFileSync(scene.file(key));
      const changed = bytes.length > 0 ? flipped(bytes, Math.floor(bytes.length / 3)) : Buffer.of(1);
      const problems = await scene.after(
        [key],
        () => writeFileSync(scene.file(key), changed),
        new ProcessMemory(),
      );
      if (!names(problems, key)) missed.push(`${key}: ${problems.join(' | ') || 'nothing was said'}`);
    }
    assert.deepEqual(missed, []);
  });

  it('has every object named that was removed, but for what no current object needs', async () => {
    const missed: string[] = [];
    for (const key of scene.keys()) {
      const problems = await scene.after([key], () => rmSync(scene.file(key)));
      if (scene.isSpare(key)) assert.deepEqual(problems, [], key);
      else if (!names(problems, key)) missed.push(`${key}: ${problems.join(' | ') || 'nothing was said'}`);
    }
    assert.deepEqual(missed, []);
  });

  it('has every object named that was renamed, under both names where the old one is needed', async () => {
    const missed: string[] = [];
    for (const key of scene.keys()) {
      const other = `${key}x`;
      const problems = await scene.after([key, other], () => renameSync(scene.file(key), scene.file(other)));
      const right =
        (scene.isSpare(key) || names(problems, key)) && (names(problems, other) || ROOTS.has(key));
      if (!right) missed.push(`${key}: ${problems.join(' | ') || 'nothing was said'}`);
    }
    assert.deepEqual(missed, []);
  });

  it('has every object named that is a link or a folder now', async () => {
    const missed: string[] = [];
    for (const [number, key] of scene.keys().entries()) {
      const aside = path.join(scene.stage.folder, 'aside');
      const link = await scene.after([key], () => {
        cpSync(scene.file(key), aside);
        rmSync(scene.file(key));
        symlinkSync(aside, scene.file(key));
      });
      if (!names(link, key)) missed.push(`${key} as a link: ${link.join(' | ') || 'nothing was said'}`);
      if (number % 4 > 0) continue;
      const folder = await scene.after([key], () => {
        rmSync(scene.file(key));
        mkdirSync(scene.file(key));
        writeFileSync(path.join(scene.file(key), 'inside'), 'x');
      });
      if (!names(folder, key) && !names(folder, `${key}/inside`))
        missed.push(`${key} as a folder: ${folder.join(' | ') || 'nothing was said'}`);
    }
    assert.deepEqual(missed, []);
  });

  it('has stray objects named in every folder', async () => {
    const missed: string[] = [];
    for (const folder of scene.folders()) {
      const key = `${folder}/stray`;
      const problems = await scene.after([key], () => writeFileSync(scene.file(key), '{}'));
      if (!names(problems, key)) missed.push(`${key}: ${problems.join(' | ') || 'nothing was said'}`);
    }
    assert.deepEqual(missed, []);
  });

  it('has copies named that lie in another model’s place', async () => {
    const missed: string[] = [];
    const keys = scene.keys().filter((key) => key.includes('/org/a/'));
    for (const key of keys) {
      for (const place of ['/org/other/', '/_/b/']) {
        const other = key.replace('/org/a/', place);
        const parent = path.dirname(scene.file(other));
        const there = existsSync(parent);
        const problems = await scene.after([other], () => {
          mkdirSync(parent, { recursive: true });
          cpSync(scene.file(key), scene.file(other));
        });
        if (!there) rmSync(parent, { recursive: true, force: true });
        if (!names(problems, other)) missed.push(`${other}: ${problems.join(' | ') || 'nothing was said'}`);
      }
    }
    assert.deepEqual(missed, []);
  });

  it('has both objects named that were swapped, also between models with the same bytes', async () => {
    const missed: string[] = [];
    const keys = scene.keys();
    let pairs = 0;
    for (const key of keys) {
      for (const other of keys.filter((candidate) => candidate > key && corresponds(key, candidate))) {
        const [a, b] = [readFileSync(scene.file(key)), readFileSync(scene.file(other))];
        if (a.equals(b)) continue;
        pairs += 1;
        const problems = await scene.after([key, other], () => {
          writeFileSync(scene.file(key), b);
          writeFileSync(scene.file(other), a);
        });
        for (const name of [key, other])
          if (!names(problems, name)) missed.push(`${key} ↔ ${other}: ${problems.join(' | ') || 'nothing'}`);
      }
    }
    assert.ok(pairs > 60, `only ${pairs} pairs`);
    assert.deepEqual(missed, []);
  });

  it('accuses no object that was left as it is', async () => {
    const wrong: string[] = [];
    for (const key of scene
      .keys()
      .filter((name) => !/^(registry\/vault|registry\/records|log\/)/.test(name))) {
      const bytes = readFileSync(scene.file(key));
      const problems = await scene.after([key], () =>
        writeFileSync(scene.file(key), Buffer.concat([bytes, bytes, Buffer.of(1)])),
      );
      const others = problems.filter((line) => !line.startsWith(`${key} `));
      if (others.length > 0) wrong.push(`${key}: ${others.join(' | ')}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('is believed with no older state, by whoever saw a newer one', async () => {
    for (const state of scene.states.slice(0, -1)) {
      const [first] = await scene.after(['registry/state'], () =>
        writeFileSync(scene.file('registry/state'), state),
      );
      assert.match(first ?? '', /^registry\/state the vault shows state \d+, and state \d+ was already seen/);
    }
  });

  it('says what replaced a file, where it is another admitted model’s', async () => {
    const of = (folder: string, commit: string | undefined) => `models/${folder}/${commit}/model.safetensors`;
    const mine = of('org/a', scene.commits['org/a']);
    const problems = await scene.after([mine], () =>
      cpSync(scene.file(of('_/b', scene.commits.b)), scene.file(mine)),
    );
    assert.deepEqual(problems, [
      `${mine} was changed: it is model.safetensors of b@${scene.commits.b?.slice(0, 12)}`,
    ]);
  });
});

/** Objects of one kind: what stands in the same place of another model, or beside it under its own digest. */
function corresponds(a: string, b: string): boolean {
  const shape = (key: string) =>
    key
      .replace(/^(models|registry\/\w+)\/[^/]+\/[^/]+\/[0-9a-f]{40}\//, '$1/…/')
      .replace(/[0-9a-f]{64}/, '…')
      .replace(/\.p\/\d+$/, '.p/…')
      .replace(/staging\/\d+-/, 'staging/');
  return shape(a) === shape(b);
}

describe('verify, as a user types it', () => {
  let scene: Scene;
  before(async () => {
    scene = await Scene.open();
  });
  after(() => scene.close());

  const verify = async (...args: readonly string[]) => {
    const { exit, json, stdout } = await scene.stage.ask<VerifyJson>(['verify', ...args]);
    return { exit, stdout, problems: json.problems ?? [] };
  };
  const failing = async (...args: readonly string[]) => {
    const { exit, json } = await scene.stage.ask<ErrorJson>(args);
    return { exit, ...json.error };
  };

  it('names an object of each kind, exits 1, and is content again afterwards', async () => {
    const kinds = new Map(scene.keys().map((key) => [key.split('/').slice(0, 2).join('/'), key]));
    kinds.delete('registry/vault');
    assert.ok(kinds.size >= 11, [...kinds.keys()].join());
    for (const key of kinds.values()) {
      const bytes = readFileSync(scene.file(key));
      writeFileSync(scene.file(key), bytes.length > 0 ? flipped(bytes, Math.floor(bytes.length / 2)) : 'x');
      const { exit, problems } = await verify();
      writeFileSync(scene.file(key), bytes);
      assert.equal(exit, 1, key);
      assert.ok(
        names(
          problems.map(({ object, problem }) => `${object} ${problem}`),
          key,
        ),
        key,
      );
    }
    assert.deepEqual(await verify().then(({ exit, problems }) => ({ exit, problems })), {
      exit: 0,
      problems: [],
    });
  });

  it('of one model names each of its files that was changed, cut, removed or added, and no other', async () => {
    const prefix = `models/org/a/${scene.commits['org/a']}`;
    const revision = `org/a@${scene.commits['org/a']}`;
    for (const name of filesBelow(scene.file(prefix))) {
      const file = scene.file(`${prefix}/${name}`);
      const bytes = readFileSync(file);
      const deeds: readonly (() => void)[] = [
        () => writeFileSync(file, bytes.length > 0 ? flipped(bytes, 0) : 'x'),
        () => writeFileSync(file, Buffer.concat([bytes, Buffer.of(1)])),
        () => rmSync(file),
      ];
      for (const deed of deeds) {
        deed();
        const { exit, problems } = await verify(revision);
        writeFileSync(file, bytes);
        assert.equal(exit, 1, name);
        assert.deepEqual(
          problems.map(({ object }) => object),
          [`${prefix}/${name}`],
        );
      }
    }
    writeFileSync(scene.file(`${prefix}/more.txt`), 'x');
    const added = await verify(revision, '--quick');
    rmSync(scene.file(`${prefix}/more.txt`));
    assert.deepEqual(added.problems, [
      { object: `${prefix}/more.txt`, problem: 'is extra: the record does not name it' },
    ]);
    assert.equal((await verify(revision)).exit, 0);
    assert.equal((await verify('org/a')).exit, 0, 'the other revision was never touched');
  });

  it('knows an older state, an older log, an older vault, another vault and none', async () => {
    const { stage } = scene;
    const kept = path.join(stage.folder, 'kept');
    const replaced = async (by: () => void, check: () => Promise<void>) => {
      renameSync(stage.vault, kept);
      by();
      await check();
      rmSync(stage.vault, { recursive: true, force: true });
      renameSync(kept, stage.vault);
      assert.equal((await verify()).exit, 0, 'restored');
    };
    const mixed = (room: string) => () => {
      cpSync(kept, stage.vault, { recursive: true });
      rmSync(path.join(stage.vault, room), { recursive: true });
      cpSync(path.join(scene.earlier, room), path.join(stage.vault, room), { recursive: true });
    };

    await replaced(mixed('registry/state'), async () => {
      const { exit, problems } = await verify();
      assert.equal(exit, 1);
      assert.deepEqual([problems[0]?.object, problems[0]?.code], ['registry/state', 'WL_STATE_ROLLED_BACK']);
      for (const command of [
        ['list'],
        ['show', 'org/a'],
        ['verify', 'org/a'],
        ['pull', 'org/a', './x'],
        ['admit', 'b'],
      ])
        assert.equal((await failing(...command)).code, 'WL_STATE_ROLLED_BACK', command.join(' '));
    });
    await replaced(mixed('log'), async () => {
      const { exit, problems } = await verify();
      assert.equal(exit, 1);
      assert.deepEqual([problems[0]?.object, problems[0]?.code], ['log/', 'WL_LOG_CORRUPT']);
      assert.equal((await failing('admit', 'b')).code, 'WL_LOG_CORRUPT');
    });
    await replaced(
      () => cpSync(scene.earlier, stage.vault, { recursive: true }),
      async () => {
        const { exit, problems } = await verify();
        assert.equal(exit, 1);
        assert.equal(problems[0]?.code, 'WL_STATE_ROLLED_BACK');
        assert.equal((await failing('verify', 'org/a')).code, 'WL_STATE_ROLLED_BACK');
      },
    );
    await replaced(
      () => {},
      async () => {
        for (const command of [['verify'], ['admit', 'b'], ['list']]) {
          const { exit, code, message } = await failing(...command);
          assert.deepEqual([exit, code], [78, 'WL_VAULT_FOREIGN']);
          assert.match(message, new RegExp(`vault ${scene.id} stood at .*, and is gone`));
        }
      },
    );
    const other = path.join(stage.folder, 'other');
    assert.equal((await stage.here(['admit', 'b', '--vault', other])).exit, 0);
    await replaced(
      () => cpSync(other, stage.vault, { recursive: true }),
      async () => {
        const { exit, code, message } = await failing('verify');
        assert.deepEqual([exit, code], [78, 'WL_VAULT_FOREIGN']);
        assert.match(message, new RegExp(`vault ${scene.id} stood at .*, and now vault [0-9a-f]{32} does`));
      },
    );
    const key = `registry/records/_/b/${scene.commits.b}/0`;
    const bytes = readFileSync(scene.file(key));
    writeFileSync(scene.file(key), readFileSync(path.join(other, key)));
    const { problems } = await verify();
    writeFileSync(scene.file(key), bytes);
    assert.ok(
      problems.some(({ object }) => object === key),
      'the same model’s record, of another vault',
    );
  });

  it('of a copy names each file that is not the admitted one, and holds proof, trust and name to each other', async () => {
    const { stage } = scene;
    const expected = `org/a@${scene.commits['org/a']}`;
    const copy = path.join(stage.folder, 'copy');
    const twin = path.join(stage.folder, 'twin');
    assert.equal((await stage.here(['pull', expected, copy])).exit, 0);
    assert.equal((await stage.here(['pull', 'org/twin', twin])).exit, 0);
    const check = (...more: readonly string[]) => verify(copy, '--expect', expected, ...more);
    assert.equal((await check()).exit, 0);
    for (const name of filesBelow(copy)) {
      const file = path.join(copy, name);
      const bytes = readFileSync(file);
      const aside = path.join(stage.folder, 'aside');
      const deeds: Readonly<Record<string, () => void>> = {
        changed: () => writeFileSync(file, bytes.length > 0 ? flipped(bytes, bytes.length - 1) : 'x'),
        cut: () => writeFileSync(file, bytes.length > 0 ? bytes.subarray(1) : 'x'),
        removed: () => rmSync(file),
        renamed: () => renameSync(file, `${file}x`),
        linked: () => {
          writeFileSync(aside, bytes);
          rmSync(file);
          symlinkSync(aside, file);
        },
      };
      for (const [what, deed] of Object.entries(deeds)) {
        deed();
        const { exit, problems } = await check();
        rmSync(file, { force: true });
        rmSync(`${file}x`, { force: true });
        writeFileSync(file, bytes);
        assert.equal(exit, 1, `${name} ${what}`);
        const named = problems.map(({ object }) => object).sort();
        assert.deepEqual(named, what === 'renamed' ? [name, `${name}x`] : [name], what);
      }
    }
    const signature = readFileSync(path.join(copy, 'model.sig'));
    cpSync(path.join(twin, 'model.sig'), path.join(copy, 'model.sig'));
    assert.match(
      (await check()).problems[0]?.problem ?? '',
      /is the signature of org\/twin@[0-9a-f]{40} instead of org\/a@/,
    );
    writeFileSync(path.join(copy, 'model.sig'), signature);

    const errors: readonly (readonly [string, readonly string[], number, string])[] = [
      [
        'another model’s proof',
        ['--expect', expected, '--proof', `${twin}.weighlock.json`],
        1,
        'WL_VAULT_CORRUPT',
      ],
      ['another name', ['--expect', `org/twin@${scene.commits['org/a']}`], 1, 'WL_VAULT_CORRUPT'],
      ['another commit', ['--expect', `org/a@${scene.commits['org/a 2']}`], 1, 'WL_VAULT_CORRUPT'],
      ['no commit', ['--expect', 'org/a'], 64, 'WL_USAGE'],
      ['no name', [], 64, 'WL_USAGE'],
      ['no proof', ['--expect', expected, '--proof', './none.json'], 64, 'WL_USAGE'],
    ];
    for (const [what, args, exit, code] of errors) {
      const failed = await failing('verify', copy, ...args);
      assert.deepEqual([failed.exit, failed.code], [exit, code], what);
    }
    const proof = readFileSync(`${copy}.weighlock.json`, 'utf8');
    for (const at of [5, 60, 2000, proof.length - 200, proof.length - 60]) {
      writeFileSync(`${copy}.weighlock.json`, flipped(Buffer.from(proof), at));
      const failed = await failing('verify', copy, '--expect', expected);
      assert.ok([1, 78].includes(failed.exit ?? 0), `byte ${at}: ${failed.code}`);
    }
    writeFileSync(`${copy}.weighlock.json`, proof);
    assert.equal((await stage.here(['admit', 'b', '--vault', path.join(stage.folder, 'third')])).exit, 0);
    const third = JSON.parse(readFileSync(path.join(stage.folder, 'third/registry/vault'), 'utf8')) as {
      id: string;
    };
    const trust = path.join(stage.folder, `home/trust/${third.id}.json`);
    const foreign = await failing('verify', copy, '--expect', expected, '--trust', trust);
    assert.deepEqual([foreign.exit, foreign.code], [78, 'WL_TRUST_INVALID']);
    assert.equal((await check()).exit, 0);
  });

  it('goes with a trust file that only its own gate moves on', async () => {
    const { stage } = scene;
    const file = path.join(stage.folder, `home/trust/${scene.id}.json`);
    const first = readFileSync(file, 'utf8');
    const old = path.join(stage.folder, 'old.json');
    writeFileSync(old, first);

    const pem = path.join(stage.folder, 'new.pem');
    const elsewhere = { ...stage.environment, WEIGHLOCK_HOME: path.join(stage.folder, 'elsewhere') };
    writeFileSync(pem, (await stage.run(['key', '--create', '--pem'], elsewhere)).stdout);
    assert.equal((await stage.here(['trust', 'add-gate', pem])).exit, 0);
    assert.equal((JSON.parse(readFileSync(file, 'utf8')) as { trust: { version: number } }).trust.version, 2);
    const older = await failing('trust', 'pin', old);
    assert.deepEqual([older.exit, older.code], [78, 'WL_TRUST_INVALID']);
    assert.match(older.message, /older than the one that is pinned/);

    const { trust } = JSON.parse(readFileSync(file, 'utf8')) as { trust: { version: number } };
    for (const forged of [
      { ...trust, version: 3 },
      { ...trust, approvers: [{ name: 'eve', publicKey: 'x' }] },
    ]) {
      const { signatures } = JSON.parse(first) as { signatures: unknown };
      writeFileSync(old, JSON.stringify({ trust: forged, signatures }));
      const failed = await failing('trust', 'pin', old);
      assert.deepEqual([failed.exit, failed.code], [78, 'WL_TRUST_INVALID']);
    }
    for (const wrong of ['no key', readFileSync(path.join(stage.folder, 'home/gate.key.pem'), 'utf8')]) {
      writeFileSync(pem, wrong);
      const failed = await failing('trust', 'add-gate', pem);
      assert.deepEqual([failed.exit, failed.code], [64, 'WL_USAGE'], failed.message);
    }
    assert.equal((await verify()).exit, 0, 'nothing was broken by trying');

    const policy = path.join(stage.folder, 'strict.yaml');
    writeFileSync(policy, 'version: 1\nrules: []\n');
    assert.equal((await stage.here(['trust', 'accept-policy', policy])).exit, 0);
    const { exit, problems } = await verify('org/a');
    assert.equal(exit, 1);
    assert.match(problems[0]?.problem ?? '', /was decided by a policy that the trust file does not accept/);
  });

  it('is never asked by a machine with another key, which writes nothing', async () => {
    const { stage } = scene;
    const home = path.join(stage.folder, 'stranger');
    const stranger = { ...stage.environment, WEIGHLOCK_HOME: home };
    assert.equal((await stage.run(['key', '--create'], stranger)).exit, 0);
    const keys = { WEIGHLOCK_KEY: path.join(home, 'gate.key.pem') };
    const before = scene.keys().map((key) => readFileSync(scene.file(key)).toString('base64'));
    for (const args of [
      ['admit', 'b'],
      ['state', 'refresh'],
    ]) {
      const { exit, stderr, stdout } = await stage.run([...args, '--json'], keys);
      assert.equal(exit, 77, stderr);
      assert.equal((JSON.parse(stdout) as ErrorJson).error.code, 'WL_KEY_UNKNOWN');
      assert.match(stderr, /is not a gate key of vault [0-9a-f]{32}: nothing was written/);
    }
    assert.deepEqual(
      scene.keys().map((key) => readFileSync(scene.file(key)).toString('base64')),
      before,
    );
  });
});
