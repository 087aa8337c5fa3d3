/** `weighlock remediate`: a derived revision of a model without what can run code, admitted like any other. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { admit } from '../admission/admit.ts';
import { derivedSource } from '../admission/derived-source.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import type { RepoPath } from '../base/name.ts';
import { inspect } from '../inspection/inspect.ts';
import type { Subject } from '../inspection/subject.ts';
import {
  type Deed,
  deedsDocument,
  type OriginalFile,
  type RemediationPlan,
  remediate,
} from '../remediation/remediate.ts';
import { bringAll } from '../transfer/crew.ts';
import { AdmissionView, admissionOutcome } from './admission-view.ts';
import { admissionOptions, localName } from './admit.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { watching } from './progress.ts';
import { openSubject } from './scan-target.ts';
import { labelled, plural } from './terminal.ts';
import type { Wire } from './wire.ts';

interface RemediateFlags {
  readonly as?: string;
  readonly out?: string;
  readonly keepCode?: boolean;
  readonly template?: string;
  readonly dropTemplate?: boolean;
  readonly json?: boolean;
}

export function remediateCommand(run: Run): Command {
  return new Command('remediate')
    .description('make a derived model without what can run code: pickles become safetensors, code stays out')
    .argument('<model>', 'as for `weighlock scan`: org/name[@revision], a folder, s3://bucket/prefix')
    .option('--as <name>', 'the name of the derived model in the vault (default: local/<name>)')
    .option('--out <folder>', 'write the files there, and admit nothing')
    .option('--keep-code', 'leave Python and other code in')
    .option('--template <file>', 'put this chat template in the place of the model’s own')
    .option('--drop-template', 'take the chat template away')
    .option('--policy <file>', 'the policy to decide by, as for `weighlock admit`')
    .option('--concurrency <n>', 'files under way at once (default: 4)')
    .option('--memory <size>', 'bytes that may wait in memory, for example 256MB')
    .addHelpText(
      'after',
      '\nNothing of the model is loaded or run: tensors are found by reading what its pickles would build.' +
        '\nThe record of the derived revision says from what it was made, and what became of each file.' +
        '\n\nExit codes: 0 admitted or written · 1 refused · 2 held · 64 and up: see `weighlock --help`',
    )
    .action((model: string, flags: RemediateFlags) =>
      run({ ...flags }, (wire) => runRemediate(wire, model, flags)),
    );
}

export async function runRemediate(wire: Wire, what: string, flags: RemediateFlags): Promise<Outcome> {
  if (flags.template !== undefined && flags.dropTemplate)
    throw new WeighlockError('WL_USAGE', 'name a template, or drop it: not both');
  const work = mkdtempSync(path.join(os.tmpdir(), 'weighlock-remediate-'));
  try {
    const subject = await openSubject(wire, what);
    const to = flags.out === undefined ? path.join(work, 'derived') : freeFolder(flags.out);
    mkdirSync(to, { recursive: true });
    const originals = await watching(wire.terminal, (onStart) => fetch(wire, subject, { work, onStart }));
    const plan: RemediationPlan = { ...originals, to, ...wishesOf(flags) };
    const deeds = remediate(plan);
    const document = deedsDocument(originOf(subject), deeds);
    if (flags.out !== undefined) return written(flags.out, deeds);
    return await admitDerived(wire, { subject, flags, to, deeds, evidence: document.bytes });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function wishesOf(flags: RemediateFlags): Pick<RemediationPlan, 'code' | 'template'> {
  const code = flags.keepCode ? 'kept' : 'excluded';
  if (flags.dropTemplate) return { code, template: 'removed' };
  if (flags.template === undefined) return { code, template: 'kept' };
  try {
    return { code, template: { text: readFileSync(flags.template, 'utf8') } };
  } catch (cause) {
    throw new WeighlockError('WL_USAGE', `cannot read the template ${flags.template}`, { cause });
  }
}

function freeFolder(folder: string): string {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new WeighlockError('WL_TARGET_EXISTS', `${folder} is not empty`);
  return path.resolve(folder);
}

/** The files on this machine, hashed and parsed: where they are, or brought from where they are. */
async function fetch(
  wire: Wire,
  subject: Subject,
  by: { readonly work: string; readonly onStart: Parameters<Parameters<typeof watching>[1]>[0] },
): Promise<{ readonly from: string; readonly files: readonly OriginalFile[] }> {
  const { concurrency, memoryBytes } = wire.config;
  const { ticket } = subject;
  if (ticket.kind === 'local') {
    const { files } = await inspect(subject, { concurrency, memoryBytes, onStart: by.onStart });
    return { from: ticket.root, files: files.map(original) };
  }
  const staging = { kind: 'directory', path: path.join(by.work, 'original') } as const;
  const { brought } = await bringAll({
    source: ticket.source,
    staging,
    revision: ticket.revision,
    files: subject.files.flatMap(({ remote }) => remote ?? []),
    staged: new Set(),
    concurrency,
    memoryBytes,
    reads: 'facts',
    onStart: by.onStart,
  });
  const files = brought.map(({ file, sha256, facts }) => ({
    path: file.path,
    sha256,
    format: facts?.format ?? 'opaque',
  }));
  return { from: path.join(staging.path, 'files'), files };
}

function original(file: Awaited<ReturnType<typeof inspect>>['files'][number]): OriginalFile {
  if (file.error || file.sha256 === undefined)
    throw new WeighlockError(
      file.error?.code ?? 'WL_FILE_UNREADABLE',
      `${file.path}: ${file.error?.message}`,
    );
  return { path: file.path as RepoPath, sha256: file.sha256, format: file.facts?.format ?? 'opaque' };
}

function originOf({ name, revision }: Subject): object {
  if (!revision) return { subject: name };
  const { endpoint, model, commit, requested, repoId } = revision;
  return { endpoint, model, commit, requested, ...(repoId && { repoId }) };
}

interface Derived {
  readonly subject: Subject;
  readonly flags: RemediateFlags;
  readonly to: string;
  readonly deeds: readonly Deed[];
  readonly evidence: Uint8Array;
}

async function admitDerived(wire: Wire, derived: Derived): Promise<Outcome> {
  const { subject, flags, to, deeds, evidence } = derived;
  const name = subject.revision?.model ?? path.basename(path.resolve(subject.name));
  const as = localName(wire, flags.as ?? `local/${name.slice(name.indexOf('/') + 1)}`);
  const view = new AdmissionView(wire.terminal, flags.json === true);
  const source = derivedSource(wire.directory(to), evidence);
  try {
    const gate = await wire.gate();
    const request = { model: as, revision: undefined, as, selection: { include: [], exclude: [] } };
    const admission = await admit(gate, request, admissionOptions(wire, source, view));
    const into = { location: gate.vault.location, named: undefined };
    const outcome = admissionOutcome(wire.terminal, into, admission);
    return {
      ...outcome,
      json: { ...(outcome.json as object), deeds },
      text: deedsText(deeds) + outcome.text,
    };
  } finally {
    view.end();
    await source.close();
  }
}

function written(folder: string, deeds: readonly Deed[]): Outcome {
  const text = deedsText(deeds) + labelled('written', `${folder}   next: weighlock scan ${folder}`);
  return { exit: EXIT.done, json: { folder, deeds }, text };
}

/** One line for each file that is not as it was. */
function deedsText(deeds: readonly Deed[]): string {
  const changed = deeds.filter(({ did }) => did !== 'kept');
  const kept = deeds.length - changed.length;
  const lines = changed.map(({ did, path: name, into, why, left = [] }) => {
    const target = into === undefined || into === name ? '' : ` → ${into}`;
    const behind =
      left.length > 0 ? `; left behind: ${left.slice(0, 4).join(', ')}${left.length > 4 ? '…' : ''}` : '';
    return labelled(did, `${name}${target}: ${why}${behind}`);
  });
  return `${lines.join('')}${kept > 0 ? labelled('kept', `${plural(kept, 'file')} as they are`) : ''}`;
}
