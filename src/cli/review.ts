/** `weighlock review`: what waits for people, what there is to see of it, and what they decide. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { rebringFrom } from '../admission/admit.ts';
import {
  type Held,
  heldRevisions,
  type Reviewed,
  type ReviewOptions,
  requireHeld,
  review,
  reviewsOf,
} from '../admission/review.ts';
import { type StagedText, stagedTexts } from '../admission/staged-text.ts';
import { describeRecord } from '../admission/vault-source.ts';
import {
  APPROVAL_BYTES_MAX,
  APPROVAL_DAYS_MAX,
  type ApprovalBody,
  signApproval,
} from '../attest/approval.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { isCommit } from '../base/name.ts';
import { diffRevisions } from '../diff/diff.ts';
import { vaultSide } from '../diff/vault-side.ts';
import { outcomeDigest } from '../policy/outcome-digest.ts';
import type { Policy } from '../policy/policy.ts';
import { lackingOf, policyOnRecord } from '../registry/approvals.ts';
import type { Gate } from '../registry/gate.ts';
import { DEFAULT_CHANNEL, type Registry } from '../registry/registry.ts';
import { openSource } from '../sources/open.ts';
import type { Source } from '../sources/source.ts';
import { AdmissionView } from './admission-view.ts';
import { admissionOptions } from './admit.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { heldJson, heldList, heldText, reviewedText, signingText } from './review-text.ts';
import { rulesOfToday } from './rules-of-today.ts';
import { parseModelTarget } from './target.ts';
import { labelled } from './terminal.ts';
import { peoplesTrust } from './waivers.ts';
import { TOOL, type Wire } from './wire.ts';

interface DecideFlags {
  readonly key: string;
  readonly reason: string;
  readonly days: string;
  readonly manifest?: string;
  readonly out?: string;
  readonly waivers?: string;
}

type Decision = ApprovalBody['decision'];

const DAYS_DEFAULT = 14;
const DAY_MS = 86_400_000;

export function reviewCommand(run: Run): Command {
  const command = new Command('review').description(
    'what waits for people: list it, look at it, approve or refuse it, signed with your own key',
  );
  command
    .command('list')
    .description('show what waits, and for how many people')
    .action((flags: Record<string, unknown>) => run(flags, list));
  command
    .command('show')
    .description('show why a revision is held, its findings, its code, and what differs from what is live')
    .argument('<model>', 'org/name@commit; org/name where one revision of it waits')
    .action((model: string, flags: Record<string, unknown>) => run(flags, (wire) => show(wire, model)));
  for (const decision of ['approve', 'refuse'] as const) command.addCommand(decideCommand(run, decision));
  command
    .command('submit')
    .description('take an approval or refusal that somebody signed elsewhere (with --out)')
    .argument('<file>', 'the signed file')
    .option('--waivers <file>', 'signed waivers, for what the safety floor holds')
    .action((file: string, flags: { readonly waivers?: string }) =>
      run({ ...flags }, async (wire) => submit(wire, readApproval(file), flags.waivers)),
    );
  return command;
}

function decideCommand(run: Run, decision: Decision): Command {
  const says = {
    approve:
      'approve a revision; it is published once enough people did and no rule of today speaks against it',
    refuse: 'refuse a revision; what is staged of it is dropped',
  };
  return new Command(decision)
    .description(says[decision])
    .argument('<model>', 'org/name@commit')
    .requiredOption('--reason <text>', 'why, for the log')
    .requiredOption(
      '--key <file>',
      'your private key; the trust file must name you (`weighlock trust add-approver`)',
    )
    .option('--manifest <digest>', 'sign only if this is what waits: `weighlock review show` names it')
    .option('--days <n>', `how long it counts, at most ${APPROVAL_DAYS_MAX}`, String(DAYS_DEFAULT))
    .option('--waivers <file>', 'signed waivers, for what the safety floor holds')
    .option('--out <file>', 'only sign it, into this file: the gate takes it with `weighlock review submit`')
    .action((model: string, flags: DecideFlags) =>
      run({ ...flags }, (wire) => decide(wire, decision, { model, flags })),
    );
}

async function list(wire: Wire): Promise<Outcome> {
  const registry = await wire.registry();
  const rows = [];
  for (const held of await heldRevisions(registry)) rows.push({ held, ...(await standing(registry, held)) });
  return {
    exit: EXIT.done,
    json: rows.map(({ held, lacking, reviews }) => heldJson(held, { lacking, reviews })),
    text: heldList(rows),
  };
}

/** What it lacks by the rules that held it, and what people said. */
async function standing(registry: Registry, held: Held) {
  const reviews = await reviewsOf(registry, held);
  const counted = reviews.filter((one) => one.void === undefined);
  const { body } = held.record;
  const approvals = counted.map(({ approval }) => approval);
  return { reviews, lacking: lackingOf(await policyOnRecord(registry, body), body.rules, approvals) };
}

async function show(wire: Wire, text: string): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  const registry = await wire.registry();
  const held = await requireHeld(registry, model, revision);
  const texts = await stagedTexts(registry, held);
  const seen = { ...(await standing(registry, held)), texts, diff: await diffToLive(registry, held, texts) };
  return {
    exit: EXIT.done,
    json: { ...heldJson(held, seen), findings: held.record.body.findings, texts, diff: seen.diff },
    text: heldText(wire.terminal, held, seen),
  };
}

/** What differs from the revision that `production` stands for, if there is one. */
async function diffToLive(registry: Registry, held: Held, texts: readonly StagedText[]) {
  const { model } = held.id;
  const index = await registry.model(model);
  const commit = index?.channels[DEFAULT_CHANNEL]?.commit;
  const entry = commit === undefined ? undefined : index?.revisions[commit];
  if (commit === undefined || !entry || entry.removed) return undefined;
  const id = { model, commit };
  const live = { id, entry, record: await registry.record(id, entry.number, entry.record) };
  const staged = new Map(texts.map(({ path, text }) => [path as string, text]));
  return diffRevisions(
    model,
    vaultSide(registry, live),
    vaultSide(registry, held, async (path) => staged.get(path)),
  );
}

async function decide(
  wire: Wire,
  decision: Decision,
  { model: text, flags }: { readonly model: string; readonly flags: DecideFlags },
): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  if (revision === undefined || !isCommit(revision))
    throw new WeighlockError(
      'WL_USAGE',
      `name the commit that you looked at: weighlock review ${decision} ${model}@<commit>`,
      { hint: `\`weighlock review show ${model}\` shows what waits, and the command with its commit.` },
    );
  const registry = await wire.registry();
  const held = await requireHeld(registry, model, revision);
  requireManifest(held, flags.manifest);
  const policy = await policyOnRecord(registry, held.record.body);
  wire.terminal.err(signingText(decision, held));
  const envelope = await sign(wire, decision, { held, policy, flags });
  if (flags.out === undefined) return submit(wire, envelope, flags.waivers);
  writeFileSync(flags.out, envelope);
  return {
    exit: EXIT.done,
    json: { ...held.id, decision, file: flags.out },
    text: labelled('signed', `${flags.out}\nthe gate takes it with \`weighlock review submit ${flags.out}\``),
  };
}

/** For whoever looked at it before: what is signed is what they saw, or nothing. */
function requireManifest({ id, record }: Held, manifest: string | undefined): void {
  if (manifest === undefined || manifest === record.manifestDigest) return;
  throw new WeighlockError(
    'WL_APPROVAL_INVALID',
    `nothing was signed: of ${id.model}@${id.commit} other content waits now, with the manifest ${record.manifestDigest}`,
    { hint: `Look at it again: \`weighlock review show ${id.model}@${id.commit}\`.` },
  );
}

async function sign(
  wire: Wire,
  decision: Decision,
  { held, policy, flags }: { readonly held: Held; readonly policy: Policy; readonly flags: DecideFlags },
): Promise<Uint8Array> {
  const trust = await peoplesTrust(wire);
  const signer = wire.home.personalKey(flags.key);
  const person = trust.approvers.find(({ publicKey }) => publicKey === signer.publicKey);
  if (!person)
    throw new WeighlockError('WL_APPROVAL_INVALID', `the trust file names nobody with the key ${flags.key}`, {
      hint: 'Add the public half with `weighlock trust add-approver <name> <public.pem>` on the gate, and pin the new trust file here.',
    });
  const nowMs = wire.clock.now();
  return signApproval(
    {
      type: 'weighlock.approval/v1',
      vault: trust.vault,
      ...held.id,
      manifest: held.record.manifestDigest,
      decision,
      rules: held.record.body.rules.map((one) => ({ rule: one.rule, sha256: outcomeDigest(policy, one) })),
      reason: flags.reason,
      approver: person.name,
      madeAt: new Date(nowMs).toISOString(),
      expiresAt: new Date(nowMs + daysOf(flags.days) * DAY_MS).toISOString(),
    },
    signer,
  );
}

async function submit(wire: Wire, envelope: Uint8Array, waivers: string | undefined): Promise<Outcome> {
  const gate = await wire.gate();
  const view = new AdmissionView(wire.terminal, true);
  const sources: Source[] = [];
  try {
    const options: ReviewOptions = {
      rules: await rulesOfToday(wire, gate, waivers),
      rebring: (held) => rebringOf(wire, gate, { held, view, sources }),
      tool: TOOL,
    };
    const reviewed = await review(gate, envelope, options);
    return {
      exit: exitOf(reviewed),
      json: {
        ...reviewed.held.id,
        outcome: reviewed.outcome,
        approver: reviewed.approval.body.approver,
        logIndex: reviewed.logIndex,
        lacking: reviewed.lacking,
        record: reviewed.record?.digest,
      },
      text: reviewedText(wire.terminal, reviewed, gate.vault.location),
    };
  } finally {
    view.end();
    for (const source of sources) await source.close();
  }
}

/** A refusal that was wanted is done as it should be; a rival's decision against this one is not. */
function exitOf({ outcome, approval }: Reviewed): number {
  if (outcome === 'waiting') return EXIT.held;
  const wanted = approval.body.decision === 'approve' ? 'published' : 'refused';
  return outcome === wanted ? EXIT.done : EXIT.refused;
}

/** The source that the record names, for bytes that are not staged any more. */
function rebringOf(
  wire: Wire,
  gate: Gate,
  { held, view, sources }: { readonly held: Held; readonly view: AdmissionView; readonly sources: Source[] },
) {
  const { kind, endpoint } = held.record.body.source;
  const source = kind === 'hub' ? wire.hub() : openSource({ kind: 'directory', path: endpoint });
  sources.push(source);
  const revision = { ...describeRecord(held.record, held.id), commit: held.id.commit };
  return rebringFrom(revision, gate, admissionOptions(wire, source, view));
}

function readApproval(file: string): Uint8Array {
  try {
    if (statSync(file).size <= APPROVAL_BYTES_MAX) return readFileSync(file);
  } catch (cause) {
    throw new WeighlockError('WL_APPROVAL_INVALID', `cannot read ${file}`, { cause });
  }
  throw new WeighlockError('WL_APPROVAL_INVALID', `${file} is longer than an approval can be`);
}

function daysOf(text: string): number {
  const days = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= APPROVAL_DAYS_MAX) return days;
  throw new WeighlockError(
    'WL_USAGE',
    `--days is a whole number from 1 to ${APPROVAL_DAYS_MAX}, not "${text}"`,
  );
}
