/** `weighlock drift`: what runs, held against the deployments on record. */
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { EXIT, printable, WeighlockError } from '../base/errors.ts';
import { type DriftReport, type DriftRow, drift, hasDrifted } from '../drift/drift.ts';
import type { Found } from '../drift/workload.ts';
import type { Registry } from '../registry/registry.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled, paintedLabel, painter, plural } from './terminal.ts';
import type { Wire } from './wire.ts';

interface DriftFlags {
  readonly region: readonly string[];
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster: string;
}

export function driftCommand(run: Run): Command {
  return new Command('drift')
    .description(
      'hold what runs against the deployments on record: revision, bytes, variables, isolation, verdict',
    )
    .option(
      '--region <region>',
      'look at SageMaker in this region; may be repeated (default: those of deployments on record)',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('--kubeconfig <file>', 'look at the cluster that this kubeconfig names')
    .option('--context <name>', 'the context in it (default: the current one)')
    .option('--cluster <name>', 'what the cluster is called on record', 'default')
    .addHelpText(
      'after',
      '\nExit codes: 0 all is as recorded · 1 something is not · 2 something could not be looked at',
    )
    .action((flags: DriftFlags) => run({ ...flags }, (wire) => look(wire, flags)));
}

async function look(wire: Wire, flags: DriftFlags): Promise<Outcome> {
  for (const region of flags.region)
    if (!/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(region))
      throw new WeighlockError('WL_USAGE', `"${region}" is no region of AWS`);
  const registry = await wire.registry();
  const found: Found[] = [];
  for (const region of new Set([...flags.region, ...(await regionsOnRecord(registry))]))
    found.push(await inSageMaker(wire, region));
  if (flags.kubeconfig !== undefined) found.push(await inKubernetes(wire, flags, flags.kubeconfig));
  const ticket = wire.config.ticket(wire.config.vault);
  const report = await drift(registry, found, ticket.kind === 's3' ? ticket.settings : undefined);
  const standing = hasDrifted(report);
  return {
    exit: { drifted: EXIT.refused, 'not known': EXIT.held, 'as recorded': EXIT.done }[standing],
    json: { standing, looked: found.map(({ targets, placesFrom }) => ({ targets, placesFrom })), ...report },
    text: inWords(wire, report, found),
  };
}

/** The regions of SageMaker in which something is deployed, as the statements say. */
async function regionsOnRecord(registry: Registry): Promise<readonly string[]> {
  const { state } = await registry.state();
  const onSageMaker = Object.values(state.deployments).filter(({ target }) => target === 'sagemaker');
  return [...new Set(onSageMaker.flatMap(({ place }) => place.split(':')[3] ?? []))];
}

/** What is on record against what runs where it can be looked at without being told more. */
export async function recordedDrift(wire: Wire, registry: Registry): Promise<DriftReport> {
  const found: Found[] = [];
  for (const region of await regionsOnRecord(registry)) found.push(await inSageMaker(wire, region));
  const ticket = wire.config.ticket(wire.config.vault);
  return drift(registry, found, ticket.kind === 's3' ? ticket.settings : undefined);
}

/** The clients of AWS take a while to load: only where there is something to ask them. */
async function inSageMaker(wire: Wire, region: string): Promise<Found> {
  const { lookInSageMaker } = await import('../drift/sagemaker.ts');
  return lookInSageMaker(region, (service) => wire.aws(service, region));
}

async function inKubernetes(wire: Wire, flags: DriftFlags, file: string): Promise<Found> {
  const [{ readKubeconfig }, { KubernetesApi }, { kubernetesWorkloads }] = await Promise.all([
    import('../drift/kubernetes/kubeconfig.ts'),
    import('../drift/kubernetes/api.ts'),
    import('../drift/kubernetes/workloads.ts'),
  ]);
  const home = wire.environment.HOME ?? os.homedir();
  const place = file.startsWith('~/') ? path.join(home, file.slice(2)) : path.resolve(file);
  const api = new KubernetesApi(readKubeconfig(place, flags.context));
  try {
    return await kubernetesWorkloads(api, flags.cluster);
  } finally {
    await api.close();
  }
}

const STYLES = {
  'as recorded': 'green',
  drifted: 'red',
  stranger: 'red',
  'not looked at': 'yellow',
} as const;
const LABELS = {
  'as recorded': 'same',
  drifted: 'drifted',
  stranger: 'stranger',
  'not looked at': 'not seen',
} as const;

function inWords(wire: Wire, { rows, unread }: DriftReport, found: readonly Found[]): string {
  const paint = painter(wire.terminal);
  const line = (row: DriftRow) => {
    const model = row.model === undefined ? '' : `  ${row.model}@${row.commit?.slice(0, 12)}`;
    const lines = [
      `${row.target} ${row.place}${model}`,
      ...row.differences.map(({ kind, said }) => `${kind}: ${said}`),
      ...(row.standing === 'not looked at' ? ['nothing shows what runs there from here'] : []),
    ];
    const text = lines.map(printable).join('\n');
    return paintedLabel(paint, STYLES[row.standing], [LABELS[row.standing], text]);
  };
  const open = unread.map((said) => paintedLabel(paint, 'yellow', ['unread', printable(said)])).join('');
  const looked = found.length === 0 ? 'no platform was asked: name one with --region or --kubeconfig' : '';
  const wrong = rows.filter(({ differences }) => differences.length > 0).length;
  return `${rows.map(line).join('')}${open}${labelled(
    'drift',
    `${plural(rows.length, 'place')}, ${wrong} not as recorded${looked && `; ${looked}`}`,
  )}`;
}
