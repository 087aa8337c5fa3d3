/** Reports of other tools: read where their form is known, kept byte for byte, asked for by policies, and never believed when changed. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { READ_KINDS, readReport } from '../../src/probe/reports/report.ts';
import { plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

const MODEL = 'org/model';

const lines = (...entries: readonly object[]) =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

const GARAK = lines(
  { entry_type: 'start_run setup', 'run.seed': 1 },
  { entry_type: 'init', garak_version: '0.13.1', start_time: '2026-11-20T10:00:00' },
  { entry_type: 'attempt', uuid: 'x', status: 2 },
  {
    entry_type: 'eval',
    probe: 'dan.Dan_11_0',
    detector: 'dan.DAN',
    passed: 8,
    fails: 2,
    nones: 1,
    total_evaluated: 10,
  },
  {
    entry_type: 'eval',
    probe: 'encoding.InjectBase64',
    detector: 'encoding.DecodeMatch',
    passed: 10,
    total: 10,
  },
  { entry_type: 'completion', end_time: '2026-11-20T11:00:00' },
);

const PROMPTFOO = JSON.stringify({
  evalId: 'eval-1',
  results: {
    version: 3,
    timestamp: '2026-11-20T10:00:00.000Z',
    results: [
      { success: true, failureReason: 0, metadata: { pluginId: 'harmful:hate' } },
      { success: false, failureReason: 1, metadata: { pluginId: 'harmful:hate' } },
      { success: false, failureReason: 2, error: 'timeout', metadata: { pluginId: 'pii' } },
    ],
    stats: { successes: 1, failures: 1, errors: 1 },
  },
  metadata: { promptfooVersion: '0.119.0' },
});

const PYRIT = JSON.stringify([
  {
    role: 'assistant',
    scores: [{ score_type: 'true_false', score_value: 'True', score_category: ['jailbreak'] }],
  },
  {
    role: 'assistant',
    scores: [{ score_type: 'true_false', score_value: 'false', score_category: 'jailbreak' }],
  },
  {
    role: 'assistant',
    scores: [{ score_type: 'float_scale', score_value: '0.7', score_category: 'toxicity' }],
  },
  {
    role: 'assistant',
    scores: [
      { score_type: 'true_false', score_value: 'False', score_category: ['refusal'] },
      {
        score_type: 'true_false',
        score_value: 'False',
        scorer_class_identifier: { __type__: 'SelfAskRefusalScorer' },
      },
    ],
  },
  { role: 'assistant', scores: [], response_error: 'unknown' },
]);

const READ: readonly (readonly [
  (typeof READ_KINDS)[number],
  string,
  string,
  readonly (readonly unknown[])[],
])[] = [
  [
    'garak',
    GARAK,
    '0.13.1',
    [
      ['dan.Dan_11_0 / dan.DAN', 10, 2, 1],
      ['encoding.InjectBase64 / encoding.DecodeMatch', 10, 0, 0],
    ],
  ],
  [
    'promptfoo',
    PROMPTFOO,
    '0.119.0',
    [
      ['harmful:hate', 2, 1, 0],
      ['pii', 0, 0, 1],
    ],
  ],
  [
    'pyrit',
    PYRIT,
    '',
    [
      ['jailbreak', 2, 1, 0],
      ['unscored', 0, 0, 1],
    ],
  ],
];

describe('a report', () => {
  for (const [kind, text, version, expected] of READ) {
    it(`of ${kind} is counted by category, errors apart`, () => {
      const report = readReport(kind, Buffer.from(text));
      assert.equal(report.version, version);
      assert.deepEqual(
        report.results.map(({ category, n, failures, errors }) => [category, n, failures, errors]),
        expected,
      );
    });
    it(`of ${kind} that was cut off is refused`, () => {
      const cut = Buffer.from(text.slice(0, Math.floor(text.length * 0.7)));
      assert.throws(() => readReport(kind, cut), { code: 'WL_EVIDENCE_INVALID' });
    });
    for (const other of READ_KINDS.filter((one) => one !== kind))
      it(`of ${kind} is not taken for one of ${other}`, () => {
        assert.throws(() => readReport(other, Buffer.from(text)), { code: 'WL_EVIDENCE_INVALID' });
      });
  }

  const WRONG: readonly (readonly [string, string, string])[] = [
    ['garak', 'more passed than were tried', GARAK.replace('"passed":8', '"passed":80')],
    ['garak', 'numbers that contradict each other', GARAK.replace('"fails":2', '"fails":1')],
    ['garak', 'a number below nothing', GARAK.replace('"passed":8', '"passed":-8')],
    [
      'promptfoo',
      'results that were taken out',
      PROMPTFOO.replace(/\{"success":false,"failureReason":1[^}]*\}\},/, ''),
    ],
    [
      'promptfoo',
      'a failure that was made a success',
      PROMPTFOO.replace('"success":false,"failureReason":1', '"success":true,"failureReason":0'),
    ],
    ['pyrit', 'nothing', '[]'],
    ['garak', 'bytes that are no text', '\xff\xfe'],
  ];
  for (const [kind, what, text] of WRONG)
    it(`of ${kind} with ${what} is refused`, () => {
      assert.throws(() => readReport(kind, Buffer.from(text, 'latin1')), { code: 'WL_EVIDENCE_INVALID' });
    });
});

interface Added {
  readonly raw: string;
  readonly statement: string;
  readonly bound: boolean;
}

interface Office {
  readonly stage: Stage;
  at(name: string): string;
  add(type: string, content: string | Uint8Array): Promise<Added>;
}

async function office(t: TestContext): Promise<Office> {
  const stage = await openStage({ models: [plainModel(MODEL)] });
  t.after(() => stage[Symbol.asyncDispose]());
  assert.equal((await stage.here(['admit', MODEL])).exit, 0);
  const at = (name: string) => path.join(stage.folder, name);
  const add = async (type: string, content: string | Uint8Array) => {
    writeFileSync(at('report'), content);
    const { exit, json, stderr } = await stage.ask<Added>([
      'evidence',
      'add',
      MODEL,
      at('report'),
      '--type',
      type,
    ]);
    assert.equal(exit, 0, stderr);
    return json;
  };
  return { stage, at, add };
}

describe('evidence', () => {
  it('survives byte for byte, whatever it is', async (t) => {
    const { stage, at, add } = await office(t);
    const odd = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 131) % 256));
    for (const [type, content] of [
      ['garak', Buffer.from(GARAK)],
      ['audit-pdf', odd],
    ] as const) {
      const { raw, bound } = await add(type, content);
      assert.equal(bound, false);
      assert.equal((await stage.here(['evidence', 'get', raw, at('back')])).exit, 0);
      assert.ok(readFileSync(at('back')).equals(content));
    }
    const { stdout } = await stage.here(['show', MODEL]);
    assert.match(stdout, /garak[\s\S]*unbound[\s\S]*dan\.Dan_11_0/);
    assert.equal((await stage.here(['verify'])).exit, 0);
  });

  it('that was changed in the vault is given to nobody', async (t) => {
    const { stage, at, add } = await office(t);
    const { raw } = await add('garak', GARAK);
    const file = path.join(stage.vault, 'registry/evidence', raw);
    writeFileSync(file, GARAK.replace('"passed":8', '"passed":9'));
    const got = await stage.here(['evidence', 'get', raw, at('back')]);
    assert.equal(got.exit, 1);
    assert.match(got.stderr, /was changed: nothing was written/);
  });

  it('of a statement that was edited, or is of another vault, is refused', async (t) => {
    const one = await office(t);
    const other = await office(t);
    const { statement } = await one.add('garak', GARAK);
    const foreign = await other.add('garak', GARAK);
    const file = path.join(one.stage.vault, 'registry/statements', statement);
    const original = readFileSync(file);
    const edited = JSON.parse(original.toString('utf8'));
    edited.payload = Buffer.from(
      Buffer.from(edited.payload, 'base64').toString().replace('"failures":2', '"failures":0'),
    ).toString('base64');
    const replayed = readFileSync(path.join(other.stage.vault, 'registry/statements', foreign.statement));
    for (const bytes of [Buffer.from(JSON.stringify(edited)), replayed]) {
      writeFileSync(file, bytes);
      const shown = await one.stage.here(['show', MODEL]);
      assert.equal(shown.exit, 1, shown.stdout);
      assert.match(shown.stderr, /registry\/statements\/.* is not (a|the) evidence/);
    }
    writeFileSync(file, original);
    assert.equal((await one.stage.here(['show', MODEL])).exit, 0);
  });

  it('is what a policy may ask for, by category and age', async (t) => {
    const { stage, at, add } = await office(t);
    const policy = (expression: string) => {
      writeFileSync(
        at('p.yaml'),
        `version: 1\nrules:\n  - name: r\n    refuse: '${expression}'\n    because: so\n`,
      );
      return stage.here(['rescan', MODEL, '--policy', at('p.yaml')]);
    };
    const wanted = 'evidence.exists(e, e.kind == "garak" && e.ageDays <= 36500)';
    assert.equal((await policy(`!${wanted}`)).exit, 1);
    await add('garak', GARAK);
    assert.equal((await policy(`!${wanted}`)).exit, 0);
    // Two of ten failed: the rate can be above a half.
    assert.equal((await policy('evidence.exists(e, e.upperPercent > 50)')).exit, 1);
    assert.equal((await policy('evidence.exists(e, e.upperPercent > 52)')).exit, 0);
    assert.equal((await policy('evidence.exists(e, e.kind == "garak" && e.ageDays > 0 && e.bound)')).exit, 0);
    // Kept as it is: nobody knows how old it is, so it is too old for any rule.
    await add('audit', 'a text');
    assert.equal((await policy('!evidence.exists(e, e.kind == "audit" && e.ageDays > 36500)')).exit, 0);
    await add('garak', GARAK.replaceAll('2026-', '2999-'));
    assert.equal((await policy('!evidence.exists(e, e.kind == "garak" && e.ageDays > 3650000)')).exit, 0);
  });
});
