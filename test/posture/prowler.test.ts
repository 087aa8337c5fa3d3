/** The posture beside a second opinion: what prowler was found to say of the same buckets. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { CheckId } from '../../src/posture/checks/check.ts';
import { PROWLER_CHECKS, PROWLER_RECORD, type ProwlerRecord } from './prowler.ts';
import { WEAKNESSES } from './weaknesses.ts';

const { says }: ProwlerRecord = JSON.parse(readFileSync(PROWLER_RECORD, 'utf8'));
const buckets: Readonly<Record<string, readonly CheckId[]>> = {
  sound: [],
  ...Object.fromEntries(Object.entries(WEAKNESSES).map(([title, { failed }]) => [title, failed])),
};

describe('posture and prowler', () => {
  it('were shown the same buckets', () => {
    assert.deepEqual(Object.keys(says), Object.keys(buckets), 'run scripts/prowler-record.ts');
  });

  for (const [title, failed] of Object.entries(buckets)) {
    it(`agree about ${title === 'sound' ? 'a sound bucket' : title}`, () => {
      for (const [check, verdict] of Object.entries(says[title] ?? {})) {
        const known = PROWLER_CHECKS[check];
        assert.ok(known, check);
        if (!('ours' in known)) continue;
        const ours = known.ours.some((id) => failed.includes(id)) ? 'FAIL' : 'PASS';
        assert.equal(verdict, ours, check);
      }
    });
  }

  it('differ only where docs/posture.md says why', () => {
    const docs = readFileSync(path.resolve(import.meta.dirname, '../../docs/posture.md'), 'utf8');
    for (const [check, known] of Object.entries(PROWLER_CHECKS))
      if ('differs' in known) assert.ok(docs.includes(`\`${check}\``), check);
  });

  it('are both asked about something in every check that is compared', () => {
    const answered = new Set(Object.values(says).flatMap((one) => Object.keys(one)));
    assert.deepEqual([...answered].sort(), Object.keys(PROWLER_CHECKS).sort());
  });
});
