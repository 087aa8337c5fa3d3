/** `weighlock scan`: inspects files, a repo, a bucket or an address by the engine of an admission, and stores nothing. */
import { Command, Option } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { type Inspection, inspect, type Waived, waiveInspection } from '../inspection/inspect.ts';
import { type Report, reportOf } from '../inspection/report.ts';
import { strictly } from '../inspection/strict.ts';
import type { Subject } from '../inspection/subject.ts';
import { adviceFor } from './advice.ts';
import { checkedEngines, withEngines } from './engine-options.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { watching } from './progress.ts';
import { renderedText } from './scan-rendered.ts';
import { openSubject } from './scan-target.ts';
import { scanText } from './scan-text.ts';
import { readWaivers } from './waivers.ts';
import { TOOL, type Wire } from './wire.ts';

export interface ScanFlags {
  readonly triage?: boolean;
  readonly strict?: boolean;
  readonly sarif?: boolean;
  readonly cyclonedx?: boolean;
  readonly waivers?: string;
  readonly policy?: string;
  readonly loader?: string;
  readonly render?: boolean;
  readonly json?: boolean;
}

export function scanCommand(run: Run): Command {
  const command = new Command('scan')
    .description('inspect files, a repo, a bucket or an address; nothing is stored, nothing is run')
    .argument(
      '<what>',
      'a file or folder, org/name[@revision], s3://bucket/prefix, https://…; hf://org/name means the Hub in any case',
    )
    .option('--triage', 'of what is elsewhere, read by ranges only what decides: headers, pickles, code')
    .option('--strict', 'count notes and known classes as inconclusive: clean means weights and text alone')
    .addOption(new Option('--sarif', 'print SARIF 2.1.0').conflicts(['json', 'cyclonedx']))
    .addOption(new Option('--cyclonedx', 'print a CycloneDX 1.7 ML-BOM').conflicts(['json', 'sarif']))
    .option(
      '--loader <name>',
      'what will read it: vllm, tgi, transformers, llama.cpp, …, with @version if you know it',
    )
    .option(
      '--render',
      'show what templates with findings make of a sample conversation, in a confined process',
    )
    .option('--policy <file>', 'also say what this policy would decide')
    .option('--waivers <file>', 'signed waivers: findings that people took upon themselves')
    .option('--concurrency <n>', 'remote files under way at once (default: 4)')
    .option('--memory <size>', 'bytes of remote files that may wait in memory (default: 16MB)');
  return withEngines(command)
    .addHelpText(
      'after',
      `
Exit codes: 0 clean · 1 blocked: something runs code, or reaches out, when it is loaded
            2 inconclusive: something was not read, or not understood · 64 and up: see \`weighlock --help\`

Examples: weighlock scan ./checkpoint.pt
          weighlock scan org/name --triage
          weighlock scan ./model --sarif > model.sarif`,
    )
    .action((what: string, flags: ScanFlags) => run({ ...flags }, (wire) => runScan(wire, what, flags)));
}

export async function runScan(wire: Wire, what: string, flags: ScanFlags): Promise<Outcome> {
  const waived = { waivers: await readWaivers(wire, flags.waivers), nowMs: wire.clock.now() };
  const subject = await openSubject(wire, what);
  const seen = await watching(wire.terminal, (onStart) => look(wire, subject, { flags, onStart }));
  const lifted = waiveInspection(seen, waived);
  const inspection = flags.strict ? strictly(lifted) : lifted;
  const policy = await policyOf(wire, flags, { inspection: seen, waived });
  const rendered = flags.render
    ? await (await import('../inspection/rendered.ts')).renderTemplates(subject, inspection)
    : undefined;
  const report = { ...reportOf(inspection, TOOL), ...(policy && { policy }), ...(rendered && { rendered }) };
  refuseSilence(report);
  const json = await documentOf(report, wire, flags);
  const text =
    flags.sarif || flags.cyclonedx
      ? `${JSON.stringify(json, null, 2)}\n`
      : renderedText(rendered ?? [], wire.terminal) + scanText(report, wire.terminal);
  return { exit: exitOf(report), json, text };
}

/** Loaded only where a policy is named: its expressions take long to load. */
async function policyOf(
  wire: Wire,
  { policy: file }: ScanFlags,
  { inspection, waived }: { readonly inspection: Inspection; readonly waived: Waived },
): Promise<Report['policy'] | undefined> {
  if (file === undefined) return undefined;
  const [{ policyInForce }, { decideInspection }] = await Promise.all([
    import('./policy-file.ts'),
    import('../inspection/by-policy.ts'),
  ]);
  const policy = policyInForce(wire.config);
  const { verdict, rules } = decideInspection(inspection, policy, waived);
  return { name: policy.name, verdict, rules };
}

async function look(
  wire: Wire,
  subject: Subject,
  by: { readonly flags: ScanFlags; readonly onStart: Parameters<Parameters<typeof watching>[1]>[0] },
): Promise<Inspection> {
  const { concurrency, memoryBytes } = wire.config;
  const engines = await checkedEngines(wire.config);
  const advice = adviceFor(wire.home, by.flags.loader);
  const options = { concurrency, memoryBytes, engines, advice, onStart: by.onStart };
  if (!by.flags.triage) return inspect(subject, options);
  const { triage } = await import('../inspection/triage.ts');
  return triage(subject, options);
}

async function documentOf(report: Report, wire: Wire, flags: ScanFlags): Promise<unknown> {
  if (flags.sarif) return (await import('../inspection/sarif.ts')).sarif(report);
  if (!flags.cyclonedx) return report;
  const { cyclonedx } = await import('../inspection/cyclonedx.ts');
  return cyclonedx(report, new Date(wire.clock.now()));
}

/** Where the one file that was named could not be read there is nothing to report: the reason is the answer. */
function refuseSilence({ files }: Report): void {
  const [only] = files;
  if (files.length !== 1 || only?.error === undefined) return;
  const { code, message, hint } = only.error;
  throw new WeighlockError(code, `${only.path}: ${message}`, hint === undefined ? {} : { hint });
}

/** By the worse of the verdict and of what a policy decides. */
function exitOf({ verdict, policy }: Report): number {
  if (verdict === 'blocked' || policy?.verdict === 'refused') return EXIT.refused;
  if (verdict === 'inconclusive' || policy?.verdict === 'held') return EXIT.held;
  return EXIT.done;
}
