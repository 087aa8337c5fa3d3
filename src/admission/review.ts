/**
 * Reviews: what waits for people, and what they decide. An approval counts where a person of the trust file signed it, who
 * did not ask for the admission, for exactly these bytes; a rule that held lets pass once as many different people approved
 * it as the policy asks for. Then the revision is judged again by the rules of the day, and only what they still hold, and
 * nobody approved, stands in its way. The safety floor is not approved away: that takes a waiver.
 */
import { type Approval, openApproval } from '../attest/approval.ts';
import type { RecordBody, SignedRecord } from '../attest/record.ts';
import type { RevisionIndex } from '../attest/state.ts';
import type { ReviewBody, Signed } from '../attest/statement.ts';
import { timestamp } from '../base/clock.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import { verdictOf } from '../base/verdict.ts';
import { outcomeDigest } from '../policy/outcome-digest.ts';
import { answers, type Lacking, lackingOf, mismatch, requestersOf } from '../registry/approvals.ts';
import type { Gate } from '../registry/gate.ts';
import type { Registry } from '../registry/registry.ts';
import { evidenceKey, policyKey, type RevisionId } from '../vault/layout.ts';
import type { Judgement } from './judge.ts';
import { conclude, type Rebring } from './publication.ts';
import { judgeAgain, type Rules } from './rejudge.ts';

/** A revision that waits for people. */
export interface Held {
  readonly id: RevisionId;
  readonly entry: RevisionIndex;
  readonly record: SignedRecord;
}

/** An approval that is on record, and whether it counts now. */
export interface Counted {
  readonly approval: Approval;
  readonly statement: Sha256;
  /** Why it does not count. */
  readonly void?: string;
}

export interface ReviewOptions {
  readonly rules: Rules;
  /** Where the bytes come from once more, should the staged ones be gone. */
  readonly rebring: (held: Held) => Rebring;
  readonly tool: RecordBody['tool'];
}

export interface Reviewed {
  readonly held: Held;
  readonly approval: Approval;
  /** The log entry of the review; undefined where it was on record already. */
  readonly logIndex: number | undefined;
  readonly outcome: 'waiting' | 'published' | 'refused';
  /** What still holds it, with how many people each rule lacks. */
  readonly lacking: readonly Lacking[];
  /** The record that counts now, where one was made: by this decision, or by a rival's. */
  readonly record?: SignedRecord;
}

/** All revisions that wait, the oldest decision first. */
export async function heldRevisions(registry: Registry): Promise<readonly Held[]> {
  const found: Held[] = [];
  for await (const { model, index } of registry.models()) {
    for (const [commit, entry] of Object.entries(index.revisions)) {
      if (!waits(entry)) continue;
      const id = { model, commit } as RevisionId;
      found.push({ id, entry, record: await registry.record(id, entry.number, entry.record) });
    }
  }
  return found.sort((a, b) => a.entry.logIndex - b.entry.logIndex);
}

/** The revision of that name, which must wait. Throws WL_NOT_ADMITTED and WL_NOT_HELD. */
export async function requireHeld(
  registry: Registry,
  model: ModelName,
  revision: string | undefined,
): Promise<Held> {
  const waiting = (await heldRevisions(registry)).filter(({ id }) => id.model === model);
  const [only] = waiting;
  if (revision === undefined && only && waiting.length === 1) return only;
  const { id, entry } = await registry.resolve(model, revision);
  if (!waits(entry))
    throw new WeighlockError(
      'WL_NOT_HELD',
      `${model}@${id.commit.slice(0, 12)} waits for nobody: it is ${entry.revoked ? 'revoked' : entry.removed ? 'removed' : entry.verdict}`,
    );
  return { id, entry, record: await registry.record(id, entry.number, entry.record) };
}

function waits({ verdict, revoked, removed }: RevisionIndex): boolean {
  return verdict === 'held' && revoked === undefined && removed === undefined;
}

/** What people decided about it so far. A refusal outlives whatever was approved before it, and another `admit`. */
export async function reviewsOf(registry: Registry, held: Held): Promise<readonly Counted[]> {
  const standing = await standingOf(registry, held);
  const { logged, refusal } = standing;
  const found: Counted[] = [];
  for (const { signed, logIndex } of logged) {
    const { body, digest: statement } = signed;
    try {
      const approval = openApproval(Buffer.from(body.approval, 'base64'), registry.trust);
      const why =
        refusal && logIndex < refusal.logIndex ? overruledBy(refusal) : voidFor(held, approval, standing);
      found.push({ approval, statement, ...(why !== undefined && { void: why }) });
    } catch (error) {
      // Whoever left the trust file approves nothing any more.
      if (!(error instanceof WeighlockError) || error.code !== 'WL_APPROVAL_INVALID') throw error;
    }
  }
  return found;
}

/** A review that is on record, and where. */
interface Logged {
  readonly signed: Signed<ReviewBody>;
  readonly logIndex: number;
}

/** What stands about a revision, whoever decides next. */
interface Standing {
  readonly logged: readonly Logged[];
  /** The last refusal: it counts as it was taken, also when its time is over or the person has left. */
  readonly refusal: Logged | undefined;
  readonly requesters: ReadonlySet<string>;
  readonly nowMs: number;
}

async function standingOf(registry: Registry, { id, entry }: Held): Promise<Standing> {
  const logged = await loggedReviews(registry, entry);
  return {
    logged,
    refusal: logged.findLast(({ signed }) => signed.body.decision === 'refuse'),
    requesters: await requestersOf(registry, id, entry.number),
    nowMs: registry.clock.now(),
  };
}

async function loggedReviews(registry: Registry, { reviews = [] }: RevisionIndex): Promise<Logged[]> {
  const logged: Logged[] = [];
  for (const { statement, logIndex } of reviews)
    logged.push({ signed: await registry.statement('review', statement), logIndex });
  return logged;
}

/** Why an approval or refusal does not count for this revision now; undefined where it does. */
function voidFor(
  { id, entry, record }: Held,
  approval: Approval,
  { refusal, requesters, nowMs }: Standing,
): string | undefined {
  const { body } = approval;
  const why = mismatch(approval, { id, manifest: record.manifestDigest, requesters, nowMs });
  if (why !== undefined) return why;
  if (body.decision === 'refuse' || !refusal) return undefined;
  // Signed elsewhere before the refusal, and brought here after it.
  const refusedMs = Date.parse(refusal.signed.body.madeAt) + SECOND_MS;
  if (!(Date.parse(body.madeAt) >= refusedMs)) return overruledBy(refusal);
  // Whoever refused was interrupted, or is about to conclude it.
  if (refusal.logIndex > entry.logIndex) return `${refusal.signed.body.approver} refused what waits`;
  return undefined;
}

function overruledBy({ signed: { body } }: Logged): string {
  return `it was made before ${body.approver} refused at ${body.madeAt}`;
}

/** Statements tell their time in whole seconds: what was made in that of a refusal counts as made before it. */
const SECOND_MS = 1000;

/** Times that somebody else may decide at the same moment before a person should look. */
const LOSSES_MAX = 5;

/**
 * Takes a signed approval or refusal: it is logged, and what follows from it is done. `outcome` is what is on record then, which a
 * rival may have decided. Throws WL_APPROVAL_INVALID, WL_NOT_HELD, and what publishing throws; nothing is changed then but, at
 * most, the log.
 */
export async function review(gate: Gate, envelope: Uint8Array, options: ReviewOptions): Promise<Reviewed> {
  const approval = openApproval(envelope, gate.trust);
  const { model, commit } = approval.body;
  let logIndex: number | undefined;
  for (let losses = 0; losses < LOSSES_MAX; losses++) {
    const before = await requireCounted(gate, await requireHeld(gate, model, commit), approval);
    logIndex ??= await keep(gate, before, { approval, tool: options.tool });
    const held = await requireHeld(gate, model, commit);
    const reached = await follow(gate, held, { approval, options });
    switch (reached.record?.body.verdict) {
      case undefined:
        return { held, approval, logIndex, outcome: 'waiting', ...reached };
      case 'admitted':
        return { held, approval, logIndex, outcome: 'published', ...reached };
      case 'refused':
        return { held, approval, logIndex, outcome: 'refused', ...reached };
      case 'held': // Somebody asked for it again in between: what was decided is about that record now.
    }
  }
  throw new WeighlockError('WL_VAULT_UNAVAILABLE', `others keep deciding about ${model}`);
}

/** Throws WL_APPROVAL_INVALID for what does not count. */
async function requireCounted(gate: Gate, held: Held, approval: Approval): Promise<Held> {
  const why = voidFor(held, approval, await standingOf(gate, held));
  if (why === undefined) return held;
  throw new WeighlockError('WL_APPROVAL_INVALID', `the approval does not count: ${why}`);
}

/** What a decision leads to: nothing yet, or the next record, whoever made it. */
async function follow(
  gate: Gate,
  held: Held,
  { approval, options }: { readonly approval: Approval; readonly options: ReviewOptions },
): Promise<Pick<Reviewed, 'lacking' | 'record'>> {
  if (approval.body.decision === 'refuse')
    return { lacking: [], record: await refuse(gate, held, { approval, options }) };
  const decidedAt = timestamp(gate.clock); // Of the moment for which approvals are counted.
  const reviews = (await reviewsOf(gate, held)).filter((one) => one.void === undefined);
  const judgement = await judgeAgain(gate, held.record, options.rules);
  const approvals = reviews.map(({ approval: one }) => one);
  const lacking = lackingOf(options.rules.policy, judgement.decision.rules, approvals);
  if (lacking.length > 0) return { lacking };
  return { lacking, record: await admitReviewed(gate, held, { judgement, reviews, decidedAt, options }) };
}

/** Stores and logs the decision, unless it is on record. */
async function keep(
  gate: Gate,
  { id, entry, record }: Held,
  { approval, tool }: { readonly approval: Approval; readonly tool: RecordBody['tool'] },
): Promise<number | undefined> {
  const { approver, decision } = approval.body;
  const there = (await loggedReviews(gate, entry)).some(
    ({ signed, logIndex }) =>
      signed.body.approval === approval.envelope &&
      // A refusal of an earlier record, given again, overrules what was approved since.
      (decision === 'approve' || logIndex > entry.logIndex),
  );
  if (there) return undefined;
  const { index } = await gate.declare<ReviewBody>({
    type: 'weighlock.review/v1',
    ...id,
    manifest: record.manifestDigest,
    decision,
    approver,
    approval: approval.envelope,
    tool,
  });
  return index;
}

interface Admitting {
  readonly judgement: Judgement;
  readonly reviews: readonly Counted[];
  readonly decidedAt: string;
  readonly options: ReviewOptions;
}

async function admitReviewed(
  gate: Gate,
  held: Held,
  { judgement, reviews, decidedAt, options }: Admitting,
): Promise<SignedRecord> {
  const { policy, waivers } = options.rules;
  await gate.vault.create(policyKey(policy.sha256), Buffer.from(policy.text));
  const verdicts = new Map(judgement.files.map(({ path, verdict }) => [path as string, verdict]));
  const waived = waivers.filter(({ body }) =>
    held.record.body.manifest.files.some((file) => file.sha256 === body.sha256),
  );
  const evidence = [...held.record.body.evidence];
  for (const { bytes } of waived) {
    const digest = sha256(bytes);
    await gate.vault.create(evidenceKey(digest), bytes);
    if (!evidence.some((one) => one.sha256 === digest)) evidence.push({ type: 'waiver', sha256: digest });
  }
  const approved = [...judgement.decision.rules];
  const answered = approved.map((rule) => outcomeDigest(policy, rule));
  const named = reviews.filter(({ approval }) => answered.some((rule) => answers(approval, rule)));
  const body = {
    ...(await nextBody(gate, held, options)),
    decidedAt,
    verdict: 'admitted' as const,
    rules: [],
    approved: { rules: approved, reviews: named.map(({ statement }) => statement) },
    policy: { name: policy.name, sha256: policy.sha256 },
    findings: [...judgement.findings],
    coverage: held.record.body.coverage.map((one) => ({
      ...one,
      verdict: verdicts.get(one.path) ?? one.verdict,
    })),
    evidence,
  };
  if (verdictOf(body.rules) !== 'admitted') throw new Error('an admitted record has no rules');
  return settle(gate, held, { body, options });
}

async function refuse(
  gate: Gate,
  held: Held,
  { approval, options }: { readonly approval: Approval; readonly options: ReviewOptions },
): Promise<SignedRecord> {
  const { approver, reason } = approval.body;
  const because = `${approver} refused it: ${reason}`;
  const { staging, ...rest } = await nextBody(gate, held, options);
  const rules = [{ rule: 'review/refused', outcome: 'refuse' as const, because }, ...held.record.body.rules];
  const record = await settle(gate, held, { body: { ...rest, verdict: 'refused', rules }, options });
  if (record.body.verdict !== 'refused') return record;
  const left = staging === undefined ? 'gone' : await gate.vault.resume(staging, held.id);
  if (typeof left !== 'string') await left.discard();
  return record;
}

/** The record that comes next, so far as it says what the one before said. */
async function nextBody(
  gate: Gate,
  { record }: Held,
  { tool }: ReviewOptions,
): Promise<Omit<RecordBody, 'number'>> {
  const { number: _, ...body } = record.body;
  return { ...body, decidedAt: timestamp(gate.clock), logSize: await gate.logSize(), tool };
}

/** Claims the record that comes next, and concludes it; or what a rival made of it at the same moment, which then counts. */
async function settle(
  gate: Gate,
  held: Held,
  { body, options }: { readonly body: Omit<RecordBody, 'number'>; readonly options: ReviewOptions },
): Promise<SignedRecord> {
  const { record } = await gate.claim(held.id, held.entry.number + 1, body);
  await conclude({ gate, record, rebring: options.rebring(held) });
  return record;
}
