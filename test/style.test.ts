/** The rules of ARCHITECTURE.md and CONTRIBUTING.md that a test can hold. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { errorsPage } from '../scripts/errors-page.ts';
import { ERRORS } from '../src/base/errors.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SRC = path.join(ROOT, 'src');

/** A file imports only from strictly lower floors, or from its own room. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  engines: 1,
  formats: 1,
  sources: 1,
  vault: 1,
  policy: 1,
  attest: 1,
  log: 1,
  rendering: 1,
  scan: 2,
  transfer: 2,
  registry: 2,
  admission: 3,
  deploy: 3,
  lifecycle: 3,
  posture: 3,
  remediation: 3,
  probe: 3,
  drift: 4,
  inspection: 4,
  bom: 4,
  compare: 4,
  upstream: 4,
  gateway: 5,
  diff: 5,
  'hub-stand-in': 5,
  cli: 6,
};

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const BANNED_NAMES = /(^|[-/])(utils?|helpers?|common|manager|misc|stuff)([-./]|$)/;

interface Source {
  readonly file: string;
  readonly room: string;
  readonly text: string;
  readonly lines: readonly string[];
}

function sources(): Source[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const text = readFileSync(path.join(SRC, file), 'utf8');
      return { file, room: file.split(path.sep)[0] ?? '', text, lines: text.split('\n') };
    });
}

const all = sources();

function offenders(check: (source: Source) => Iterable<string>): string[] {
  return all.flatMap((source) => [...check(source)].map((what) => `src/${source.file}: ${what}`));
}

/** Files that a file imports; `run` leaves out imports of types, which are gone when it runs. */
function* importsOf({ file, text }: Source, which: 'all' | 'run'): Iterable<string> {
  const code = which === 'all' ? text : text.replace(/^(?:import|export) type [^;]*;$/gm, '');
  for (const match of code.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)) {
    yield path.join(path.dirname(file), match[1] ?? '');
  }
}

describe('style', () => {
  it('has every room on a floor', () => {
    assert.deepEqual(
      [...new Set(all.map((source) => source.room))].filter((room) => !(room in FLOORS)),
      [],
    );
  });

  it('imports only downwards', () => {
    const wrong = offenders(function* (source) {
      if (source.file.endsWith('.test.ts')) return;
      for (const target of importsOf(source, 'all')) {
        const room = target.split(path.sep)[0] ?? '';
        if (room === source.room || room.startsWith('..')) continue;
        if ((FLOORS[room] ?? 99) >= (FLOORS[source.room] ?? 0)) yield `imports ${target}`;
      }
    });
    assert.deepEqual(wrong, []);
  });

  it('imports nothing but Node’s own modules in base/', () => {
    const wrong = offenders(function* ({ room, text, file }) {
      if (room !== 'base' || file.endsWith('.test.ts')) return;
      for (const [, name] of text.matchAll(/from '([^.'][^']*)'/g))
        if (!name?.startsWith('node:')) yield `imports ${name}`;
    });
    assert.deepEqual(wrong, []);
  });

  it('has no import cycles', () => {
    const graph = new Map(all.map((source) => [source.file, [...importsOf(source, 'run')]]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) {
        // The demo types the commands that the command line is made of.
        const cycle = trail.slice(trail.indexOf(file));
        if (!cycle.includes(path.join('cli', 'main.ts'))) cycles.push(cycle.join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
      done.add(file);
    };
    for (const file of graph.keys()) visit(file, []);
    assert.deepEqual(cycles, []);
  });

  it(`keeps files within ${FILE_LINES_MAX} lines and functions within ${FUNCTION_LINES_MAX}`, () => {
    const wrong = offenders(function* ({ lines, file }) {
      if (lines.length > FILE_LINES_MAX) yield `${lines.length} lines`;
      if (/(\.test|contract)\.ts$/.test(file)) return;
      for (const [start, line] of lines.entries()) {
        const indent =
          /^( {2})?(?:export )?(?:static |async |override |\*)*(?:function\*? )?#?\w+\*?(?:<.*>)?\(.*$/.exec(
            line,
          );
        if (!indent || line.endsWith(';') || /^\s*(?:if|for|while|switch|return|describe|it)\b/.test(line))
          continue;
        const end = lines.findIndex((other, i) => i > start && other === `${indent[1] ?? ''}}`);
        if (end - start > FUNCTION_LINES_MAX && lines.slice(start, start + 12).some((l) => l.endsWith('{'))) {
          yield `${line.trim()} has ${end - start} lines`;
        }
      }
    });
    assert.deepEqual(wrong, []);
  });

  it('calls files by what they hold', () => {
    assert.deepEqual(
      offenders(function* ({ file }) {
        if (BANNED_NAMES.test(file) || !/^[a-z0-9/-]+(\.test)?\.ts$/.test(file)) yield 'is badly named';
      }),
      [],
    );
  });

  it('has no enums, default exports, or boolean traps', () => {
    assert.deepEqual(
      offenders(function* ({ text, file }) {
        if (/^(export )?(const )?enum /m.test(text)) yield 'has an enum';
        if (/^export default/m.test(text)) yield 'has a default export';
        if (!file.endsWith('.test.ts') && /\bconsole\./.test(text)) yield 'prints by console';
      }),
      [],
    );
  });

  it('builds keys of the vault in vault/layout.ts alone', () => {
    const wrong = offenders(function* ({ file, text }) {
      if (file === path.join('vault', 'layout.ts') || file.endsWith('.test.ts') || /^(cli|log)/.test(file))
        return;
      if (/`(?:models|registry|log|staging)\/(?!, entry)[^`]*\$\{/.test(text)) yield 'builds a key';
    }).filter((line) => !/attest\/record\.ts/.test(line));
    assert.deepEqual(wrong, []);
  });

  it('documents every error, and only by permanent codes', () => {
    assert.equal(
      readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8'),
      errorsPage(),
      'run `npm run errors-page`',
    );
    for (const code of Object.keys(ERRORS)) assert.match(code, /^WL_[A-Z_]+$/);
    const used = all
      .filter(({ file }) => !file.endsWith('.test.ts'))
      .map(({ text }) => text)
      .join('\n');
    const dead = Object.keys(ERRORS).filter((code) => used.split(`'${code}'`).length < 2);
    assert.deepEqual(dead, [], 'codes that nothing raises');
  });

  it('opens every room’s files with what they are', () => {
    assert.deepEqual(
      offenders(function* ({ file, lines }) {
        if (!file.endsWith('.test.ts') && !lines[0]?.startsWith('/**')) yield 'has no opening comment';
      }),
      [],
    );
  });

  it('names no machine, registry or workplace in what is committed', () => {
    const lock = readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8');
    assert.doesNotMatch(lock, /"resolved"/, 'package-lock.json names a registry');
  });
});
