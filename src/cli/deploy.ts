/** `weighlock deploy`: plans a deployment, writes it as files, or makes it; and says what is deployed. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import type { Commit } from '../base/name.ts';
import type { Applied, Conduct, Flags, Order, Plan, Route, Subject, TargetEntry } from '../deploy/deploy.ts';
import { subjectOfHub } from '../deploy/hub-subject.ts';
import { endDeployment, type Recorded, recordDeployment, requireRoom } from '../deploy/record.ts';
import { CONCURRENCY_DEFAULT, CONCURRENCY_MAX, CONTEXT_TOKENS_DEFAULT } from '../deploy/size.ts';
import { TARGETS } from '../deploy/targets.ts';
import { subjectOfVault } from '../deploy/vault-subject.ts';
import { deployments } from '../registry/deployments.ts';
import type { Gate } from '../registry/gate.ts';
import { deploymentsText, planJson, planText } from './deploy-text.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { labelled } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

/** Platforms take minutes, and count calls. */
const POLL_MS = 10_000;

interface DeployFlags {
  readonly from: string;
  readonly out?: string;
  readonly apply?: boolean;
  readonly record?: boolean;
  readonly context?: string;
  readonly concurrency: string;
  readonly remoteCode?: boolean;
  readonly verifiedWithin?: string;
}

export function deployCommand(run: Run): Command {
  const command = new Command('deploy').description(
    'plan a deployment from the vault or from the Hub, write it as files to review, or make it',
  );
  for (const entry of TARGETS) command.addCommand(targetCommand(run, entry));
  command
    .command('list')
    .description('show what is deployed, as the statements in the vault say')
    .action((flags: Record<string, unknown>) => run(flags, list));
  command
    .command('end')
    .description('record that a deployment is gone')
    .argument('<target>', 'as `weighlock deploy list` shows it')
    .argument('<place>', 'as `weighlock deploy list` shows it')
    .option('--reason <text>', 'why, for the log')
    .action((target: string, place: string, flags: { readonly reason?: string }) =>
      run({ ...flags }, async (wire) => end(wire, { target, place, reason: flags.reason })),
    );
  return command;
}

function targetCommand(run: Run, entry: TargetEntry): Command {
  const command = new Command(entry.name)
    .description(entry.says)
    .argument('<model>', 'org/name, org/name@commit or org/name@channel')
    .option('--from <route>', 'where the bytes come from: vault or hub', 'vault')
    .option('--out <folder>', 'write the plan as files, to be reviewed in git and applied by others')
    .option('--apply', 'make it, and record it in the vault')
    .option('--record', 'record it as made by others, from the files of --out')
    .option('--context <tokens>', `tokens of one conversation (default: ${CONTEXT_TOKENS_DEFAULT})`)
    .option('--concurrency <count>', 'conversations of that length at once', String(CONCURRENCY_DEFAULT))
    .option('--remote-code', 'let Python of the repo run in the container')
    .option('--verified-within <days>', 'how long ago every byte was last verified, at the most');
  for (const { flags, says, repeated } of entry.options) {
    if (repeated) command.option(flags, says, (one: string, before: string[]) => [...before, one], []);
    else command.option(flags, says);
  }
  return command
    .addHelpText('after', '\nWithout --out, --apply or --record nothing is changed anywhere.')
    .action((model: string, flags: DeployFlags) =>
      run({ ...flags }, (wire) => deploy(wire, entry, { model, flags })),
    );
}

async function deploy(
  wire: Wire,
  entry: TargetEntry,
  { model, flags }: { readonly model: string; readonly flags: DeployFlags },
): Promise<Outcome> {
  if (flags.apply && flags.record)
    throw new WeighlockError('WL_USAGE', '--apply records what it makes: leave --record out');
  const recording = flags.apply || flags.record;
  // Opened before anything is made: what could not be recorded is not to run.
  const gate = recording ? await openGate(wire) : undefined;
  const subject = await subjectOf(wire, { model, flags, gate });
  const target = await entry.open();
  const plan = await target.plan(orderOf(wire, subject, flags));
  if (flags.apply && gate && plan.here) {
    const { runHere } = await import('./deploy-local.ts');
    const { revision } = parseModelTarget(model);
    const planOf = async (commit: Commit) => {
      const one = await subjectOf(wire, { model: `${subject.model}@${commit}`, flags, gate });
      return target.plan(orderOf(wire, one, flags));
    };
    return runHere(wire, { gate, model: subject.model, revision, here: plan.here, planOf });
  }
  if (recording) requireComplete(plan);
  const written = flags.out === undefined ? [] : writeFiles(flags.out, plan);
  const applied = flags.apply ? await apply(wire, plan) : undefined;
  const recorded = gate && (await record(gate, plan, applied));
  return {
    exit: EXIT.done,
    json: { ...planJson(plan), written, applied, recorded },
    text: planText(wire.terminal, plan, { written, applied, recorded }),
  };
}

/** A deployment is recorded in a vault that is there: none is made for it. */
async function openGate(wire: Wire): Promise<Gate> {
  await wire.registry();
  const gate = await wire.gate();
  await requireRoom(gate);
  return gate;
}

interface Wanted {
  readonly model: string;
  readonly flags: DeployFlags;
  readonly gate: Gate | undefined;
}

async function subjectOf(wire: Wire, { model: text, flags, gate }: Wanted): Promise<Subject> {
  const { model, revision } = parseModelTarget(text);
  if (routeOf(flags.from) === 'hub') {
    const source = wire.hub();
    try {
      return await subjectOfHub(source, { model, revision });
    } finally {
      await source.close();
    }
  }
  const registry = gate ?? (await wire.registry());
  return subjectOfVault(registry, {
    model,
    revision,
    verifiedWithinDays: daysOf(flags.verifiedWithin) ?? wire.config.verifiedWithinDays,
    verifiedAt: (record) => wire.home.verifiedAt(registry.trust.vault, record),
  });
}

function orderOf(wire: Wire, subject: Subject, flags: DeployFlags): Order {
  const contextTokens =
    flags.context === undefined ? undefined : wholeNumber('--context', flags.context, 1e9);
  const concurrency = wholeNumber('--concurrency', flags.concurrency, CONCURRENCY_MAX);
  return {
    subject,
    sizing: { contextTokens, concurrency },
    remoteCode: flags.remoteCode ? 'asked for' : 'refused',
    flags: flags as unknown as Flags,
    environment: wire.environment,
    aws: (service, region) => wire.aws(service, region),
  };
}

function routeOf(text: string): Route {
  if (text === 'vault' || text === 'hub') return text;
  throw new WeighlockError('WL_USAGE', `--from takes vault or hub, not "${text}"`);
}

function wholeNumber(option: string, text: string, max: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= max) return number;
  throw new WeighlockError('WL_USAGE', `${option} takes a whole number from 1 to ${max}, not "${text}"`);
}

function daysOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber('--verified-within', text.replace(/d$/, ''), 3650);
}

/** What is incomplete is neither made, nor recorded as if it had been. */
function requireComplete({ missing: [first] }: Plan): void {
  if (first !== undefined) throw new WeighlockError('WL_USAGE', `it cannot be applied yet: ${first}`);
}

async function apply(wire: Wire, plan: Plan): Promise<Applied> {
  if (!plan.apply)
    throw new WeighlockError(
      'WL_USAGE',
      `${plan.target} is not applied by Weighlock: write the files with --out`,
      {
        hint: 'Apply them with your own tools, then record the deployment with --record.',
      },
    );
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  const conduct: Conduct = {
    tell: (sentence) => wire.terminal.err(labelled('', sentence)),
    signal: stop.signal,
    pollMs: POLL_MS,
  };
  try {
    return await plan.apply(conduct);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function record(gate: Gate, plan: Plan, applied: Applied | undefined): Promise<Recorded> {
  const by = `${os.userInfo().username}@${os.hostname()}`;
  try {
    return await recordDeployment(gate, plan, { applied, by, tool: TOOL });
  } catch (cause) {
    if (!applied || !(cause instanceof WeighlockError)) throw cause;
    throw new WeighlockError(cause.code, `it runs, and could not be recorded: ${cause.message}`, {
      hint: 'Run the command again with --record instead of --apply.',
      cause,
    });
  }
}

/** Writes the files of the plan, over those of an earlier plan. Returns their paths, and whether they changed. */
function writeFiles(folder: string, plan: Plan): { readonly path: string; readonly change: string }[] {
  return plan.files.map((file) => {
    const place = path.join(folder, file.path);
    const change = changeOf(place, file.text);
    try {
      mkdirSync(path.dirname(place), { recursive: true });
      if (change !== 'unchanged') writeFileSync(place, file.text);
    } catch (cause) {
      throw new WeighlockError('WL_TARGET_UNAVAILABLE', `cannot write ${place}`, { cause });
    }
    return { path: place, change };
  });
}

function changeOf(place: string, text: string): 'new' | 'changed' | 'unchanged' {
  try {
    return readFileSync(place, 'utf8') === text ? 'unchanged' : 'changed';
  } catch {
    return 'new';
  }
}

async function list(wire: Wire): Promise<Outcome> {
  const found = await deployments(await wire.registry());
  return {
    exit: EXIT.done,
    json: found.map(({ digest, logIndex, body }) => ({ statement: digest, logIndex, ...body })),
    text: deploymentsText(found),
  };
}

async function end(
  wire: Wire,
  {
    target,
    place,
    reason,
  }: { readonly target: string; readonly place: string; readonly reason: string | undefined },
): Promise<Outcome> {
  const gate = await openGate(wire);
  const ended = await endDeployment(gate, {
    target,
    place,
    ...(reason !== undefined && { reason }),
    tool: TOOL,
  });
  return {
    exit: EXIT.done,
    json: { target, place, ...ended },
    text: labelled('ended', `${target} at ${place}, log entry ${ended.logIndex}`),
  };
}
