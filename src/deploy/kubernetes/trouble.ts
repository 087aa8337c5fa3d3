/** Why pods do not come up, in the words of the cluster. */
import type { Kubectl } from './kubectl.ts';

/** Pods that are looked at: the newest say what is wrong. */
const PODS_MAX = 50;

/** The gravest reason that a pod with these labels gives; undefined where none does. */
export async function troubleOf(
  kubectl: Kubectl,
  {
    namespace,
    podLabels,
  }: { readonly namespace: string; readonly podLabels: Readonly<Record<string, string>> },
): Promise<string | undefined> {
  const selector = Object.entries(podLabels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const text = await kubectl.run([
    'get',
    'pods',
    '--namespace',
    namespace,
    '--selector',
    selector,
    '--output',
    'json',
  ]);
  const { items } = record(JSON.parse(text));
  const pods = list(items).slice(-PODS_MAX).map(record);
  for (const find of [unscheduled, waiting, ended]) {
    const found = pods.map((pod) => find(record(pod.status))).find((reason) => reason !== undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** No node has the GPUs, the memory, the label. */
function unscheduled(status: Record<string, unknown>): string | undefined {
  const condition = list(status.conditions)
    .map(record)
    .find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  return condition && `no node takes the pod: ${words(condition.message)}`;
}

/** The image cannot be pulled, the container keeps ending. */
function waiting(status: Record<string, unknown>): string | undefined {
  for (const container of containersOf(status)) {
    const { reason, message } = record(record(container.state).waiting);
    if (typeof reason !== 'string' || /^(PodInitializing|ContainerCreating)$/.test(reason)) continue;
    const what = /image/i.test(reason) ? 'the image cannot be pulled' : 'the container does not stay up';
    return `${what}: ${words(container.name)} ${reason}, ${words(message)}${exitOf(container)}`;
  }
  return undefined;
}

function ended(status: Record<string, unknown>): string | undefined {
  for (const container of containersOf(status)) {
    const { exitCode, reason } = record(record(container.state).terminated);
    if (typeof exitCode === 'number' && exitCode !== 0)
      return `the container ${words(container.name)} ended with ${exitCode} (${words(reason)})`;
    if (record(container.state).running && container.ready === false && container.started !== true)
      return `the container ${words(container.name)} runs, and its health check fails`;
  }
  return undefined;
}

function exitOf(container: Record<string, unknown>): string {
  const { exitCode, reason } = record(record(container.lastState).terminated);
  return typeof exitCode === 'number' ? `; it ended with ${exitCode} (${words(reason)}) before` : '';
}

function containersOf(status: Record<string, unknown>): Record<string, unknown>[] {
  return [...list(status.initContainerStatuses), ...list(status.containerStatuses)].map(record);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

const WORDS_MAX = 200;

function words(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, WORDS_MAX) : 'no reason given';
}
