/** `weighlock admit`: brings one commit of a model in. */
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { type AdmissionOptions, type AdmissionRequest, admit, rehearse } from '../admission/admit.ts';
import type { AdmissionSource } from '../admission/source.ts';
import { admitUnit } from '../admission/unit.ts';
import { openWaivers } from '../attest/waiver.ts';
import { WeighlockError } from '../base/errors.ts';
import { type ModelName, parseModelName } from '../base/name.ts';
import type { Gate } from '../registry/gate.ts';
import type { Source } from '../sources/source.ts';
import { AdmissionView, admissionOutcome, exitOf, type Into, unitOutcome } from './admission-view.ts';
import { adviceFor } from './advice.ts';
import { decisionText } from './decision-text.ts';
import { checkedEngines, withEngines } from './engine-options.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { policyInForce } from './policy-file.ts';
import { publisherKeys } from './publisher-keys.ts';
import { parseRevision, parseTarget, type Target } from './target.ts';
import { temporaryVault } from './temporary-vault.ts';
import { labelled } from './terminal.ts';
import { textOf } from './waivers.ts';
import { TOOL, type Wire } from './wire.ts';

export interface AdmitFlags {
  readonly vault?: string;
  readonly revision?: string;
  readonly as?: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly waivers?: string;
  readonly requester?: string;
  readonly dryRun?: boolean;
  readonly withReferences?: boolean;
  readonly json?: boolean;
}

export function admitCommand(run: Run): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  const command = new Command('admit')
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
    .option('--waivers <file>', 'signed waivers: findings that people took upon themselves')
    .option('--requester <name>', 'who asks for it, and so cannot approve it (default: the account)')
    .option('--concurrency <n>', 'files under way at once (default: 4)')
    .option(
      '--memory <size>',
      'bytes that may wait in memory, for example 256MB (default: 16MB, 48MB for S3)',
    )
    .addOption(
      new Option(
        '--with-references',
        'admit first what loading it needs from other repos: code, kernels, weights below an adapter',
      ).conflicts('dryRun'),
    )
    .option('--dry-run', 'do everything up to the verdict, and store nothing');
  return withEngines(command)
    .addHelpText('after', '\nExit codes: 0 admitted · 1 refused · 2 held · 64 and up: see `weighlock --help`')
    .action((model: string, flags: AdmitFlags) => run({ ...flags }, (wire) => runAdmit(wire, model, flags)));
}

export async function runAdmit(wire: Wire, model: string, flags: AdmitFlags): Promise<Outcome> {
  const { request, source } = requestOf(wire, parseTarget(model), flags);
  const view = new AdmissionView(wire.terminal, flags.json === true);
  const options = {
    ...admissionOptions(wire, source, view),
    engines: await checkedEngines(wire.config),
    requester: requesterOf(flags),
  };
  try {
    if (flags.dryRun) return await dryRun(request, options);
    const gate = await wire.gate();
    const waivers = flags.waivers === undefined ? [] : openWaivers(textOf(flags.waivers), gate.trust);
    const into = { location: gate.vault.location, named: flags.vault };
    if (flags.withReferences) return await admitWhole(wire, { gate, into, request }, { ...options, waivers });
    return admissionOutcome(wire.terminal, into, await admit(gate, request, { ...options, waivers }));
  } finally {
    view.end();
    await source.close();
  }
}

/** Longest name that a record takes. */
const REQUESTER_LENGTH_MAX = 200;

/** Who asks. Nobody can be told apart from an approver by a name that cannot be read, and no longer one could be read back. */
function requesterOf({ requester = os.userInfo().username }: AdmitFlags): string {
  if (/[\p{L}\p{N}]/u.test(requester) && requester.length <= REQUESTER_LENGTH_MAX) return requester;
  throw new WeighlockError(
    'WL_USAGE',
    `--requester takes the name of a person or an account, of at most ${REQUESTER_LENGTH_MAX} characters`,
  );
}

/** The model with what it needs from the Hub. */
async function admitWhole(
  wire: Wire,
  { gate, into, request }: { readonly gate: Gate; readonly into: Into; readonly request: AdmissionRequest },
  options: AdmissionOptions,
): Promise<Outcome> {
  const referencesFrom = wire.hub();
  try {
    return unitOutcome(wire.terminal, into, await admitUnit(gate, request, { ...options, referencesFrom }));
  } finally {
    await referencesFrom.close();
  }
}

export function admissionOptions(wire: Wire, source: AdmissionSource, view: AdmissionView): AdmissionOptions {
  return {
    source,
    policy: policyInForce(wire.config),
    advice: adviceFor(wire.home, undefined),
    publisherKeys: publisherKeys(wire.config),
    concurrency: wire.config.concurrency,
    memoryBytes: wire.config.memoryBytes,
    tool: TOOL,
    report: (event) => view.show(event),
  };
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
export function localName(wire: Wire, text: string): ModelName {
  const name = parseModelName(text);
  const namespace = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
  const { namespaces } = wire.config;
  if (namespaces.includes(namespace)) return name;
  throw new WeighlockError('WL_NAME_INVALID', `content of a directory cannot be called ${name}`, {
    hint: `Use --as with one of your own namespaces (${namespaces.join(', ')}), or add one to "namespaces" in weighlock.yaml.`,
  });
}
