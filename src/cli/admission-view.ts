/** What an admission shows: its story while it happens, and its conclusion. */
import path from 'node:path';
import type { Admission, AdmissionEvent } from '../admission/admit.ts';
import type { Judgement } from '../admission/judge.ts';
import type { AdmittedUnit } from '../admission/unit.ts';
import { EXIT } from '../base/errors.ts';
import type { Verdict } from '../base/verdict.ts';
import type { SourceRevision } from '../sources/source.ts';
import { revisionPrefix } from '../vault/layout.ts';
import { decisionText } from './decision-text.ts';
import type { Outcome } from './outcome.ts';
import { showProgress } from './progress.ts';
import { bytesInWords, labelled, painter, plural, type Terminal } from './terminal.ts';

/** Where an admission went: for people, and as it was named on the command line, if it was. */
export interface Into {
  readonly location: string;
  readonly named: string | undefined;
}

/** What a command that admitted returns. */
export function admissionOutcome(terminal: Terminal, vault: Into, admission: Admission): Outcome {
  return {
    exit: exitOf(admission.record.body.verdict),
    json: toJson(admission),
    text: conclusion(terminal, vault, admission),
  };
}

/** The same for a model with what it needs. */
export function unitOutcome(terminal: Terminal, vault: Into, unit: AdmittedUnit): Outcome {
  const { admission, parts, verdict } = unit;
  const { json, text } = admissionOutcome(terminal, vault, admission);
  const lines = parts.map(
    ({ repo, commit, verdict: decided, because }) =>
      `${repo}${commit === undefined ? '' : `@${commit.slice(0, 12)}`}: ${because === undefined ? decided : `${decided}, ${because}`}`,
  );
  const told =
    lines.length === 0
      ? ''
      : labelled('needs', lines.map((line) => painter({ colour: false })('bold', line)).join('\n'));
  return {
    exit: exitOf(verdict),
    json: { ...(json as object), references: parts, unit: verdict },
    text: told + text,
  };
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

function conclusion(terminal: Terminal, vault: Into, admission: Admission): string {
  const { id, record, logIndex, outcome } = admission;
  const { body } = record;
  const paint = painter(terminal);
  const decided = decisionText({ verdict: body.verdict, rules: body.rules }, body.findings, terminal);
  if (body.verdict === 'refused')
    return `${decided}${labelled('', `The files were not kept; the refusal is record ${body.number}, log entry ${logIndex}.`)}`;
  if (body.verdict === 'held') {
    const flags = body.rules.some((rule) => rule.rule === 'remote-code')
      ? ' To leave the code out: --exclude @code.'
      : '';
    return `${decided}${labelled('', `Not published. To look closer: weighlock show ${id.model}@${id.commit}.${flags}`)}`;
  }
  const where = `${vault.location}/${revisionPrefix(id)}`;
  const there = vault.named === undefined ? '' : ` --vault ${vault.named}`;
  const how =
    outcome === 'found' ? `already on record, since ${body.decidedAt}` : `by policy ${body.policy.name}`;
  return [
    labelled('admitted', `${how} → ${where}`).replace('admitted', paint('green', 'admitted')),
    labelled('signed', `model.sig, key ${record.keyId.slice(0, 8)}…, log entry ${logIndex}`),
    labelled(
      'next',
      [
        `weighlock verify ${id.model}@${id.commit}${there}`,
        `weighlock pull ${id.model} ./${path.basename(id.model)}${there}`,
        `weighlock serve --anonymous${there}   and then HF_ENDPOINT=http://127.0.0.1:8080 hf download ${id.model}`,
      ].join('\n'),
    ),
  ].join('');
}

/** Tells the story on standard error's live area and standard output's lines, as it happens. */
export class AdmissionView {
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
          `${originOf(revision)} → ${commit}   ${plural(selection.files.length, 'file')}, ${bytesInWords(bytes)}${left}${licence}`,
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
        const count = (from: 'staging' | 'vault') => event.files.filter((file) => file.from === from).length;
        const kept =
          count('staging') > 0 ? `, ${plural(count('staging'), 'file')} kept from an earlier run` : '';
        const copied =
          count('vault') > 0 ? `, ${plural(count('vault'), 'file')} copied inside the store` : '';
        this.#say(
          'brought',
          `${plural(fetched.length, 'file')}, ${bytesInWords(bytes)}${rate}${copied}${kept}`,
        );
        return;
      }
      case 'reference': {
        const { repo, from, key } = event.reference;
        this.#say('reference', `${repo}, which ${from} (${key}) needs`);
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

function originOf({ via, requested, endpoint }: SourceRevision): string {
  return via ? `vault ${via.vault.slice(0, 12)}` : requested || endpoint;
}

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
