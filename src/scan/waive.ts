/**
 * Applying waivers: a finding that somebody took upon himself stays on record as a note with his name. A waiver that has
 * expired lifts nothing, and is a finding of its own, so that nobody wonders why what passed last week is held today.
 */
import type { Waiver } from '../attest/waiver.ts';
import type { Finding, Gap } from '../base/finding.ts';
import { finding, type Rule } from './judgement.ts';

/** The rule that lifts the gaps of a file: somebody looked at the bytes that no parser accounts for. */
const NOT_READ_RULE = 'structure/not-read';

const EXPIRED: Rule = {
  rule: 'waiver/expired',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'Whoever took the finding upon himself did so for a time, and that time is over.',
  fix: 'Have the file looked at again, and sign a new waiver if it is still wanted.',
};

export interface Waivable {
  readonly path: string;
  readonly sha256: string;
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
}

/** The findings and gaps that are left of a file. */
export function waive(
  file: Waivable,
  waivers: readonly Waiver[],
  nowMs: number,
): Pick<Waivable, 'findings' | 'gaps'> {
  const about = waivers.filter(({ body }) => body.sha256 === file.sha256);
  if (about.length === 0) return file;
  const inForce = about.filter(({ body }) => Date.parse(body.expiresAt) > nowMs);
  const findings = file.findings.map((one) => lifted(one, inForce));
  const read = inForce.some(({ body }) => 'rule' in body.lifts && body.lifts.rule === NOT_READ_RULE);
  const missed = about
    .filter((waiver) => !inForce.includes(waiver))
    .filter(({ body }) => findings.some((one) => one.verdict !== 'clean' && fits(one, body.lifts)))
    .map(({ body }) => expired(file.path, body));
  return { findings: [...findings, ...missed], gaps: read ? [] : file.gaps };
}

/** The same for findings about the repo as a whole that name one of its files. */
export function waiveRepo(
  findings: readonly Finding[],
  files: readonly Pick<Waivable, 'path' | 'sha256'>[],
  by: { readonly waivers: readonly Waiver[]; readonly nowMs: number },
): readonly Finding[] {
  if (by.waivers.length === 0) return findings;
  const digests = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  return findings.flatMap((one) => {
    const sha256 = digests.get(one.file);
    if (sha256 === undefined) return [one];
    return waive({ path: one.file, sha256, findings: [one], gaps: [] }, by.waivers, by.nowMs).findings;
  });
}

function lifted(one: Finding, inForce: readonly Waiver[]): Finding {
  if (one.verdict === 'clean') return one;
  const waiver = inForce.find(({ body }) => fits(one, body.lifts));
  if (waiver === undefined) return one;
  const { approver: by, expiresAt: until, reason } = waiver.body;
  return { ...one, verdict: 'clean', waived: { by, until, reason } };
}

function fits(one: Finding, lifts: Waiver['body']['lifts']): boolean {
  return 'rule' in lifts ? one.rule === lifts.rule : one.subject === lifts.global;
}

function expired(file: string, { lifts, approver, expiresAt }: Waiver['body']): Finding {
  const what = 'rule' in lifts ? lifts.rule : lifts.global;
  return finding(EXPIRED, {
    file,
    subject: what,
    message: `the waiver of ${approver} for ${what} expired at ${expiresAt}`,
  });
}
