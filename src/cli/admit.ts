/** `weighlock admit`: brings one commit of a model in. */
import path from 'node:path';
import { Command, Option } from 'commander';
import {
  type Admission,
  type AdmissionEvent,
  type AdmissionOptions,
  type AdmissionRequest,
  admit,
  rehearse,
} from '../admission/admit.ts';
import type { Judgement } from '../admission/judge.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { type ModelName, parseModelName } from '../base/name.ts';
import type { Verdict } from '../base/verdict.ts';
import type { Source, SourceRevision } from '../sources/source.ts';
import { revisionPrefix } from '../vault/layout.ts';
import { decisionText } from './decision-text.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { showProgress } from './progress.ts';
import { parseRevision, parseTarget, type Target } from './target.ts';
import { temporaryVault } from './temporary-vault.ts';
import { bytesInWords, labelled, painter, plural, type Terminal } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

export interface AdmitFlags {
  readonly revision?: string;
  readonly as?: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function admitCommand(run: Run): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  return new Command('admit')
    .description('bring one commit of a model in: verify, scan, decide, sign, publish')
    .argument('<model>', 'org/name, name, org/name:Q4_K_M, each with @revision; or a path (/…, ./…, ../…)')
    .option('--revision <revision>', 'commit, branch or tag (default: the main branch)')
    .option('--as <name>', 'the name in the vault, for a path (default: local/<folder>)')
    .addOption(
      new Option('--include <glob>', 'bring in only files that match, or a set: @code, @duplicates')
        .argParser(collect)
        .default([], 'everything'),
    )
    .addOption(
      new Option('--exclude <glob>', 'leave out files that match, or a set: @code, @duplicates')
        .argParser(collect)
        .default([], 'nothing'),
    )
    .option(
      '--policy <file>',
      'the policy to decide by (default: WEIGHLOCK_POLICY, weighlock.yaml, the one that ships)',
    )
    .option('--concurrency <n>', 'files under way at once (default: 4)')
    .option('--memory <size>', 'bytes that may wait in memory, for example 256MB (default: 16MB)')
    .option('--dry-run', 'do everything up to the verdict, and store nothing')
    .addHelpText('after', '\nExit codes: 0 admitted · 1 refused · 2 held · 64 and up: see `weighlock --help`')
    .action((model: string, flags: AdmitFlags) => run({ ...flags }, (wire) => runAdmit(wire, model, flags)));
}

export async function runAdmit(wire: Wire, model: string, flags: AdmitFlags): Promise<Outcome> {
  const { request, source } = requestOf(wire, parseTarget(model), flags);
  const view = new AdmissionView(wire.terminal, flags.json === true);
  const options: AdmissionOptions = {
    source,
    policy: wire.policy(),
    concurrency: wire.config.concurrency,
    memoryBytes: wire.config.memoryBytes,
    tool: TOOL,
    report: (event) => view.show(event),
  };
  try {
    if (flags.dryRun) return await dryRun(request, options);
    const gate = await wire.gate();
    const admission = await admit(gate, request, options);
    return {
      exit: exitOf(admission.record.body.verdict),
      json: toJson(admission),
      text: conclusion(wire, gate.vault.location, admission),
    };
  } finally {
    view.end();
    await source.close();
  }
}

async function dryRun(request: AdmissionRequest, options: AdmissionOptions): Promise<Outcome> {
  await using vault = temporaryVault();
  const { manifest, judgement } = await rehearse(request, { ...options, vault: vault.vault });
  const { decision, findings } = judgement;
  return {
    exit: exitOf(decision.verdict),
    json: {
      dryRun: true,
      ...manifest,
      vault: undefined,
      verdict: decision.verdict,
      rules: decision.rules,
      findings,
    },
    text: `${decisionText(decision, findings, { colour: false })}${labelled('', 'This was a rehearsal: nothing was stored.')}`,
  };
}

export function requestOf(
  wire: Wire,
  target: Target,
  flags: Pick<AdmitFlags, 'revision' | 'as' | 'include' | 'exclude'>,
): { request: AdmissionRequest; source: Source } {
  const { include, exclude } = flags;
  if (target.kind === 'path') {
    if (flags.revision) throw new WeighlockError('WL_USAGE', 'a path has no revisions: leave --revision out');
    const as = localName(wire, flags.as ?? `local/${path.basename(path.resolve(target.path))}`);
    return {
      request: { model: as, revision: undefined, as, selection: { include, exclude } },
      source: wire.directory(target.path),
    };
  }
  if (flags.as) throw new WeighlockError('WL_USAGE', '--as is for paths: a model of the Hub keeps its name');
  if (flags.revision && target.revision)
    throw new WeighlockError('WL_USAGE', 'name the revision once, by @ or by --revision');
  const revision = flags.revision ? parseRevision(flags.revision) : target.revision;
  const { model, quantisation } = target;
  return { request: { model, revision, selection: { include, exclude, quantisation } }, source: wire.hub() };
}

/** Content from a directory goes only into namespaces that are one's own: nobody's folder becomes `deepseek-ai/…`. */
function localName(wire: Wire, text: string): ModelName {
  const name = parseModelName(text);
  const namespace = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
  const { namespaces } = wire.config;
  if (namespaces.includes(namespace)) return name;
  throw new WeighlockError('WL_NAME_INVALID', `content of a directory cannot be called ${name}`, {
    hint: `Use --as with one of your own namespaces (${namespaces.join(', ')}), or add one to "namespaces" in weighlock.yaml.`,
  });
}

export function exitOf(verdict: Verdict): number {
  switch (verdict) {
    case 'admitted':
      return EXIT.done;
    case 'refused':
      return EXIT.refused;
    case 'held':
      return EXIT.held;
  }
}

function toJson({ id, record, logIndex, outcome, fetched }: Admission): unknown {
  const { verdict, rules, findings, manifest, policy, source, coverage } = record.body;
  return {
    model: id.model,
    commit: id.commit,
    verdict,
    outcome,
    rules,
    findings,
    files: manifest.files,
    excluded: manifest.excluded,
    coverage: coverage.map(({ path, format, verdict, gaps }) => ({ path, format, verdict, gaps })),
    policy,
    source,
    record: { number: record.body.number, digest: record.digest, manifest: record.manifestDigest, logIndex },
    fetched,
  };
}

function conclusion(wire: Wire, vault: string, admission: Admission): string {
  const { id, record, logIndex, outcome } = admission;
  const { body } = record;
  const paint = painter(wire.terminal);
  const name = `${id.model}@${id.commit.slice(0, 12)}`;
  const decided = decisionText({ verdict: body.verdict, rules: body.rules }, body.findings, wire.terminal);
  if (body.verdict === 'refused')
    return `${decided}${labelled('', `The files were not kept; the refusal is record ${body.number}, log entry ${logIndex}.`)}`;
  if (body.verdict === 'held') {
    const flags = body.rules.some((rule) => rule.rule === 'remote-code')
      ? ' To leave the code out: --exclude @code.'
      : '';
    return `${decided}${labelled('', `Not published. To look closer: weighlock show ${id.model}@${id.commit}.${flags}`)}`;
  }
  const where = `${vault}/${revisionPrefix(id)}`;
  const how =
    outcome === 'found' ? `already on record, since ${body.decidedAt}` : `by policy ${body.policy.name}`;
  return [
    labelled('admitted', `${how} → ${where}`).replace('admitted', paint('green', 'admitted')),
    labelled('signed', `model.sig, key ${record.keyId.slice(0, 8)}…, log entry ${logIndex}`),
    labelled(
      'next',
      `weighlock verify ${name.replace(/@.*/, '')}@${id.commit}\nweighlock pull ${id.model} ./${path.basename(id.model)}`,
    ),
  ].join('');
}

/** Tells the story on standard error's live area and standard output's lines, as it happens. */
class AdmissionView {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  #stop: () => void = () => {};
  #bringing = performance.now();

  constructor(terminal: Terminal, quiet: boolean) {
    this.#terminal = terminal;
    this.#quiet = quiet;
  }

  show(event: AdmissionEvent): void {
    switch (event.kind) {
      case 'resolved': {
        const { revision, selection } = event;
        const bytes = selection.files.reduce((sum, file) => sum + file.sizeBytes, 0);
        const left = selection.excluded.length > 0 ? `, ${selection.excluded.length} left out` : '';
        const licence = revision.license ? `, ${revision.license}` : '';
        const commit = revision.commit?.slice(0, 12) ?? 'no commit of its own';
        this.#say(
          'resolved',
          `${revision.requested || revision.endpoint} → ${commit}   ${plural(selection.files.length, 'file')}, ${bytesInWords(bytes)}${left}${licence}`,
        );
        if (revision.kind === 'hub') this.#say('publisher', publisherText(revision));
        for (const file of selection.files) {
          if (file.sizeBytes > HUB_CLIENT_BYTES_MAX)
            this.#say(
              'note',
              `${file.path} is larger than 50 GB: the Hub's own Python client cannot fetch it over plain HTTP`,
            );
        }
        return;
      }
      case 'naming':
        this.#stop = showProgress(event.progress, this.#terminal);
        return;
      case 'named':
        this.#stop();
        this.#say('named', `${event.commit.slice(0, 12)}, by its content`);
        return;
      case 'bringing':
        this.#bringing = performance.now();
        this.#stop = showProgress(event.progress, this.#terminal);
        return;
      case 'brought': {
        this.#stop();
        const fetched = event.files.filter((file) => file.from === 'source');
        const bytes = fetched.reduce((sum, file) => sum + file.sizeBytes, 0);
        const seconds = (performance.now() - this.#bringing) / 1000;
        const rate = seconds > RATE_SECONDS_MIN ? `, ${bytesInWords(bytes / seconds)}/s` : '';
        const again = event.files.length - fetched.length;
        const kept = again > 0 ? `, ${plural(again, 'file')} kept from an earlier run` : '';
        this.#say('brought', `${plural(fetched.length, 'file')}, ${bytesInWords(bytes)}${rate}${kept}`);
        return;
      }
      case 'judged':
        this.#say('scanned', scannedText(event.judgement));
    }
  }

  end(): void {
    this.#stop();
  }

  #say(label: string, text: string): void {
    if (!this.#quiet) this.#terminal.out(labelled(label, painter({ colour: false })('bold', text)));
  }
}

/** A rate over a shorter time says nothing. */
const RATE_SECONDS_MIN = 1;

/** huggingface_hub refuses a single file above this over plain HTTP. */
const HUB_CLIENT_BYTES_MAX = 50_000_000_000;

function publisherText({ publisher, gated }: SourceRevision): string {
  if (!publisher) return 'unknown: the Hub said nothing about it';
  const verified = publisher.verified === undefined ? '' : publisher.verified ? 'verified ' : 'not verified ';
  const kind = publisher.kind === 'unknown' ? 'of unknown kind' : publisher.kind;
  return `${publisher.name} · ${verified}${kind}${gated ? ' · gated' : ''}`;
}

function scannedText({ files, findings, input }: Judgement): string {
  const complete = files.filter((file) => file.facts.gaps.length === 0).length;
  const telling = findings.filter((finding) => finding.verdict !== 'clean').length;
  const notes = findings.length - telling;
  const found = telling > 0 ? plural(telling, 'finding') : notes > 0 ? plural(notes, 'note') : 'no finding';
  const hub = input.hub.scan ? `   Hub: ${input.hub.scan}` : '';
  return `${complete} of ${plural(files.length, 'file')} completely, ${found}${hub}`;
}
