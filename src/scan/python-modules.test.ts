import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { scanRepo } from './scan.ts';

function scan(files: Readonly<Record<string, string>>) {
  const parsed = Object.entries(files).map(([path, source]) => ({
    path,
    facts: parseBuffer(Buffer.from(source)),
  }));
  return scanRepo(parsed).findings.filter(({ rule }) => rule.startsWith('python/'));
}

const UTIL = 'import subprocess\ndef fetch():\n    subprocess.run(["id"])\n';

describe('what another module of the repo does at import is found', () => {
  const repos: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'by a relative import': { 'modeling_x.py': 'from .util import fetch\nfetch()\n', 'util.py': UTIL },
    'under another name': { 'modeling_x.py': 'from .util import fetch as f\nf()\n', 'util.py': UTIL },
    'of the module itself': { 'modeling_x.py': 'from . import util\nutil.fetch()\n', 'util.py': UTIL },
    'by an absolute import': { 'modeling_x.py': 'from util import fetch\nfetch()\n', 'util.py': UTIL },
    'by a plain import': { 'modeling_x.py': 'import util as u\nu.fetch()\n', 'util.py': UTIL },
    'from a folder above': { 'a/b/modeling_x.py': 'from ..util import fetch\nfetch()\n', 'a/util.py': UTIL },
    'from a package': { 'modeling_x.py': 'from .tools import fetch\nfetch()\n', 'tools/__init__.py': UTIL },
    'in a function that is called': {
      'modeling_x.py': 'from .util import fetch\ndef setup():\n    fetch()\nsetup()\n',
      'util.py': UTIL,
    },
    'through a third module': {
      'modeling_x.py': 'from .middle import go\ngo()\n',
      'middle.py': 'from .util import fetch\ndef go():\n    fetch()\n',
      'util.py': UTIL,
    },
    'in a function that the function calls': {
      'modeling_x.py': 'from .util import go\ngo()\n',
      'util.py': `${UTIL}def go():\n    fetch()\n`,
    },
  };
  for (const [what, files] of Object.entries(repos)) {
    it(what, () => {
      const [found] = scan(files);
      assert.equal(found?.verdict, 'blocked', JSON.stringify(scan(files)));
      assert.equal(found.file, Object.keys(files)[0]);
      assert.match(
        found.message,
        /^line \d+ leads to "subprocess\.run" .*: import → .*\(\) in .*\.py → subprocess\.run$/,
      );
    });
  }
});

it('modules that import each other in a circle come to an end', () => {
  const a = 'from .b import g\ndef f():\n    g()\ng()\n';
  const b = 'from .a import f\ndef g():\n    f()\nf()\n';
  assert.deepEqual(scan({ 'a.py': a, 'b.py': b }), []);
});

it('what is imported and not called, or called only in a function, is not said to run', () => {
  assert.deepEqual(scan({ 'x.py': 'from .util import fetch\ndef f():\n    fetch()\n', 'util.py': UTIL }), []);
  assert.deepEqual(scan({ 'x.py': 'from .util import fetch\n', 'util.py': UTIL }), []);
});
