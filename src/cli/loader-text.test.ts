import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { select } from '../admission/selection.ts';
import { parseRepoPath } from '../base/name.ts';
import { excludeOptions } from './loader-text.ts';

describe('the options that leave files out', () => {
  const paths = ['model.safetensors', 'a/pytorch_model.bin', 'pytorch_model.bin', 'odd [1] (b).bin', 'a.py'];

  it('leave out exactly the files that they are for', () => {
    for (const path of paths) {
      const [option = ''] = excludeOptions([path]);
      const pattern = option.replace('--exclude ', '').replace(/^'(.*)'$/, '$1');
      const files = paths.map((name) => ({
        path: parseRepoPath(name),
        sizeBytes: 1,
        declared: { kind: 'none' } as const,
      }));
      const { excluded } = select(files, { include: [], exclude: [pattern] });
      assert.deepEqual(
        excluded.map((file) => file.path),
        [path],
        option,
      );
    }
  });

  it('name code as a set', () => {
    assert.deepEqual(excludeOptions(['a.py', 'b.py', 'x.bin']), ['--exclude @code', '--exclude ./x.bin']);
  });

  it('cannot be left by a name that a shell would run', () => {
    assert.deepEqual(excludeOptions(["a';id;'.bin"]), [`--exclude './a'\\'';id;'\\''.bin'`]);
  });
});
