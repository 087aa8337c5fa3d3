/** Texts that somebody wants to keep from whoever compares two revisions. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codeChanges, Patches } from './code.ts';
import { configurationChanges } from './configuration.ts';
import type { FileChanges } from './files.ts';
import { diffMarkdown } from './markdown.ts';
import type { Side } from './side.ts';
import { templateChanges } from './templates.ts';
import { tokenizerChanges } from './tokenizer.ts';

/** A side whose files are these; undefined stands for one that cannot be read. */
function side(texts: Readonly<Record<string, string | undefined>>): Side {
  return {
    commit: '0'.repeat(40),
    where: 'in a test',
    files: Object.keys(texts).map((path) => ({ path, sizeBytes: 1, names: [] })),
    license: undefined,
    publisher: undefined,
    repoId: undefined,
    look: async () => new Map(),
    text: async (path) => texts[path],
  };
}

const changed = (...paths: string[]): FileChanges => ({
  same: 0,
  added: [],
  removed: [],
  renamed: [],
  changed: paths.map((path) => ({ path, from: 1, to: 1 })),
});

const NO_LOOKS = { a: new Map(), b: new Map() };

describe('code', () => {
  it('that cannot be read is not told as code that is gone', async () => {
    const sides = { a: side({ 'm.py': 'x = 1\n' }), b: side({ 'm.py': undefined }) };
    const [change] = await codeChanges(changed('m.py'), { looks: NO_LOOKS, sides });
    assert.match(change?.patch ?? '', /^@@ not compared: what it is now /);
    assert.deepEqual([change?.added, change?.removed], [0, 0]);
    const unread = { a: side({ 'm.py': undefined }), b: side({ 'm.py': undefined }) };
    const [neither] = await codeChanges(changed('m.py'), { looks: NO_LOOKS, sides: unread });
    assert.match(neither?.patch ?? '', /^@@ not compared/);
  });

  it('of a file that came or went is told whole', async () => {
    const sides = { a: side({}), b: side({ 'm.py': 'x = 1\n' }) };
    const [change] = await codeChanges(changed('m.py'), { looks: NO_LOOKS, sides });
    assert.deepEqual([change?.added, change?.removed], [1, 0]);
  });

  it('is shown to the letter, also where it looks like a signed URL, and with what takes no room', () => {
    const patch = new Patches().of('', 'u = f"https://a?{__import__(chr(111))}"\nsa\u200bve = "\u{e0041}"\n');
    const page = diffMarkdown({
      ...EMPTY,
      code: [{ file: 'm.py', added: 2, removed: 0, patch }],
    });
    assert.ok(page.includes('https://a?{__import__(chr(111))}'), page);
    assert.ok(page.includes('sa\\u{200b}ve = "\\u{e0041}"'), page);
  });
});

describe('templates', () => {
  it('beyond those that are rendered are compared all the same', async () => {
    const names = [...'abcdefghi', 'z'].map((name) => `${name}.jinja`);
    const of = (text: string) => side(Object.fromEntries(names.map((name) => [name, text])));
    const found = await templateChanges(changed(...names), { a: of('one'), b: of('two') });
    assert.equal(found.length, names.length);
    const last = found.at(-1);
    assert.equal(last?.file, 'z.jinja');
    assert.match(last?.patch ?? '', /^\+two$/m);
    assert.match(last?.to ?? '', /^\[not rendered: more than 8 /);
    assert.equal(found[0]?.to, 'two');
  });

  it('that cannot be read are named', async () => {
    const sides = {
      a: side({ 'chat_template.jinja': 'one' }),
      b: side({ 'chat_template.jinja': undefined }),
    };
    const found = await templateChanges(changed('chat_template.jinja'), sides);
    assert.ok(found.some(({ patch, to }) => patch.startsWith('@@ not compared') && to?.startsWith('[not')));
  });
});

describe('a tokenizer', () => {
  it('in which two words changed places is another one', async () => {
    const of = (vocab: Record<string, number>) =>
      side({ 'tokenizer.json': JSON.stringify({ model: { vocab } }) });
    const sides = { a: of({ yes: 0, no: 1 }), b: of({ no: 0, yes: 1 }) };
    const [change, ...more] = await tokenizerChanges(changed('tokenizer.json'), sides);
    assert.equal(change?.what, 'vocabulary');
    assert.deepEqual(more, []);
  });
});

describe('configuration', () => {
  it('under a key that is called like a template, and is none, is told', async () => {
    const of = (value: unknown) => side({ 'config.json': JSON.stringify({ x: { chat_template: value } }) });
    const found = await configurationChanges(changed('config.json'), { a: of('one'), b: of('two') });
    assert.deepEqual(found, [{ file: 'config.json', key: 'x.chat_template', from: '"one"', to: '"two"' }]);
  });

  it('that neither side can read is told', async () => {
    const unread = side({ 'config.json': undefined });
    const found = await configurationChanges(changed('config.json'), { a: unread, b: unread });
    assert.equal(found[0]?.to, '(not read)');
  });
});

const EMPTY = {
  model: 'org/model',
  a: { commit: '0'.repeat(40), where: 'a', files: 1, sizeBytes: 1 },
  b: { commit: '1'.repeat(40), where: 'b', files: 1, sizeBytes: 1 },
  equal: false,
  files: changed(),
  tensors: { added: [], removed: [], changed: [], files: [], inChangedFiles: 0 },
  configuration: [],
  templates: [],
  tokenizer: [],
  code: [],
  globals: { added: [], removed: [] },
  license: undefined,
  publisher: undefined,
  findings: { added: [], removed: [] },
} as const;
