/** The scanner against the corpus: no attack clean, no weights anything but clean, and few others stopped. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { type Judged, judge } from '../attacks/case.ts';
import { GADGETS } from '../attacks/pickle-gadgets.ts';
import { CORPUS, type Entry, judgeEntry, readManifest } from './corpus.ts';

/** Of the benign files that are more than weights, so many in a hundred may be held for a person to look at. */
const OTHERS_STOPPED_PERCENT_MAX = 4;

interface JudgedEntry extends Judged {
  readonly entry: Entry;
}

/** One line that says what was said instead. */
function line({ entry, verdict, findings, facts }: JudgedEntry): string {
  const why = [...findings.map(({ rule, message }) => `${rule}: ${message}`)];
  const gaps = facts.flatMap(({ gaps }) => gaps.map(({ reason }) => `gap: ${reason}`));
  return `${entry.path} (${entry.note}): ${verdict}; ${[...new Set([...why, ...gaps])].slice(0, 3).join(' | ')}`;
}

function stopped(judged: readonly JudgedEntry[]): readonly JudgedEntry[] {
  return judged.filter(({ verdict }) => verdict !== 'clean');
}

function clean(judged: readonly JudgedEntry[]): readonly JudgedEntry[] {
  return judged.filter(({ verdict }) => verdict === 'clean');
}

function assertNone(wrong: readonly JudgedEntry[], of: number): void {
  assert.equal(wrong.length, 0, `${wrong.length} of ${of}:\n${wrong.map(line).join('\n')}`);
}

/** A file is listed by itself or by one of the folders that it stands in. */
function assertListed(file: string, listed: ReadonlySet<string>): void {
  for (let path = file; path !== '.'; path = dirname(path)) if (listed.has(path)) return;
  assert.fail(`${file} is not in the manifest`);
}

describe('the corpus', () => {
  const entries = readManifest();
  let judged: readonly JudgedEntry[] = [];
  const chosen = (choose: (entry: Entry) => boolean): readonly JudgedEntry[] =>
    judged.filter(({ entry }) => choose(entry));

  before(async () => {
    const all: JudgedEntry[] = [];
    for (const entry of entries) all.push({ entry, ...(await judgeEntry(entry)) });
    judged = all;
  });

  it('is as large as it must be, and every file is in the manifest', () => {
    const count = (choose: (entry: Entry) => boolean): number => entries.filter(choose).length;
    assert.ok(count(({ kind, blind }) => kind === 'gadget' && blind) >= 200);
    assert.ok(count(({ kind }) => kind === 'parser') >= 60);
    assert.ok(count(({ kind }) => kind === 'container' || kind === 'config') >= 80);
    assert.ok(count(({ kind }) => kind === 'benign') >= 150);
    for (const { path } of entries) assert.ok(existsSync(join(CORPUS, path)), path);
    const listed = new Set(entries.map(({ path }) => path));
    for (const folder of ['gadgets-blind', 'parser', 'containers-hostile', 'configs', 'benign'])
      for (const file of readdirSync(join(CORPUS, folder), { recursive: true, withFileTypes: true }))
        if (file.isFile()) assertListed(join(file.parentPath, file.name).slice(CORPUS.length + 1), listed);
  });

  it('lets no gadget pass that was written blind', (t) => {
    const gadgets = chosen(({ kind, blind }) => kind === 'gadget' && blind);
    t.diagnostic(`gadgets written blind: ${stopped(gadgets).length} of ${gadgets.length} not clean`);
    assertNone(clean(gadgets), gadgets.length);
  });

  it('lets no gadget pass that the scanner’s authors wrote', async (t) => {
    const passed: string[] = [];
    for (const { name, files } of GADGETS) if ((await judge(files)).verdict === 'clean') passed.push(name);
    t.diagnostic(`gadgets of the authors: ${GADGETS.length - passed.length} of ${GADGETS.length} not clean`);
    assert.deepEqual(passed, []);
  });

  for (const kind of ['parser', 'container', 'config'] as const)
    it(`lets no ${kind} case pass`, (t) => {
      const cases = chosen((entry) => entry.kind === kind && entry.expect === 'not-clean');
      t.diagnostic(`${kind} cases: ${stopped(cases).length} of ${cases.length} not clean`);
      assertNone(clean(cases), cases.length);
    });

  it('finds the rule that a case names', () => {
    const cases = chosen(({ rule }) => rule !== undefined);
    assertNone(
      cases.filter(({ entry, findings }) => !findings.some(({ rule }) => rule === entry.rule)),
      cases.length,
    );
  });

  it('calls all benign weights clean', (t) => {
    const weights = chosen(({ kind, weightsOnly }) => kind === 'benign' && weightsOnly);
    t.diagnostic(`benign, weights only: ${clean(weights).length} of ${weights.length} clean`);
    assertNone(stopped(weights), weights.length);
  });

  it(`stops at most ${OTHERS_STOPPED_PERCENT_MAX} % of the other benign files, and blocks none`, (t) => {
    const others = chosen(({ kind, weightsOnly }) => kind === 'benign' && !weightsOnly);
    const wrong = stopped(others);
    t.diagnostic(`benign, others: ${clean(others).length} of ${others.length} clean`);
    assertNone(
      wrong.filter(({ verdict }) => verdict === 'blocked'),
      others.length,
    );
    assert.ok(
      wrong.length * 100 <= others.length * OTHERS_STOPPED_PERCENT_MAX,
      `${wrong.length} of ${others.length}:\n${wrong.map(line).join('\n')}`,
    );
  });
});
