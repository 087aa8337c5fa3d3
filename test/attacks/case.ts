/**
 * Attacks and benign cases as tables: what stands in a repo, and what the answer must be. An *attack* says `blocked`,
 * or `not clean` where the scanner may also say that it cannot tell; `held` where only the repo as a whole shows that
 * code of somebody else would run. A *benign* case must be clean. Every payload is inert and nothing is loaded.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/base/errors.ts';
import type { Finding } from '../../src/base/finding.ts';
import { parseRepoPath, refuseClashes } from '../../src/base/name.ts';
import { parseRandomCompletely } from '../../src/formats/drive.ts';
import type { Facts } from '../../src/formats/facts.ts';
import { rawTensors, scanFile, scanRepo } from '../../src/scan/scan.ts';

export type Answer = 'blocked' | 'not clean' | 'held' | 'clean';

export interface CaseFile {
  readonly path: string;
  readonly content: Uint8Array | string;
}

export interface Case {
  readonly name: string;
  readonly files: readonly CaseFile[];
  readonly answer: Answer;
}

export interface Judged {
  readonly verdict: 'blocked' | 'inconclusive' | 'clean';
  readonly remoteCode: boolean;
  readonly findings: readonly Finding[];
  readonly facts: readonly Facts[];
}

/** A case of one file. */
export function one(name: string, answer: Answer, path: string, content: Uint8Array | string): Case {
  return { name, answer, files: [{ path, content }] };
}

/** What admission would see of these files: the scanners file by file, then the repo as a whole. */
export async function judge(files: readonly CaseFile[]): Promise<Judged> {
  const refused = refusal(files.map(({ path }) => path));
  if (refused !== undefined) return refused;
  const read: { readonly path: string; readonly facts: Facts }[] = [];
  for (const { path, content } of files) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const at = (offset: number, length: number): Uint8Array =>
      bytes.subarray(offset, Math.min(bytes.length, offset + length));
    read.push({ path, facts: await parseRandomCompletely({ sizeBytes: bytes.length, read: at }) });
  }
  const raw = rawTensors(read);
  const parsed = read.map(({ path, facts }) => ({ path, facts: raw.get(path) ?? facts }));
  const scans = parsed.map((file) => scanFile(file));
  const repo = scanRepo(parsed);
  const findings = [...scans.flatMap((scan) => scan.findings), ...repo.findings];
  const verdicts = [...scans.map((scan) => scan.verdict), ...repo.findings.map((found) => found.verdict)];
  const worst = (['blocked', 'inconclusive'] as const).find((verdict) => verdicts.includes(verdict));
  return {
    verdict: worst ?? 'clean',
    remoteCode: repo.remoteCode,
    findings,
    facts: parsed.map(({ facts }) => facts),
  };
}

/** Paths are refused before a byte is read. */
function refusal(paths: readonly string[]): Judged | undefined {
  try {
    refuseClashes(paths.map(parseRepoPath));
    return undefined;
  } catch (error) {
    assert.ok(error instanceof WeighlockError && error.code === 'WL_PATH_REFUSED', String(error));
    return { verdict: 'blocked', remoteCode: false, findings: [], facts: [] };
  }
}

function accepts(answer: Answer, { verdict, remoteCode }: Judged): boolean {
  switch (answer) {
    case 'blocked':
    case 'clean':
      return verdict === answer;
    case 'not clean':
      return verdict !== 'clean';
    case 'held':
      return verdict !== 'clean' || remoteCode;
  }
}

/** One test a case; the message of a failure is what the scanners said instead. */
export function table(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    for (const { name, files, answer } of cases) {
      it(`${answer}: ${name}`, async () => {
        const judged = await judge(files);
        const said = judged.findings.map(({ rule, verdict, message }) => `${verdict} ${rule}: ${message}`);
        const gaps = judged.facts.flatMap((facts) => facts.gaps.map((gap) => `gap: ${gap.reason}`));
        const formats = judged.facts.map(({ format }) => format).join(', ');
        assert.ok(
          accepts(answer, judged),
          [`${judged.verdict}, read as ${formats}`, ...said, ...gaps].join('\n'),
        );
        for (const found of judged.findings) assertOneSentence(found);
      });
    }
  });
}

/** A message stands beside its place and must not repeat it. */
function assertOneSentence({ message, file, rule }: Finding): void {
  assert.ok(message.length > 0 && message.length < 500, `${rule}: ${message}`);
  assert.ok(!/[\0-\x1f\x7f\u202a-\u202e\u2066-\u2069]/.test(message), `${rule} prints control characters`);
  if (file.length > 6) assert.ok(!message.startsWith(file), `${rule} repeats its file: ${message}`);
}
