/** Bad input: one clear sentence, its code, what to do next, the right exit code, and nothing half-published. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Fault } from '../../src/hub-stand-in/fault.ts';
import type { StandInFile, StandInModel } from '../../src/hub-stand-in/model.ts';
import { bytesFile, plainCommit, plainModel, safetensors, textFile } from './models.ts';
import { ended, filesBelow, openStage, type Ran, type Stage } from './stage.ts';

const TOKEN = `hf_${'a'.repeat(34)}`;
const BAD_TOKEN = `hf_${'b'.repeat(34)}`;
const WEIGHTS = 'model-00001-of-00002.safetensors';

interface Expected {
  readonly exit: number;
  readonly code: string;
  /** What the sentence must say, and what to do next. */
  readonly says: RegExp;
  readonly next: RegExp;
}

/** Holds a failed run to what every failure owes: see `Expected`. */
function requireFailure(ran: Ran, { exit, code, says, next }: Expected, what: string): void {
  assert.equal(ran.exit, exit, `${what}: ${ran.stdout}${ran.stderr}`);
  const [sentence = '', action = ''] = ran.stderr.trimEnd().split('\n').slice(-2);
  assert.match(sentence, /^error /, what);
  assert.match(sentence, says, what);
  assert.match(action, new RegExp(`^ {6}${code} {2}`), what);
  assert.match(action, next, what);
  assert.doesNotMatch(ran.stderr, /\n\s+at |hf_[ab]{10}/, `${what}: a stack or a token`);
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; message: string; hint: string } };
  assert.equal(error.code, code, what);
  assert.equal(`error ${error.message}`, sentence);
}

/** A model whose tree holds one more path, served as it is. */
function hostile(id: string, ...files: readonly StandInFile[]): StandInModel {
  return { id, cardData: { license: 'mit' }, commits: [plainCommit(id, files)] };
}

async function withStage(
  models: readonly StandInModel[],
  work: (stage: Stage) => Promise<void>,
): Promise<void> {
  await using stage = await openStage({
    models,
    tokens: [{ token: TOKEN, user: 'me', reads: ['org/private'] }],
  });
  await work(stage);
}

describe('command lines that nobody meant', () => {
  const USAGE = { exit: 64, code: 'WL_USAGE' };
  const NAME = { exit: 64, code: 'WL_NAME_INVALID', next: /Use org\/name/ };
  const cases: readonly (readonly [readonly string[], Expected])[] = [
    ...[
      '',
      'a/b/c',
      'org/',
      'org//name',
      'org/..',
      'org/a..b',
      'org/a--b',
      '-x/y',
      'org/na me',
      'org/naïve',
      'org/name\u0000',
      'org/\u202ename',
      'a'.repeat(97),
      'org\\name',
      'https://huggingface.co/org/name',
      'org/name.',
    ].map((name): readonly [readonly string[], Expected] => [
      ['admit', '--', name],
      { ...NAME, says: /is not a model name|is not the name of a quantisation/ },
    ]),
    [['admit', 'org/name@'], { ...NAME, says: /"" is not a revision/ }],
    [['admit', 'org/name@a..b'], { ...NAME, says: /"a\.\.b" is not a revision/ }],
    [
      ['admit', 'org/name@x', '--revision', 'y'],
      { ...USAGE, says: /name the revision once/, next: /--help/ },
    ],
    [['admit', 'org/name:Q4 K'], { ...NAME, says: /"Q4 K" is not the name of a quantisation/ }],
    [
      ['admit', './x', '--as', 'deepseek-ai/x'],
      {
        exit: 64,
        code: 'WL_NAME_INVALID',
        says: /content of a directory cannot be called deepseek-ai\/x/,
        next: /Use --as with one of your own namespaces \(local\)/,
      },
    ],
    [['admit', 'org/name', '--as', 'local/x'], { ...USAGE, says: /--as is for paths/, next: /--help/ }],
    [['admit'], { ...USAGE, says: /missing required argument 'model'/, next: /--help/ }],
    [['admit', 'org/name', '--frce'], { ...USAGE, says: /unknown option '--frce'/, next: /--help/ }],
    [['amdit', 'org/name'], { ...USAGE, says: /unknown command 'amdit'.*admit/, next: /--help/ }],
    [['admit', 'org/a', 'org/b'], { ...USAGE, says: /too many arguments/, next: /--help/ }],
    ...['0', '65', '1.5', '-1', 'x', '1e1'].map((value): readonly [readonly string[], Expected] => [
      ['admit', 'org/name', `--concurrency=${value}`],
      { ...USAGE, says: /concurrency is a whole number from 1 to 64/, next: /--help/ },
    ]),
    ...['0', '1', '64XB', '-64MB', 'all', '9'.repeat(30)].map(
      (value): readonly [readonly string[], Expected] => [
        ['admit', 'org/name', `--memory=${value}`],
        { ...USAGE, says: /memory is a size of at least 1MB/, next: /--help/ },
      ],
    ),
    [
      ['list'],
      { exit: 78, code: 'WL_VAULT_FOREIGN', says: /there is no vault at/, next: /--vault.*weighlock admit/ },
    ],
    [
      ['verify', './none', '--expect', `org/a@${'0'.repeat(40)}`],
      { ...USAGE, says: /there is no directory \.\/none/, next: /--help/ },
    ],
    [
      ['policy', 'check', './none.yaml'],
      { exit: 78, code: 'WL_POLICY_INVALID', says: /cannot read the policy \.\/none\.yaml/, next: /./ },
    ],
    [['log', 'show', '--last', '0'], { ...USAGE, says: /--last takes a whole number/, next: /--help/ }],
    [
      ['trust', 'pin', './none.json'],
      { exit: 78, code: 'WL_TRUST_INVALID', says: /cannot read the trust file/, next: /./ },
    ],
  ];

  it('are refused with the sentence, the code and the next action, before anything is touched', async () => {
    await withStage([plainModel('org/name')], async (stage) => {
      for (const [args, expected] of cases) {
        const dashes = args.indexOf('--');
        const line = dashes < 0 ? [...args, '--json'] : args.toSpliced(dashes, 0, '--json');
        requireFailure(await stage.here(line), expected, line.join(' '));
      }
      assert.equal(stage.hub.requests.length, 0, 'nobody was asked');
      assert.ok(!existsSync(stage.vault) && !existsSync(path.join(stage.folder, 'home')), 'nothing was made');
    });
  });

  it('and settings that nobody meant are named with what they are', async () => {
    const settings: readonly (readonly [NodeJS.ProcessEnv, string, RegExp])[] = [
      [{ WEIGHLOCK_VALUT: 'x' }, '', /the variable WEIGHLOCK_VALUT is not known; there are WEIGHLOCK_VAULT/],
      [{ WEIGHLOCK_CONCURRENCY: 'x' }, '', /concurrency is a whole number/],
      [{ WEIGHLOCK_MEMORY: '1' }, '', /memory is a size/],
      [{ WEIGHLOCK_HUB_ENDPOINT: 'ftp://hub' }, '', /"ftp:\/\/hub" is not the URL of a Hub endpoint/],
      [{ WEIGHLOCK_HUB_HOSTS: 'a b' }, '', /"a b" is not a host/],
      [{ HF_TOKEN: 'hf_a b' }, '', /HF_TOKEN holds white space/],
      [{ http_proxy: 'nonsense' }, '', /the proxy .* is not an http/],
      [{}, 'vault: [', /weighlock\.yaml: /],
      [{}, 'valut: x', /weighlock\.yaml: .*valut/],
      [{}, 'hub:\n  hosts: x', /weighlock\.yaml, hub\.hosts/],
      [{}, 'stateValidityDays: 0', /weighlock\.yaml, stateValidityDays/],
      [{}, 'DIRECTORY', /weighlock\.yaml cannot be read/],
    ];
    await withStage([plainModel('org/name')], async (stage) => {
      const file = path.join(stage.folder, 'weighlock.yaml');
      for (const [environment, yaml, says] of settings) {
        if (yaml === 'DIRECTORY') mkdirSync(file);
        else if (yaml) writeFileSync(file, yaml);
        const ran = await stage.run(['admit', 'org/name', '--json'], environment);
        rmSync(file, { recursive: true, force: true });
        requireFailure(
          ran,
          { exit: 78, code: 'WL_CONFIG_INVALID', says, next: /Correct the line|doctor/ },
          String(says),
        );
      }
      assert.ok(!existsSync(stage.vault));
    });
  });

  it('and policies that do not read are named with their line', async () => {
    await withStage([plainModel('org/name')], async (stage) => {
      writeFileSync(
        path.join(stage.folder, 'p.yaml'),
        'version: 1\nrules:\n  - name: a\n    hold: repo.lisense == "mit"\n    because: b\n',
      );
      const expected = {
        exit: 78,
        code: 'WL_POLICY_INVALID',
        says: /p\.yaml, line 4: .*lisense/,
        next: /Correct the line/,
      };
      for (const args of [
        ['admit', 'org/name', '--policy', './p.yaml'],
        ['policy', 'check', path.join(stage.folder, 'p.yaml')],
      ])
        requireFailure(await stage.here([...args, '--json']), expected, args.join(' '));
      assert.ok(!existsSync(stage.vault));
    });
  });
});

describe('sources that cannot or must not be read', () => {
  const LIES = { exit: 65, code: 'WL_SOURCE_LIES', next: /proxy, mirror/ };
  const PATH = { exit: 65, code: 'WL_PATH_REFUSED', next: /Nothing was stored/ };
  const OTHER_COMMIT = '0123456789'.repeat(4);
  const cases: readonly {
    readonly what: string;
    readonly model?: StandInModel;
    readonly args?: readonly string[];
    readonly faults?: readonly Fault[];
    readonly environment?: NodeJS.ProcessEnv;
    readonly expected: Expected;
  }[] = [
    {
      what: 'unknown model',
      args: ['org/none'],
      expected: { exit: 69, code: 'WL_MODEL_NOT_FOUND', says: /knows no model org\/none/, next: /HF_TOKEN/ },
    },
    {
      what: 'unknown branch',
      args: ['org/model@none'],
      expected: {
        exit: 69,
        code: 'WL_REVISION_NOT_FOUND',
        says: /org\/model has no revision "none"/,
        next: /leave it out/,
      },
    },
    {
      what: 'unknown commit',
      args: [`org/model@${OTHER_COMMIT}`],
      expected: {
        exit: 69,
        code: 'WL_REVISION_NOT_FOUND',
        says: /has no revision "0123456789/,
        next: /leave it out/,
      },
    },
    {
      what: 'gated, no token',
      model: { ...plainModel('org/gated'), gated: 'auto' },
      expected: { exit: 77, code: 'WL_MODEL_GATED', says: /org\/gated is gated/, next: /Ask for access/ },
    },
    {
      what: 'gated, token without access',
      model: { ...plainModel('org/gated'), gated: 'auto' },
      environment: { HF_TOKEN: TOKEN },
      expected: { exit: 77, code: 'WL_MODEL_GATED', says: /org\/gated is gated/, next: /Ask for access/ },
    },
    {
      what: 'refused token',
      environment: { HF_TOKEN: BAD_TOKEN },
      expected: {
        exit: 77,
        code: 'WL_TOKEN_REFUSED',
        says: /refused the token/,
        next: /valid token, or unset/,
      },
    },
    {
      what: 'private, no token',
      model: { ...plainModel('org/private'), private: true },
      expected: {
        exit: 69,
        code: 'WL_MODEL_NOT_FOUND',
        says: /knows no model org\/private/,
        next: /private model set HF_TOKEN/,
      },
    },
    {
      what: 'renamed',
      model: { ...plainModel('org/new'), renamedFrom: ['org/old'] },
      args: ['org/old'],
      expected: {
        exit: 1,
        code: 'WL_MODEL_RENAMED',
        says: /org\/old is now called org\/new/,
        next: /weighlock admit org\/new/,
      },
    },
    {
      what: 'corrupted',
      faults: [{ at: 'body', path: WEIGHTS, kind: 'corrupted', offset: 500 }],
      expected: {
        exit: 65,
        code: 'WL_DIGEST_MISMATCH',
        says: /model-00001-of-00002\.safetensors/,
        next: /Nothing was stored/,
      },
    },
    {
      what: 'corrupted text',
      faults: [{ at: 'body', path: 'config.json', kind: 'corrupted', offset: 5 }],
      expected: { exit: 65, code: 'WL_DIGEST_MISMATCH', says: /config\.json/, next: /Nothing was stored/ },
    },
    {
      what: 'shortened',
      faults: [{ at: 'body', path: WEIGHTS, kind: 'shortened', afterBytes: 100 }],
      expected: { ...LIES, says: /announces 100 bytes|ends \d+ bytes before/ },
    },
    {
      what: 'oversized',
      faults: [{ at: 'body', path: WEIGHTS, kind: 'oversized', extraBytes: 10 }],
      expected: { ...LIES, says: /more bytes than/ },
    },
    {
      what: 'range shifted',
      faults: [{ at: 'body', path: WEIGHTS, kind: 'range-shifted', byBytes: 7 }],
      expected: { ...LIES, says: /sends the range/ },
    },
    {
      what: 'unknown host',
      faults: [{ at: 'resolve', path: WEIGHTS, kind: 'headers', set: { location: 'http://evil.example/x' } }],
      expected: { ...LIES, says: /redirects to http:\/\/evil\.example, which is not a host that it may use/ },
    },
    {
      what: 'metadata address',
      faults: [
        { at: 'resolve', path: WEIGHTS, kind: 'headers', set: { location: 'http://169.254.169.254/latest' } },
      ],
      expected: { ...LIES, says: /169\.254\.169\.254, which is not a host/ },
    },
    {
      what: 'no JSON',
      faults: [{ at: 'tree', kind: 'text', text: '<html>' }],
      expected: { ...LIES, says: /not JSON/ },
    },
    {
      what: 'asks to wait for hours',
      faults: [{ at: 'model', kind: 'status', status: 429, headers: { 'retry-after': '7200' } }],
      expected: {
        exit: 69,
        code: 'WL_SOURCE_UNAVAILABLE',
        says: /limits our rate.*asks to wait 7200 seconds/,
        next: /finished files are kept/,
      },
    },
    {
      what: 'fails for ever',
      faults: [{ at: 'model', kind: 'status', status: 503 }],
      expected: {
        exit: 69,
        code: 'WL_SOURCE_UNAVAILABLE',
        says: /is failing \(status 503\); given up after 6 attempts/,
        next: /finished files are kept/,
      },
    },
    ...(
      [
        ['../up.txt', /has a "\.\." part/],
        ['a/../../up.txt', /has a "\.\." part/],
        ['./here.txt', /has a "\." part/],
        ['/etc/passwd', /is absolute/],
        ['C:\\x', /holds a backslash/],
        ['C:x', /starts with a drive letter/],
        ['a\u0000b', /holds a control character/],
        ['a\u001b[31mb', /holds a control character/],
        ['a\u202etxt.exe', /invisible or bidirectional/],
        ['a//b', /has an empty part/],
        ['x'.repeat(256), /has a part longer than 255 bytes/],
        [`${'d/'.repeat(351)}x`, /is longer than 700 bytes/],
        ['CONFIG.JSON', /"CONFIG\.JSON" and "config\.json" clash|"config\.json" and "CONFIG\.JSON" clash/],
        ['config.json/inside.txt', /clash/],
        ['model.sig/inside.txt', /clash/],
        ['Model.SIG', /clash/],
      ] as const
    ).map(([file, says]) => ({
      what: `the path ${JSON.stringify(file)}`,
      model: hostile('org/paths', textFile(file, 'x')),
      expected: { ...PATH, says },
    })),
  ];

  it('end with the right code and leave nothing published', { timeout: 240_000 }, async () => {
    const one = async ({ what, model, args, faults, environment, expected }: (typeof cases)[number]) => {
      await withStage([plainModel('org/kept'), model ?? plainModel('org/model')], async (stage) => {
        assert.equal((await stage.here(['admit', 'org/kept'])).exit, 0);
        const before = filesBelow(path.join(stage.vault, 'models'));
        stage.hub.faults.replace(faults ?? []);
        const wanted = args ?? [model?.id ?? 'org/model'];
        requireFailure(await here(stage, ['admit', ...wanted, '--json'], environment), expected, what);
        assert.deepEqual(filesBelow(path.join(stage.vault, 'models')), before, what);
        assert.equal((await stage.here(['verify'])).exit, 0, what);
      });
    };
    const queue = [...cases];
    const lane = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) await one(next);
    };
    await Promise.all([lane(), lane(), lane()]);
  });

  it('are waited for where they ask for little, and read whatever way they answer in order', async () => {
    for (const faults of [
      [{ at: 'model', kind: 'status', status: 429, headers: { 'retry-after': '0' }, times: 1 }],
      [{ at: 'resolve', path: WEIGHTS, kind: 'status', status: 500, times: 1 }],
      [{ at: 'body', path: WEIGHTS, kind: 'truncated', afterBytes: 1000, times: 2 }],
      [{ at: 'body', path: WEIGHTS, kind: 'range-ignored' }],
    ] as readonly (readonly Fault[])[]) {
      await withStage([plainModel('org/model')], async (stage) => {
        stage.hub.faults.replace(faults);
        const ran = await stage.here(['admit', 'org/model']);
        assert.equal(ran.exit, 0, ran.stderr);
        assert.equal((await stage.here(['verify'])).exit, 0);
      });
    }
  });

  it('are admitted with what is odd and harmless: a signature of their own, empty files', async () => {
    const models = [
      hostile('org/signed', textFile('model.sig', '{"by":"upstream"}'), textFile('sub/empty', '')),
    ];
    await withStage(models, async (stage) => {
      const ran = await stage.ask<{ verdict: string; excluded: { path: string; by: string }[] }>([
        'admit',
        'org/signed',
      ]);
      assert.equal(ran.exit, 0, ran.stdout);
      assert.deepEqual(
        ran.json.excluded.map(({ path: name, by }) => [name, by]),
        [['model.sig', 'reserved name, kept as evidence']],
      );
      const { json } = await stage.ask<{ evidence: { type: string; sha256: string }[] }>([
        'show',
        'org/signed',
      ]);
      const kept = json.evidence.find(({ type }) => type === 'upstream-model.sig');
      assert.equal(
        readFileSync(path.join(stage.vault, 'registry/evidence', kept?.sha256 ?? ''), 'utf8'),
        '{"by":"upstream"}',
      );
      assert.equal((await stage.here(['verify'])).exit, 0);
    });
  });

  it('are held where a pointer stands in the place of the weights, and it is said so', async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
    const file = { ...textFile('more.safetensors', pointer), lfs: false };
    await withStage([hostile('org/pointer', file)], async (stage) => {
      const ran = await stage.here(['admit', 'org/pointer']);
      assert.equal(ran.exit, 2, ran.stdout + ran.stderr);
      assert.match(ran.stdout, /more\.safetensors.*LFS pointer/i);
      assert.deepEqual(filesBelow(path.join(stage.vault, 'models')), []);
      assert.equal((await stage.here(['verify'])).exit, 0);
    });
  });
});

async function here(stage: Stage, args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Ran> {
  return environment ? stage.run(args, environment) : stage.here(args);
}

describe('vaults that cannot or must not be used', () => {
  it('are told from each other, from newer ones, and from what is none', async () => {
    await withStage([plainModel('org/model')], async (stage) => {
      assert.equal((await stage.here(['admit', 'org/model'])).exit, 0);
      const foreign = path.join(stage.folder, 'foreign');
      mkdirSync(foreign);
      writeFileSync(path.join(foreign, 'thesis.txt'), 'mine');
      requireFailure(
        await stage.here(['admit', 'org/model', '--vault', foreign, '--json']),
        {
          exit: 78,
          code: 'WL_VAULT_FOREIGN',
          says: /is no vault and holds something else \(thesis\.txt\)/,
          next: /Name an empty place/,
        },
        'a folder with something else',
      );
      assert.deepEqual(filesBelow(foreign), ['thesis.txt']);
      const newer = path.join(stage.folder, 'newer');
      cpSync(stage.vault, newer, { recursive: true });
      const descriptor = path.join(newer, 'registry/vault');
      writeFileSync(descriptor, readFileSync(descriptor, 'utf8').replace('"format":1', '"format":2'));
      requireFailure(
        await stage.here(['list', '--vault', newer, '--json']),
        {
          exit: 78,
          code: 'WL_VAULT_FOREIGN',
          says: /the vault has format 2; this version knows 1/,
          next: /Use a version/,
        },
        'a newer format',
      );
      requireFailure(
        await stage.run(['list', '--json'], { WEIGHLOCK_HOME: path.join(stage.folder, 'elsewhere') }),
        {
          exit: 78,
          code: 'WL_TRUST_MISSING',
          says: /no trust file is pinned here for vault/,
          next: /--trust or WEIGHLOCK_TRUST/,
        },
        'a machine that never saw it',
      );
      for (const [args, says] of [
        [['verify', 'org/none'], /org\/none is not on record/],
        [['show', 'org/none'], /org\/none is not on record/],
        [['show', 'org/model@staging'], /has no channel "staging"; on record: [0-9a-f]{12}/],
        [['pull', `org/model@${'0'.repeat(40)}`, './x'], /org\/model@000000000000 is not on record/],
      ] as const)
        requireFailure(
          await stage.here([...args, '--json']),
          { exit: 1, code: 'WL_NOT_ADMITTED', says, next: /weighlock list/ },
          args.join(' '),
        );
      requireFailure(
        await stage.here(['pull', 'org/model', foreign, '--json']),
        { exit: 64, code: 'WL_TARGET_EXISTS', says: /foreign is not empty/, next: /new or empty folder/ },
        'pull onto something',
      );
      requireFailure(
        await stage.here(['pull', 'org/model', path.join(foreign, 'thesis.txt/x'), '--json']),
        {
          exit: 69,
          code: 'WL_TARGET_UNAVAILABLE',
          says: /cannot write .*thesis\.txt\/x/,
          next: /another folder/,
        },
        'pull below a file',
      );
    });
  });

  it('whose state is past its time are not believed, and renewed by any command of the gate', async () => {
    await withStage([plainModel('org/model')], async (stage) => {
      const file = path.join(stage.folder, 'weighlock.yaml');
      writeFileSync(file, 'stateValidityDays: 0.00001\n');
      assert.equal((await stage.here(['admit', 'org/model'])).exit, 0);
      const state = path.join(stage.vault, 'registry/state');
      const envelope = JSON.parse(readFileSync(state, 'utf8')) as { payload: string };
      const { expiresAt } = JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as {
        expiresAt: string;
      };
      while (Date.now() <= Date.parse(expiresAt)) await stage.here(['key']);
      const expected = {
        exit: 1,
        code: 'WL_STATE_EXPIRED',
        says: /was to be believed until/,
        next: /weighlock state refresh/,
      };
      for (const args of [['list'], ['verify', 'org/model'], ['pull', 'org/model', './x']])
        requireFailure(await stage.here([...args, '--json']), expected, args.join(' '));
      const whole = await stage.ask<{ problems: { object: string; code: string }[] }>(['verify']);
      assert.deepEqual(
        whole.json.problems.map(({ object, code }) => [object, code]),
        [['registry/state', 'WL_STATE_EXPIRED']],
      );
      rmSync(file);
      assert.equal((await stage.here(['admit', 'org/model'])).exit, 0);
      assert.equal((await stage.here(['verify'])).exit, 0);
    });
  });

  it('in which somebody put the files beforehand publish nothing of it', async () => {
    await withStage([plainModel('org/model')], async (stage) => {
      const planted = path.join(stage.vault, 'models/org/model', stage.hub.commitOf('org/model'));
      await withPlanted(stage, planted);
    });
  });
});

async function withPlanted(stage: Stage, planted: string): Promise<void> {
  stage.hub.publish('org/model', plainCommit('next'));
  const now = path.join(path.dirname(planted), stage.hub.commitOf('org/model'));
  assert.equal((await stage.here(['admit', `org/model@${path.basename(planted)}`])).exit, 0);
  cpSync(planted, now, { recursive: true });
  requireFailure(
    await stage.here(['admit', 'org/model', '--json']),
    {
      exit: 1,
      code: 'WL_VAULT_CORRUPT',
      says: /stood there before the files of org\/model were published/,
      next: /remove the folder of that revision/,
    },
    'planted files',
  );
  assert.equal((await stage.here(['verify', `org/model@${path.basename(now)}`])).exit, 1);
  rmSync(now, { recursive: true });
  const again = await stage.here(['admit', 'org/model']);
  assert.equal(again.exit, 0, again.stderr);
  assert.equal((await stage.here(['verify'])).exit, 0);
}

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

describe('disks', { skip: canMount ? false : 'needs root, to mount a small disk' }, () => {
  const onDisk = async (
    t: TestContext,
    work: (stage: Stage, remount: (how: string) => void) => Promise<void>,
  ) => {
    const commit = plainCommit('model', [
      bytesFile('large.safetensors', safetensors('large', 500_000)),
      bytesFile('larger.safetensors', safetensors('larger', 600_000)),
    ]);
    await withStage([{ id: 'org/model', commits: [commit] }], async (stage) => {
      mkdirSync(stage.vault);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', stage.vault], { stdio: 'ignore' });
      } catch {
        t.skip('needs the right to mount a small disk');
        return;
      }
      try {
        await work(stage, (how) => execFileSync('mount', ['-o', `remount,${how}`, stage.vault]));
      } finally {
        execFileSync('umount', [stage.vault]);
      }
    });
  };

  it('that are full are said to be, and the next run finishes once there is room', async (t) => {
    await onDisk(t, async (stage, remount) => {
      requireFailure(
        await stage.run(['admit', 'org/model', '--concurrency', '1', '--json']),
        {
          exit: 69,
          code: 'WL_VAULT_FULL',
          says: /no room left to/,
          next: /Free space and run the command again/,
        },
        'full',
      );
      assert.deepEqual(filesBelow(path.join(stage.vault, 'models')), []);
      remount('size=20m');
      const again = await stage.run(['admit', 'org/model']);
      assert.equal(again.exit, 0, again.stderr);
      assert.match(again.stdout, /kept from an earlier run/);
      assert.equal((await stage.here(['verify'])).exit, 0);
    });
  });

  it('that are read-only are said to be, and can be verified', async (t) => {
    await onDisk(t, async (stage, remount) => {
      remount('size=20m');
      assert.equal((await stage.run(['admit', 'org/model'])).exit, 0);
      stage.hub.publish('org/model', plainCommit('next'));
      remount('ro');
      requireFailure(
        await stage.run(['admit', 'org/model', '--json']),
        { exit: 69, code: 'WL_VAULT_UNAVAILABLE', says: /read-only file system/, next: /weighlock doctor/ },
        'read-only',
      );
      assert.equal((await stage.here(['verify'])).exit, 0);
    });
  });
});

describe('our own mistakes', () => {
  const throwing = (how: string) => ({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(how)}`,
  });

  it('end with 70, the place, and one JSON document, whether thrown, rejected or uncaught', async () => {
    await withStage([], async (stage) => {
      for (const how of [
        'const on = process.on; process.on = function (name, ...rest) { if (name === "uncaughtException") setImmediate(() => { throw new Error("boom"); }); return on.call(this, name, ...rest); };',
        'const on = process.on; process.on = function (name, ...rest) { if (name === "uncaughtException") Promise.reject(new Error("boom")); return on.call(this, name, ...rest); };',
      ]) {
        const ran = await stage.run(['doctor', '--json'], throwing(how));
        assert.equal(ran.exit, 70, ran.stdout + ran.stderr);
        assert.match(
          ran.stderr,
          /error this is a fault of Weighlock:\nError: boom\n\s+at [\s\S]*WL_INTERNAL {2}Please report it/,
        );
        assert.equal((JSON.parse(ran.stdout) as { error: { code: string } }).error.code, 'WL_INTERNAL');
      }
    });
  });

  it('are none where a reader of our output leaves early', async () => {
    await withStage([], async (stage) => {
      const child = stage.start(['admit', '--help']);
      child.stdout?.destroy();
      const { exit, stderr } = await ended(child);
      assert.equal(exit, 0, stderr);
      assert.equal(stderr, '');
    });
  });
});
