/** `weighlock evidence`: reports of other tools about a revision, kept byte for byte, and read where their form is known. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { EVIDENCE_BYTES_MAX, EVIDENCE_KIND } from '../attest/evidence.ts';
import { parseSha256, sha256 } from '../base/digest.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { type EvidenceSubject, evidenceSubject, isServed, recordEvidence } from '../lifecycle/evidence.ts';
import { READ_KINDS, readReport } from '../probe/reports/report.ts';
import { deployments } from '../registry/deployments.ts';
import type { Registry } from '../registry/registry.ts';
import { evidenceKey } from '../vault/layout.ts';
import { resultsTable } from './evidence-text.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { labelled } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface AddFlags {
  readonly type: string;
  readonly deployment?: string;
  readonly target?: string;
}

export function evidenceCommand(run: Run): Command {
  const command = new Command('evidence').description(
    'reports of other tools about a revision: signed, logged, asked for by policies',
  );
  command
    .command('add')
    .description('record a report about a revision')
    .argument('<model>', 'org/name, org/name@commit or org/name@channel')
    .argument('<file>', 'the report as its tool wrote it')
    .requiredOption('--type <type>', `${READ_KINDS.join(', ')}: read; any other name: kept as it is`)
    .option('--deployment <place>', 'what the tool looked at, as `weighlock deploy list` shows its place')
    .option('--target <text>', 'what the tool looked at, in words', '')
    .addHelpText(
      'after',
      '\nWithout --deployment nothing says that the report is about these weights: it is recorded as unbound.',
    )
    .action((model: string, file: string, flags: AddFlags) =>
      run({ ...flags }, (wire) => add(wire, { model, file, flags })),
    );
  command
    .command('get')
    .description('write a raw report to a file, byte for byte')
    .argument('<sha256>', 'as `weighlock show` names it')
    .argument('<file>', 'where to')
    .action((digest: string, file: string, flags: Record<string, unknown>) =>
      run(flags, (wire) => get(wire, digest, file)),
    );
  return command;
}

async function add(
  wire: Wire,
  { model: text, file, flags }: { readonly model: string; readonly file: string; readonly flags: AddFlags },
): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  const { type } = flags;
  if (!EVIDENCE_KIND.test(type) || RESERVED.has(type))
    throw new WeighlockError(
      'WL_USAGE',
      `"${type}" cannot be a type of evidence here: lower-case letters, digits and "-"`,
    );
  const raw = read(file);
  const report = readReport(type, raw);
  const gate = await wire.gate();
  const subject = await evidenceSubject(gate, model, revision);
  const deployment =
    flags.deployment === undefined ? null : await deploymentAt(gate, subject, flags.deployment);
  const { logIndex, statement } = await recordEvidence(gate, subject, {
    raw,
    report: {
      kind: type,
      observer: { name: type, version: report.version },
      target: flags.deployment ?? flags.target ?? '',
      deployment,
      configuration: { file: path.basename(file) },
      // When it was recorded says nothing: an old report can be recorded today.
      observedAt: report.observedAt ?? '',
      results: [...report.results],
      tool: TOOL,
    },
  });
  const digest = sha256(raw);
  return {
    exit: EXIT.done,
    json: {
      ...subject,
      type,
      raw: digest,
      statement,
      logIndex,
      bound: deployment !== null,
      results: report.results,
    },
    text: [
      labelled(
        'recorded',
        `${type} about ${subject.model}@${subject.commit.slice(0, 12)}, log entry ${logIndex}`,
      ),
      labelled('raw', digest),
      labelled(
        'bound',
        deployment === null ? 'no: nothing says that it is about these weights' : `to ${flags.deployment}`,
      ),
      report.results.length > 0
        ? resultsTable(report.results)
        : labelled('', 'Kept as it is: no form that is read here.'),
    ].join(''),
  };
}

/** Kinds that are recorded by Weighlock itself. */
const RESERVED: ReadonlySet<string> = new Set(['probe', 'upstream', 'waiver']);

/** The statement by which the place serves these bytes. Throws WL_USAGE where none does. */
async function deploymentAt(registry: Registry, subject: EvidenceSubject, place: string) {
  const { model, commit } = subject;
  const found = (await deployments(registry)).find(
    ({ body }) => body.place === place && isServed(body, subject),
  );
  if (found) return found.digest;
  throw new WeighlockError(
    'WL_USAGE',
    `no deployment on record serves ${model}@${commit.slice(0, 12)} at ${place}`,
    {
      hint: '`weighlock deploy list` shows what runs where; without --deployment the report is recorded as unbound.',
    },
  );
}

function read(file: string): Uint8Array {
  try {
    if (statSync(file).size <= EVIDENCE_BYTES_MAX) return readFileSync(file);
  } catch (cause) {
    throw new WeighlockError('WL_EVIDENCE_INVALID', `cannot read ${file}`, { cause });
  }
  throw new WeighlockError(
    'WL_LIMIT',
    `${file} is longer than the ${EVIDENCE_BYTES_MAX} bytes that are kept`,
  );
}

async function get(wire: Wire, text: string, file: string): Promise<Outcome> {
  const digest = parseSha256(text);
  if (!digest) throw new WeighlockError('WL_USAGE', `"${text}" is not a SHA-256 of 64 lower-case hex digits`);
  const registry = await wire.registry();
  const stored = await registry.vault.get(evidenceKey(digest), EVIDENCE_BYTES_MAX);
  if (!stored) throw new WeighlockError('WL_USAGE', `${evidenceKey(digest)} is not in the vault`);
  if (sha256(stored.bytes) !== digest)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${evidenceKey(digest)} was changed: nothing was written`);
  try {
    writeFileSync(file, stored.bytes);
  } catch (cause) {
    throw new WeighlockError('WL_TARGET_UNAVAILABLE', `cannot write ${file}`, { cause });
  }
  return {
    exit: EXIT.done,
    json: { sha256: digest, file, sizeBytes: stored.bytes.length },
    text: labelled('written', `${file}, ${stored.bytes.length} bytes, as they were recorded`),
  };
}
