/** Reviews for people: a list, one page about a revision, and what a decision led to. */
import type { Counted, Held, Reviewed } from '../admission/review.ts';
import type { StagedText } from '../admission/staged-text.ts';
import { printable, visible } from '../base/errors.ts';
import type { RevisionDiff } from '../diff/diff.ts';
import { place } from '../policy/floor.ts';
import type { Lacking } from '../registry/approvals.ts';
import { diffText } from './diff-text.ts';
import { bytesInWords, labelled, paintedLabel, painter, plural, type Terminal, table } from './terminal.ts';

interface Standing {
  readonly reviews: readonly Counted[];
  readonly lacking: readonly Lacking[];
}

export function heldJson({ id, record }: Held, { reviews, lacking }: Standing): Record<string, unknown> {
  const { decidedAt, requester, rules } = record.body;
  return {
    ...id,
    record: record.digest,
    manifest: record.manifestDigest,
    decidedAt,
    requester,
    rules,
    reviews: reviews.map(({ approval: { body }, void: why }) => ({
      approver: body.approver,
      decision: body.decision,
      reason: body.reason,
      madeAt: body.madeAt,
      expiresAt: body.expiresAt,
      ...(why !== undefined && { void: why }),
    })),
    lacking,
  };
}

export function heldList(rows: readonly ({ readonly held: Held } & Standing)[]): string {
  if (rows.length === 0) return labelled('', 'Nothing waits for anybody.');
  const cells = rows.map(({ held: { id, record }, lacking }) => [
    `${id.model}@${id.commit}`,
    record.body.decidedAt,
    record.body.requester ?? '',
    lacking.map(inWords).join('; '),
  ]);
  return (
    table(['WAITS', 'SINCE', 'ASKED BY', 'LACKS'], cells) +
    labelled('next', 'weighlock review show <model>@<commit>')
  );
}

function inWords({ rule, people }: Lacking): string {
  return people === undefined ? `a waiver (${rule.rule})` : `${plural(people, 'approval')} (${rule.rule})`;
}

interface Seen extends Standing {
  readonly texts: readonly StagedText[];
  /** Against what is live, if anything is. */
  readonly diff: RevisionDiff | undefined;
}

/** Everything that a decision needs, on one page. */
export function heldText(terminal: Terminal, { id, record }: Held, seen: Seen): string {
  const { body } = record;
  const { requester, source, rules, findings, manifest } = body;
  const paint = painter(terminal);
  const bytes = manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const open = findings.filter(({ verdict }) => verdict !== 'clean');
  return [
    labelled(
      'model',
      `${id.model}@${id.commit}\n${plural(manifest.files.length, 'file')}, ${bytesInWords(bytes)}`,
    ),
    labelled(
      'source',
      printable(`${source.endpoint}${source.publisher ? `, by ${source.publisher.name}` : ''}`),
    ),
    labelled('manifest', record.manifestDigest),
    labelled('asked by', printable(requester ?? 'nobody on record')),
    ...rules.map(({ rule, because, approvals = 1 }) =>
      paintedLabel(paint, 'yellow', [
        'held',
        printable(`${rule}: ${because}`) + (approvals > 1 ? `\n${approvals} people must approve` : ''),
      ]),
    ),
    ...open.map((finding) =>
      labelled('finding', `${printable(`${place(finding)}: ${finding.message}`)}\n${printable(finding.fix)}`),
    ),
    // Configuration is told by key, against what is live.
    ...seen.texts.filter(({ path }) => !path.endsWith('.json')).map((one) => textOf(one, paint)),
    seen.diff === undefined
      ? labelled('live', 'no revision of it is live')
      : `\n${diffText(terminal, seen.diff)}\n`,
    ...seen.reviews.map(({ approval: { body: said }, void: why }) =>
      labelled(
        said.decision === 'approve' ? 'approved' : 'refused',
        printable(`by ${said.approver} at ${said.madeAt}: ${said.reason}`) +
          (why === undefined ? '' : `\ndoes not count: ${printable(why)}`),
      ),
    ),
    ...seen.lacking.map((one) => labelled('lacks', inWords(one))),
    labelled(
      'next',
      ['approve', 'refuse']
        .map(
          (decision) =>
            `weighlock review ${decision} ${id.model}@${id.commit} --manifest ${record.manifestDigest} --reason … --key …`,
        )
        .join('\n'),
    ),
  ].join('');
}

/** What is about to be signed. */
export function signingText(decision: string, { id, record }: Held): string {
  const rules = record.body.rules.map(({ rule, because }) => `\n${printable(`${rule}: ${because}`)}`);
  return labelled(
    'signing',
    `${decision} ${id.model}@${id.commit}\nmanifest ${record.manifestDigest}${rules.join('')}`,
  );
}

/** A file that people must read, line by line, with what cannot be seen made visible. */
function textOf({ path, text, why }: StagedText, paint: ReturnType<typeof painter>): string {
  if (text === undefined) return labelled('text', `${printable(path)}: not shown, ${why}`);
  const lines = text.split('\n').map((line, index) => `${String(index + 1).padStart(5)}  ${visible(line)}\n`);
  return `\n  ${paint('bold', path)}\n${lines.join('')}\n`;
}

export function reviewedText(terminal: Terminal, reviewed: Reviewed, location: string): string {
  const paint = painter(terminal);
  const { held, approval, logIndex, outcome, lacking } = reviewed;
  const { id } = held;
  const { approver, decision } = approval.body;
  const said = labelled(
    decision === 'approve' ? 'approved' : 'refused',
    printable(`${id.model}@${id.commit.slice(0, 12)} by ${approver}`) +
      (logIndex === undefined ? ', on record already' : `, log entry ${logIndex}`),
  );
  switch (outcome) {
    case 'waiting':
      return (
        said +
        lacking.map((one) => paintedLabel(paint, 'yellow', ['waits', lackingInWords(one)])).join('') +
        (lacking.some((one) => isNew(one, reviewed))
          ? labelled('next', `weighlock admit ${id.model}@${id.commit}, which records what the rules say now`)
          : '')
      );
    case 'refused':
      if (decision === 'refuse') return said + labelled('dropped', 'what was staged of it');
      return (
        said + paintedLabel(paint, 'red', ['refused', `at the same moment by others\n${reasonsOf(reviewed)}`])
      );
    case 'published':
      if (decision === 'refuse')
        return (
          said +
          paintedLabel(paint, 'red', ['published', 'at the same moment: others approved it']) +
          labelled('next', `weighlock revoke ${id.model}@${id.commit} --reason …`)
        );
      return (
        said +
        paintedLabel(paint, 'green', ['published', `${location}/models/${id.model}/${id.commit}/`]) +
        labelled('next', `weighlock channel set ${id.model}@${id.commit}`)
      );
  }
}

/** Whether the approver was not shown what the rule says now. */
function isNew({ people, sha256 }: Lacking, { approval }: Reviewed): boolean {
  return people !== undefined && !approval.body.rules.some((rule) => rule.sha256 === sha256);
}

function reasonsOf({ record }: Reviewed): string {
  return (record?.body.rules ?? []).map(({ rule, because }) => printable(`${rule}: ${because}`)).join('\n');
}

function lackingInWords({ rule, people }: Lacking): string {
  const why = printable(`${rule.rule}: ${rule.because}`);
  if (people !== undefined) return `for ${plural(people, 'more approval')}\n${why}`;
  return rule.outcome === 'refuse'
    ? `the rules of today refuse it\n${why}`
    : `for a waiver: no approval lifts the safety floor\n${why}`;
}
