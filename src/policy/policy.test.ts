import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { WeighlockError } from '../base/errors.ts';
import type { PolicyInput } from './input.ts';
import { askRules, decide, readPolicy } from './policy.ts';

const base: PolicyInput = {
  files: [
    {
      path: 'model.safetensors',
      size: 10,
      sha256: 'a'.repeat(64),
      format: 'safetensors',
      verdict: 'clean',
      tier: '',
    },
  ],
  findings: [],
  repo: {
    name: 'x',
    namespace: 'org',
    license: 'mit',
    remoteCode: false,
    tags: [],
    references: [],
    sizeBytes: 10,
    newCode: [],
  },
  source: { kind: 'hub', endpoint: 'https://hub.test' },
  publisher: { name: 'org', kind: 'organisation', verified: true, authors: [] },
  hub: { scan: 'safe' },
  signature: { status: 'none' },
  evidence: [],
};

const policy = (rule: string) => readPolicy(`version: 1\nrules:\n${rule}`, 'p.yaml');
const rule = (line: string) => policy(`  - name: r\n    ${line}\n    because: it is so\n`);

describe('policy', () => {
  for (const [expression, answer] of [
    ['hold: repo.remoteCode', 'no'],
    ['hold: source.kind == "hub" && publisher.verified', 'yes'],
    ['hold: !(repo.license in ["mit", "apache-2.0"])', 'no'],
    ["refuse: !(repo.license in ['gpl-3.0'])", 'yes'],
    ['hold: files.exists(f, f.format == "safetensors" && f.size >= 10)', 'yes'],
    ['hold: files.all(f, f.verdict == "clean") && size(findings) > 0', 'no'],
    ['hold: publisher.followers < 100', 'unknown'],
    ['hold: repo.name', 'unknown'],
    ['hold: has(publisher.followers) && publisher.followers < 100', 'no'],
  ] as const) {
    it(`answers ${answer} to "${expression}"`, () => {
      assert.equal(askRules(rule(expression), base)[0]?.answer, answer);
    });
  }

  it('holds and names the fact where a rule needs one that is not known', () => {
    const [outcome] = decide(rule('refuse: publisher.followers < 100'), base);
    assert.equal(outcome?.outcome, 'hold');
    assert.match(outcome?.because ?? '', /the fact "followers" is not known/);
  });

  for (const [text, message] of [
    ['version: 2\nrules: []', /p\.yaml, line 1: expected "version: 1"/],
    ['version: 1\nrules:\n  - name: a\n    hold: true\n', /line 3: a rule has exactly/],
    [
      'version: 1\nrules:\n  - name: a\n    hold: repo.lisense == "mit"\n    because: b\n',
      /line 4: .*"\.lisense", and there are only name, namespace, license/,
    ],
    [
      'version: 1\nrules:\n  - name: a\n    hold: files.exists(f, f.kind == "x")\n    because: b\n',
      /line 4: .*"\.kind"/,
    ],
    [
      'version: 1\nrules:\n  - name: a\n    hold: model.x\n    because: b\n',
      /line 4: .*"model", which is not known/,
    ],
    ['version: 1\nrules:\n  - name: a\n    hold: 1 +\n    because: b\n', /line 4: .*does not parse/],
    ['version: 1\nrules:\n  - name: floor/x\n    hold: "true"\n    because: b\n', /safety floor/],
    ['version: 1\nrules: [', /p\.yaml, line/],
    ['a: &a [1]\nb: *a', /p\.yaml, line 1/],
  ] as const) {
    it(`refuses ${JSON.stringify(text)} with the line`, () => {
      assert.throws(
        () => readPolicy(text, 'p.yaml'),
        (error) =>
          error instanceof WeighlockError &&
          error.code === 'WL_POLICY_INVALID' &&
          message.test(error.message),
      );
    });
  }

  it('ships a default that reads, admits plain weights and holds remote code', () => {
    const shipped = readPolicy(
      readFileSync(new URL('../../policies/default.yaml', import.meta.url), 'utf8'),
      'default',
    );
    assert.deepEqual(decide(shipped, base), []);
    assert.deepEqual(
      decide(shipped, { ...base, repo: { ...base.repo, remoteCode: true } }).map((outcome) => outcome.rule),
      ['remote-code'],
    );
  });
});
