/**
 * Applying to Kubernetes: the cluster is asked whether it would take the objects before it is given them; then the new pods
 * are watched. Where they do not come up, what stood there before is put back, or what was made is taken away.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Applied, Conduct, Order } from '../deploy.ts';
import { shaped, text } from '../flags.ts';
import { Kubectl } from './kubectl.ts';
import type { Settings } from './settings.ts';
import { troubleOf } from './trouble.ts';

/** What is applied, and how it is seen that it works. */
export interface Application {
  readonly kind: 'deployment' | 'inferenceservice';
  /** Labels of its pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Its own objects, as a YAML stream: they go where it goes. */
  readonly manifests: string;
  /** Objects that others use as well, as a YAML stream. */
  readonly shared: string;
}

const FIELD_MANAGER = 'weighlock';

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
  const before = await kubectl.get(kind, name, namespace);
  requireOurs(before, `${kind} ${namespace}/${name}`);
  const send = [
    'apply',
    '--server-side',
    '--validate=false',
    `--field-manager=${FIELD_MANAGER}`,
    '--filename',
    '-',
  ];
  const input = `${shared}${manifests}`;
  await kubectl.run([...send, '--dry-run=server'], { input });
  conduct.tell('the cluster would take the objects');
  await kubectl.run(send, { input });
  conduct.tell(`applied; waiting up to ${startSeconds} s for the new pods to answer`);
  const seconds = startSeconds + PATIENCE_SECONDS;
  const timeoutMs = (seconds + PATIENCE_SECONDS) * 1000;
  try {
    await kubectl.run(watching(application, settings, seconds), { timeoutMs, signal: conduct.signal });
  } catch (error) {
    if (!(error instanceof WeighlockError) || conduct.signal.aborted) throw error;
    throw await goBack(kubectl, work, { before, error });
  }
  return {
    lines: [
      {
        label: 'answers',
        text: `${kind} ${namespace}/${name}${before ? ', in the place of what stood there' : ''}`,
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

function requireOurs(before: Record<string, unknown> | undefined, named: string): void {
  if (!before) return;
  const { labels } = (before.metadata ?? {}) as { labels?: Record<string, unknown> };
  if (labels?.['app.kubernetes.io/managed-by'] === FIELD_MANAGER) return;
  throw new WeighlockError('WL_DEPLOY_EXISTS', `${named} is there, and was not made by Weighlock`);
}

/** The error to be thrown: what happened, and what runs now. */
async function goBack(
  kubectl: Kubectl,
  { settings, application }: Work,
  { before, error }: { readonly before: Record<string, unknown> | undefined; readonly error: WeighlockError },
): Promise<WeighlockError> {
  const { name, namespace } = settings;
  const { kind, podLabels, manifests } = application;
  const trouble = await troubleOf(kubectl, { namespace, podLabels }).catch(() => undefined);
  const happened = trouble ?? error.message;
  try {
    if (before) {
      const { annotations } = (before.metadata ?? {}) as { annotations?: unknown };
      const patch = [
        { op: 'replace', path: '/spec', value: before.spec },
        { op: 'add', path: '/metadata/annotations', value: annotations ?? {} },
      ];
      const at = [`${kind}/${name}`, '--namespace', namespace];
      await kubectl.run(['patch', ...at, '--type=json', '--patch', JSON.stringify(patch)]);
    } else
      await kubectl.run(['delete', '--ignore-not-found', '--wait=false', '--filename', '-'], {
        input: manifests,
      });
  } catch (failed) {
    const why = failed instanceof WeighlockError ? failed.message : String(failed);
    return new WeighlockError('WL_DEPLOY_FAILED', `${happened}; going back failed, too: ${why}`, {
      cause: error,
    });
  }
  const now = before
    ? 'what stood there before was put back, and its pods answered all the while'
    : 'what was made was taken away again';
  return new WeighlockError('WL_DEPLOY_FAILED', `${happened}; ${now}`, { cause: error });
}
