/** DeepSeek-R1 and its distills, in the shape of the real repos, from the first command to the documented verdict. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isLfs, type StandInFile } from '../../src/hub-stand-in/model.ts';
import { commandLine } from './command-line.ts';
import { DISTILLS, deepseekR1, distill } from './deepseek-shapes.ts';

const R1 = 'deepseek-ai/DeepSeek-R1';
const CODE = ['configuration_deepseek.py', 'modeling_deepseek.py'];

describe('A distill of DeepSeek-R1 is admitted, every file read to its last byte', () => {
  for (const shape of DISTILLS) {
    test(shape.name, async (t) => {
      const model = distill(shape);
      const files = model.commits.flatMap((commit) => commit.files);
      const line = await commandLine(t, [model]);
      const admitted = await line.admit(0, model.id);
      assert.equal(admitted.verdict, 'admitted');
      assert.deepEqual(admitted.rules, []);
      assert.deepEqual(
        admitted.files.map(({ path }) => path),
        files.map(({ path }) => path).sort(),
      );
      assert.deepEqual(
        admitted.coverage.filter(({ verdict, gaps }) => verdict !== 'clean' || gaps.length > 0),
        [],
      );
      assert.deepEqual(
        admitted.coverage.filter(({ format }) => format === 'safetensors').map(({ path }) => path),
        files
          .map(({ path }) => path)
          .filter((path) => path.endsWith('.safetensors'))
          .sort(),
      );
      assert.equal((await line.run('verify', model.id)).exit, 0);
    });
  }
});

describe('DeepSeek-R1 brings Python of its own', () => {
  test('it is held for its code and nothing else, and one flag admits it without fetching again', async (t) => {
    const model = deepseekR1();
    const files = model.commits.flatMap((commit) => commit.files);
    assert.equal(files.filter(isLfs).length, 164, '163 shards and a picture');
    assert.equal(indexOf(files).length, 91_991, 'tensors, as in the real index');
    const line = await commandLine(t, [model]);

    const held = await line.admit(2, R1);
    assert.equal(held.verdict, 'held');
    assert.deepEqual(
      held.rules.map(({ rule, outcome }) => ({ rule, outcome })),
      [{ rule: 'remote-code', outcome: 'hold' }],
    );
    assert.deepEqual(
      held.coverage.filter(({ verdict, gaps }) => verdict !== 'clean' || gaps.length > 0),
      [],
    );
    assert.equal(held.fetched, files.length);
    assert.ok(line.fetches() >= files.length);

    const admitted = await line.admit(0, R1, '--exclude', '@code');
    assert.equal(admitted.verdict, 'admitted');
    assert.equal(admitted.fetched, 0);
    assert.equal(line.fetches(), 0, 'nothing is fetched again');
    assert.deepEqual(
      admitted.excluded.map(({ path, by }) => ({ path, by })),
      CODE.map((path) => ({ path, by: '--exclude @code' })),
    );
    assert.deepEqual(
      admitted.files.map(({ path }) => path),
      files
        .map(({ path }) => path)
        .filter((path) => !CODE.includes(path))
        .sort(),
    );

    const shown = await line.run('show', R1);
    assert.equal(shown.exit, 0);
    const [, leftOut = ''] = shown.out.split('LEFT OUT');
    for (const path of CODE) assert.match(leftOut, new RegExp(`^${path} .*--exclude @code$`, 'm'));
    assert.equal((await line.run('verify', R1)).exit, 0);
  });
});

/** The tensors that the index names. */
function indexOf(files: readonly StandInFile[]): readonly string[] {
  const index = files.find(({ path }) => path === 'model.safetensors.index.json');
  if (index?.content.kind !== 'bytes') return [];
  return Object.keys(JSON.parse(Buffer.from(index.content.bytes).toString()).weight_map);
}
