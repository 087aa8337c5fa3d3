/** `weighlock probe`: puts questions to an endpoint and records how it held as evidence of the revision that it serves. */
import { randomInt } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import type { CategoryResult } from '../attest/evidence.ts';
import { timestamp } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { type EvidenceSubject, evidenceSubject, isServed, recordEvidence } from '../lifecycle/evidence.ts';
import { ChatEndpoint } from '../probe/chat-endpoint.ts';
import { ownProbes, PROBE_SET } from '../probe/own-probes.ts';
import { categoryResults, type Probe, putProbes } from '../probe/probe.ts';
import { PROMPT_FILE_BYTES_MAX, type PromptKind, readPrompts } from '../probe/prompt-file.ts';
import { encodeReport } from '../probe/report.ts';
import { deployments, type RecordedDeployment } from '../registry/deployments.ts';
import type { Gate } from '../registry/gate.ts';
import type { Registry } from '../registry/registry.ts';
import { resultsTable } from './evidence-text.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { proxyFor } from './proxy.ts';
import { parseModelTarget } from './target.ts';
import { labelled, type Terminal } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface ProbeFlags {
  readonly for: string;
  readonly harmful?: string;
  readonly benign?: string;
  readonly own: boolean;
  readonly only?: string;
  readonly repeat: string;
  readonly temperature: string;
  readonly maxTokens: string;
  readonly seed?: string;
  readonly atOnce: string;
  readonly timeout: string;
  readonly servedAs?: string;
  readonly deployment?: string;
  readonly keyFrom?: string;
  readonly report?: string;
  readonly record: boolean;
}

const ABOUT = `
Our own probes are mild: they ask for code words, not for harm. A model that fails them is weak; one that holds is not
therefore strong. A prompt of --harmful counts as failed where no refusal is found in the opening of the answer: that says
"not declined", and nothing of what the answer is worth.

Examples: weighlock probe http://localhost:8000/v1 --for org/name@<commit>
          weighlock probe https://llm.example/v1 --for org/name --key-from LLM_KEY --harmful harmbench_behaviors_text_all.csv`;

export function probeCommand(run: Run): Command {
  return new Command('probe')
    .description('put questions to an endpoint (OpenAI API) and record how it held as evidence of a revision')
    .argument('<url>', 'where the endpoint is, for example http://localhost:8000/v1')
    .requiredOption(
      '--for <model@revision>',
      'the revision that it serves: org/name, with @commit or @channel',
    )
    .option(
      '--harmful <csv>',
      'prompts to be declined: the columns of HarmBench, JailbreakBench, or `prompt`',
    )
    .option('--benign <csv>', 'prompts to be answered, in the same columns')
    .option('--no-own', 'leave out our own probes')
    .option('--only <categories>', 'put only the probes of these categories, with commas between')
    .option('--repeat <n>', 'attempts for each probe', '1')
    .option('--temperature <t>', 'from 0 to 2', '0')
    .option(
      '--max-tokens <n>',
      'for each answer; one that is cut off before it can be judged is an error',
      '1024',
    )
    .option('--seed <n>', 'makes the same code words again (default: by chance)')
    .option('--at-once <n>', 'requests under way at a time', '2')
    .option('--timeout <seconds>', 'for each answer', '120')
    .option('--served-as <name>', 'what the endpoint calls the model (default: the only one that it lists)')
    .option('--deployment <place>', 'the one behind this address, as `weighlock deploy list` shows its place')
    .option('--key-from <variable>', 'the environment variable that holds the key; without it none is sent')
    .option('--report <file>', 'write the raw report here, too')
    .option('--no-record', 'record nothing in the vault')
    .addHelpText('after', ABOUT)
    .action((url: string, flags: ProbeFlags) => run({ ...flags }, (wire) => runProbe(wire, url, flags)));
}

/** What one run is set to do, all of it checked before the first request. */
interface Settings {
  readonly probes: readonly Probe[];
  readonly repeat: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly key: string | undefined;
  readonly asked: { readonly temperature: number; readonly maxTokens: number; readonly seed: number };
  /** As it goes into the statement. */
  readonly configuration: Readonly<Record<string, string | number | boolean>>;
}

async function runProbe(wire: Wire, url: string, flags: ProbeFlags): Promise<Outcome> {
  const { model, revision } = parseModelTarget(flags.for);
  const settings = readSettings(flags, wire.environment);
  const { timeoutMs, key } = settings;
  const proxy = proxyFor(url, wire.environment);
  await using endpoint = await ChatEndpoint.open({ url, key, timeoutMs, proxy });
  // A key that is missing shows now, and not after an hour of probing.
  const gate: Gate | undefined = flags.record ? await wire.gate() : undefined;
  const registry = gate ?? (await wire.registry());
  const subject = await evidenceSubject(registry, model, revision);
  const deployment = await deploymentBehind(
    registry,
    { base: endpoint.base, place: flags.deployment },
    subject,
  );
  const servedAs = flags.servedAs ?? (await onlyModel(endpoint));
  const observedAt = timestamp(wire.clock);
  const progress = counter(wire.terminal, settings.probes.length * settings.repeat);
  const attempts = await putProbes(endpoint.talk(servedAs), settings.probes, {
    repeat: settings.repeat,
    concurrency: settings.concurrency,
    settings: settings.asked,
    onAttempt: progress.step,
  }).finally(progress.end);
  const results = categoryResults(attempts);
  const configuration = { ...settings.configuration, servedAs };
  const head = { tool: TOOL, target: endpoint.base, ...subject, observedAt, configuration };
  const raw = encodeReport(head, attempts, results);
  if (flags.report !== undefined) writeReport(path.resolve(flags.report), raw);
  const recorded =
    gate &&
    (await recordEvidence(gate, subject, {
      raw,
      report: {
        kind: 'probe',
        observer: TOOL,
        target: endpoint.base,
        deployment: deployment?.digest ?? null,
        configuration,
        observedAt,
        results,
        tool: TOOL,
      },
    }));
  return outcome({
    subject,
    endpoint: endpoint.base,
    servedAs,
    deployment,
    configuration,
    results,
    recorded,
  });
}

function readSettings(flags: ProbeFlags, environment: NodeJS.ProcessEnv): Settings {
  const seed = flags.seed === undefined ? randomInt(2 ** 31) : whole('--seed', flags.seed, [0, 2 ** 31 - 1]);
  const repeat = whole('--repeat', flags.repeat, [1, 100]);
  const maxTokens = whole('--max-tokens', flags.maxTokens, [1, 100_000]);
  const temperature = Number(flags.temperature);
  if (!(temperature >= 0 && temperature <= 2))
    throw new WeighlockError('WL_USAGE', `--temperature is from 0 to 2, not "${flags.temperature}"`);
  const files = (['harmful', 'benign'] as const).flatMap((kind) => {
    const file = flags[kind];
    return file === undefined ? [] : [readPromptFile(file, kind)];
  });
  const all = [...(flags.own ? ownProbes(seed) : []), ...files.flatMap((file) => file.probes)];
  if (all.length === 0)
    throw new WeighlockError('WL_USAGE', '--no-own leaves nothing to ask without --harmful or --benign');
  const probes = flags.only === undefined ? all : onlyOf(all, flags.only.split(','));
  return {
    probes,
    repeat,
    concurrency: whole('--at-once', flags.atOnce, [1, 64]),
    timeoutMs: 1000 * whole('--timeout', flags.timeout, [1, 3600]),
    key: readKey(flags.keyFrom, environment),
    asked: { temperature, maxTokens, seed },
    configuration: {
      ...(flags.own && { probes: PROBE_SET }),
      ...(flags.only !== undefined && { only: flags.only }),
      ...Object.fromEntries(files.map(({ kind, digest }) => [kind, digest])),
      seed,
      repeat,
      temperature,
      maxTokens,
    },
  };
}

function onlyOf(probes: readonly Probe[], wanted: readonly string[]): Probe[] {
  const there = new Set(probes.map(({ category }) => category));
  const unknown = wanted.find((category) => !there.has(category));
  if (unknown !== undefined)
    throw new WeighlockError(
      'WL_USAGE',
      `there is no category "${unknown}"; there are ${[...there].join(', ')}`,
    );
  return probes.filter(({ category }) => wanted.includes(category));
}

function whole(option: string, text: string, [min, max]: readonly [number, number]): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new WeighlockError('WL_USAGE', `${option} is a whole number from ${min} to ${max}, not "${text}"`);
}

function readKey(variable: string | undefined, environment: NodeJS.ProcessEnv): string | undefined {
  if (variable === undefined) return undefined;
  const key = environment[variable]?.trim();
  // The key itself is never shown.
  if (key && /^[\u0021-\u007e]{1,4096}$/.test(key)) return key;
  throw new WeighlockError('WL_USAGE', `the variable ${variable} holds no key that can be sent`);
}

function readPromptFile(file: string, kind: PromptKind) {
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > PROMPT_FILE_BYTES_MAX)
      throw new WeighlockError('WL_LIMIT', `${file} is longer than ${PROMPT_FILE_BYTES_MAX} bytes`);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw new WeighlockError('WL_USAGE', `${file} cannot be read`, { cause: error });
  }
  return { kind, digest: sha256(bytes), probes: readPrompts(bytes.toString('utf8'), kind, file) };
}

/**
 * The deployment by which the endpoint serves this revision, if the vault knows one. Where it knows that another model
 * is there, evidence would be of the wrong one.
 */
async function deploymentBehind(
  registry: Registry,
  { base, place }: { readonly base: string; readonly place: string | undefined },
  subject: EvidenceSubject,
): Promise<RecordedDeployment | undefined> {
  const there = (await deployments(registry)).filter(({ body }) =>
    place === undefined ? sameEndpoint(body.url, base) : body.place === place,
  );
  const [found] = there;
  if (!found && place === undefined) return undefined;
  if (!found)
    throw new WeighlockError('WL_USAGE', `no deployment is on record at ${place}`, {
      hint: '`weighlock deploy list` shows them.',
    });
  const match = there.find(({ body }) => isServed(body, subject));
  if (match) return match;
  throw new WeighlockError(
    'WL_USAGE',
    `by log entry ${found.logIndex}, ${place ?? base} serves ${found.body.model}@${found.body.commit.slice(0, 12)}, and not ${subject.model}@${subject.commit.slice(0, 12)}`,
    { hint: 'Name the revision that is deployed there, or record the deployment anew.' },
  );
}

function sameEndpoint(url: string | undefined, base: string): boolean {
  return url !== undefined && url.replace(/\/{1,8}$/, '').replace(/\/v1$/, '') === base.replace(/\/v1$/, '');
}

async function onlyModel(endpoint: ChatEndpoint): Promise<string> {
  const models = await endpoint.models();
  const [only, second] = models;
  if (only !== undefined && second === undefined) return only;
  throw new WeighlockError(
    'WL_USAGE',
    models.length === 0
      ? `${endpoint.base} lists no model: name it with --served-as`
      : `${endpoint.base} serves several models: name one with --served-as (${models.slice(0, 10).join(', ')})`,
  );
}

function writeReport(file: string, raw: Uint8Array): void {
  try {
    writeFileSync(file, raw, { flag: 'wx' });
  } catch (error) {
    throw new WeighlockError(
      'WL_TARGET_UNAVAILABLE',
      `cannot write ${file}: it exists, or its folder cannot be written`,
      {
        cause: error,
      },
    );
  }
}

/** How many attempts are over, on a terminal. */
function counter(terminal: Terminal, total: number): { readonly step: () => void; readonly end: () => void } {
  let done = 0;
  const show = (text: string) => terminal.live && terminal.err(`\r\u001b[K${text}`);
  return {
    step: () => {
      done += 1;
      show(`  probing    ${done} of ${total}`);
    },
    end: () => void show(''),
  };
}

function outcome(found: {
  readonly subject: EvidenceSubject;
  readonly endpoint: string;
  readonly servedAs: string;
  readonly deployment: RecordedDeployment | undefined;
  readonly configuration: Settings['configuration'];
  readonly results: readonly CategoryResult[];
  readonly recorded: Awaited<ReturnType<typeof recordEvidence>> | undefined;
}): Outcome {
  const { subject, endpoint, servedAs, deployment, configuration, results, recorded } = found;
  const inconclusive = results.some(({ n, errors }) => n === 0 && errors > 0);
  const bound = deployment
    ? `to the deployment of log entry ${deployment.logIndex} at ${deployment.body.place}`
    : 'no: nothing in the vault says that this endpoint serves the revision';
  return {
    exit: inconclusive ? EXIT.held : EXIT.done,
    json: {
      model: subject.model,
      commit: subject.commit,
      manifest: subject.manifest,
      target: endpoint,
      deployment: deployment?.digest ?? null,
      configuration,
      results,
      conclusive: !inconclusive,
      evidence: recorded ?? null,
    },
    text: [
      labelled('probed', `${endpoint} (${servedAs}) for ${subject.model}@${subject.commit.slice(0, 12)}`),
      labelled('bound', bound),
      recorded
        ? labelled('evidence', `${recorded.raw}, log entry ${recorded.logIndex}`)
        : labelled('evidence', 'not recorded'),
      '\n',
      resultsTable(results),
      inconclusive
        ? '\nA category without any outcome says nothing: its attempts ended in errors, which are no passes.\n'
        : '',
    ].join(''),
  };
}
