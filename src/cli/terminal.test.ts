import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesInWords, labelled, painter, plural, table, timeInWords, wrapped } from './terminal.ts';

describe('the terminal', () => {
  it('says sizes with three digits, and never 1000 of a unit', () => {
    assert.deepEqual(
      [0, 1, 999, 999.6, 1000, 1234, 12_345, 123_456, 999_499, 999_500, 3_550_000_000, 2e15].map(
        bytesInWords,
      ),
      [
        '0 B',
        '1 B',
        '999 B',
        '1.00 kB',
        '1.00 kB',
        '1.23 kB',
        '12.3 kB',
        '123 kB',
        '999 kB',
        '1.00 MB',
        '3.55 GB',
        '2000 TB',
      ],
    );
  });

  it('says times in words, and nothing where there is nothing to say', () => {
    assert.deepEqual([0, 0.4, 89, 90, 5399, 5400, Number.NaN, Number.POSITIVE_INFINITY].map(timeInWords), [
      '1 s',
      '1 s',
      '89 s',
      '2 min',
      '90 min',
      '1.5 h',
      '',
      '',
    ]);
    assert.deepEqual(
      [plural(0, 'file'), plural(1, 'file'), plural(2, 'file')],
      ['0 files', '1 file', '2 files'],
    );
  });

  it('lets no text of others steer it', () => {
    const hostile = 'a\u001b[2Jb\u202ec\nd';
    assert.equal(painter({ colour: false })('red', hostile), 'a\\u{1b}[2Jb\\u{202e}c\\u{a}d');
    assert.equal(painter({ colour: true })('red', 'x\u001b'), '\u001b[31mx\\u{1b}\u001b[39m');
    assert.equal(table(['N'], [[hostile]]), 'N\na\\u{1b}[2Jb\\u{202e}c\\u{a}d\n');
  });

  it('aligns columns and further lines', () => {
    assert.equal(
      table(
        ['A', 'BB'],
        [
          ['aaa', 'b'],
          ['a', ''],
        ],
      ),
      'A    BB\naaa  b\na\n',
    );
    assert.equal(labelled('one', 'x\ny'), '  one        x\n             y\n');
  });

  it('breaks long lines between words, and counts no styles', () => {
    const painted = `\u001b[31m${'word '.repeat(12).trim()}\u001b[39m`;
    const lines = wrapped(painted, { columns: 52, indent: '    ' }).split('\n');
    assert.deepEqual(
      lines.map((line) => line.replace(/\u001b\[\d+m/g, '')),
      [`${'word '.repeat(10).trim()}`, '    word word'],
    );
    const endless = 'x'.repeat(200);
    assert.equal(wrapped(endless, { columns: 52, indent: '' }), endless);
    assert.equal(wrapped('a b', { columns: 2, indent: '' }), 'a b');
  });
});
