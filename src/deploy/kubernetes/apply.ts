/**
 * Applying to Kubernetes: the cluster is asked whether it would take the objects before it is given them; then the new pods
 * are watched. Where they do not come up, what stood there before is put back, and what was made is taken away.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Applied, Conduct, Order } from '../deploy.ts';
import { shaped, text } from '../flags.ts';
import { Kubectl } from './kubectl.ts';
import type { Settings } from './settings.ts';
import { troubleOf } from './trouble.ts';
import { FIELD_MANAGER, goBack, SEND, type Sent, standing } from './way-back.ts';

/** What is applied, and how it is seen that it works. */
export interface Application extends Sent {
  readonly kind: 'deployment' | 'inferenceservice';
  /** Labels of its pods. */
  readonly podLabels: Readonly<Record<string, string>>;
}

/** The cluster itself gives up before us, and then says why. */
const PATIENCE_SECONDS = 120;

export function applier(order: Order, settings: Settings, application: Application) {
  const { flags, environment } = order;
  const context = shaped(flags, 'kubeContext', {
    form: /^[^\s-][^\s]{0,252}$/,
    says: 'the name of a context',
  });
  const kubectl = new Kubectl({ program: text(flags, 'kubectl') ?? 'kubectl', context, environment });
  return (conduct: Conduct) => apply(kubectl, { settings, application, conduct });
}

interface Work {
  readonly settings: Settings;
  readonly application: Application;
  readonly conduct: Conduct;
}

async function apply(kubectl: Kubectl, work: Work): Promise<Applied> {
  const { settings, application, conduct } = work;
  const { name, namespace, startSeconds } = settings;
  const { kind, manifests, shared } = application;
  const before = await standing(kubectl, application);
  const same = before.find((object) => isNamed(object, application, settings));
  requireOurs(same, `${kind} ${namespace}/${name}`);
  const input = `${shared}${manifests}`;
  await kubectl.run([...SEND, '--dry-run=server'], { input });
  conduct.tell('the cluster would take the objects');
  const seconds = startSeconds + PATIENCE_SECONDS;
  const timeoutMs = (seconds + PATIENCE_SECONDS) * 1000;
  try {
    await kubectl.run(SEND, { input });
    conduct.tell(`applied; waiting up to ${startSeconds} s for the new pods to answer`);
    await kubectl.run(watching(application, settings, seconds), { timeoutMs, signal: conduct.signal });
  } catch (error) {
    if (!(error instanceof WeighlockError) || conduct.signal.aborted) throw error;
    throw await failed(kubectl, work, { before, error });
  }
  return {
    lines: [
      {
        label: 'answers',
        text: `${kind} ${namespace}/${name}${same ? ', in the place of what stood there' : ''}`,
      },
    ],
    deployment: {},
  };
}

function watching({ kind }: Application, { name, namespace }: Settings, seconds: number): string[] {
  const timeout = `--timeout=${seconds}s`;
  if (kind === 'deployment')
    return ['rollout', 'status', `deployment/${name}`, '--namespace', namespace, timeout];
  return ['wait', '--for=condition=Ready', `inferenceservice/${name}`, '--namespace', namespace, timeout];
}

function isNamed(
  { kind, metadata }: Readonly<Record<string, unknown>>,
  application: Application,
  settings: Settings,
): boolean {
  const { name } = (metadata ?? {}) as { name?: unknown };
  return String(kind).toLowerCase() === application.kind && name === settings.name;
}

function requireOurs(before: Readonly<Record<string, unknown>> | undefined, named: string): void {
  if (!before) return;
  const { labels } = (before.metadata ?? {}) as { labels?: Record<string, unknown> };
  if (labels?.['app.kubernetes.io/managed-by'] === FIELD_MANAGER) return;
  throw new WeighlockError('WL_DEPLOY_EXISTS', `${named} is there, and was not made by Weighlock`);
}

/** The error to be thrown: what happened, and what was done about it. */
async function failed(
  kubectl: Kubectl,
  { settings, application }: Work,
  {
    before,
    error,
  }: { readonly before: Awaited<ReturnType<typeof standing>>; readonly error: WeighlockError },
): Promise<WeighlockError> {
  const { namespace } = settings;
  const { podLabels } = application;
  const trouble = await troubleOf(kubectl, { namespace, podLabels }).catch(() => undefined);
  const happened = trouble ?? error.message;
  const done = await goBack(kubectl, application, before).catch(
    (cause: Error) => `going back failed, too: ${cause.message}`,
  );
  return new WeighlockError('WL_DEPLOY_FAILED', `${happened}; ${done}`, { cause: error });
}
