/** One workload against the statement that says how it was deployed. */
import type { DeploymentBody } from '../attest/statement.ts';
import type { Place } from '../posture/bucket/place.ts';
import { remoteCode } from '../posture/endpoints/environment.ts';
import type { Difference } from './drift.ts';
import { readsHub, type Served, servedBy } from './served.ts';
import type { Workload, WorkloadContainer } from './workload.ts';

/** Variables whose values are for nobody to see. */
const SECRET = /TOKEN|SECRET|PASSWORD|CREDENTIAL|API_?KEY|ACCESS_?KEY/i;
/** What a plan writes in place of a value that comes from a secret. */
const FROM_SECRET = '(from a secret)';
/** Variables that decide which bytes are read, from where, and what may run of them. */
const DECISIVE =
  /^(HF_|HUGGING|OPTION_|SM_|VLLM_|TRANSFORMERS_|MODEL|STORAGE_|AWS_|HTTPS?_PROXY|PYTHON|LD_|.*REMOTE_CODE)/i;
const VALUE_CHARS_MAX = 120;

export function compare(body: DeploymentBody, workload: Workload, place: Place | undefined): Difference[] {
  const [server] = workload.containers;
  return [
    ...workload.unread.map((said): Difference => ({ kind: 'unread', said })),
    ...revisions(body, workload, servedBy(workload, place)),
    ...(server ? variables(body, server) : []),
    ...references(body, workload),
    ...code(body, workload),
    ...images(body, workload),
    ...isolation(body, workload),
  ];
}

function* revisions(
  body: DeploymentBody,
  { unread }: Workload,
  served: readonly Served[],
): Iterable<Difference> {
  const wanted = `${body.model}@${body.commit}`;
  // It has its model from where nobody looked: a folder, a volume, an image. Where not all was read, that is said already.
  if (served.length === 0 && unread.length === 0)
    yield { kind: 'revision', said: `nothing in it names ${wanted}` };
  for (const one of served) {
    if (one.kind === 'revision') {
      const { model, commit } = one.id;
      if (model !== body.model || commit !== body.commit)
        yield { kind: 'revision', said: `it serves ${model}@${commit.slice(0, 12)} (${one.from})` };
    } else if (one.kind === 'other') {
      if (body.origin.route !== 'vault' || one.from !== body.origin.uri)
        yield { kind: 'revision', said: `it reads ${one.from}, which is no revision of the vault` };
    } else {
      if (one.name !== body.model || one.revision !== body.commit)
        yield { kind: 'revision', said: `it serves ${one.name}@${one.revision ?? 'main'}, not ${wanted}` };
      if (body.origin.route === 'vault' && readsHub(one))
        yield { kind: 'hub', said: `it reads ${one.name} from the Hub` };
    }
  }
}

function* variables(
  { environment: recorded }: DeploymentBody,
  { environment: running, referred }: WorkloadContainer,
): Iterable<Difference> {
  for (const [name, value] of Object.entries(recorded)) {
    const now = Object.hasOwn(running, name) ? running[name] : undefined;
    if (value === FROM_SECRET || now === value) continue;
    yield {
      kind: 'environment',
      said:
        now === undefined
          ? `${name} ${referred.includes(name) ? 'comes from elsewhere' : 'is not set'}`
          : `${name}=${shown(name, now)} instead of ${shown(name, value)}`,
    };
  }
  for (const [name, value] of Object.entries(running))
    if (
      !Object.hasOwn(recorded, name) &&
      DECISIVE.test(name) &&
      !SECRET.test(name) &&
      !/^VLLM_CACHE_ROOT$/.test(name)
    )
      yield { kind: 'environment', said: `${name}=${shown(name, value)} was added` };
}

/** Values that the platform takes from a ConfigMap, a Secret or a field: only where a plan did so are they as recorded. */
function* references({ environment }: DeploymentBody, { containers }: Workload): Iterable<Difference> {
  for (const [i, { referred }] of containers.entries())
    for (const name of referred)
      if (i > 0 || !Object.hasOwn(environment, name))
        yield { kind: 'unread', said: `${name} comes from elsewhere (valueFrom), and is not read` };
}

function shown(name: string, value: string): string {
  if (SECRET.test(name)) return '(hidden)';
  return value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value;
}

/** Code that the record knows of was asked for by name; any other was not. */
function* code(body: DeploymentBody, workload: Workload): Iterable<Difference> {
  const known = new Set(remoteCode(body.environment).map(({ variable, value }) => `${variable}=${value}`));
  for (const { environment, args } of workload.containers)
    for (const { variable, value } of remoteCode(environment, args))
      if (!known.has(`${variable}=${value}`))
        yield { kind: 'remote-code', said: `${variable}=${value}: code of the model may run` };
}

function* images(body: DeploymentBody, { containers: [server, ...others] }: Workload): Iterable<Difference> {
  const { image: recorded, otherImages = [] } = body;
  const isServer = (image: string) =>
    recorded !== null &&
    (image === recorded.name || (recorded.digest !== null && image.endsWith(`@${recorded.digest}`)));
  if (recorded !== null && server !== undefined && !isServer(server.image))
    yield { kind: 'image', said: `${server.image || 'an image without a name'} instead of ${recorded.name}` };
  const beside = new Set(others.map(({ image }) => image));
  for (const image of beside)
    if (image !== '' && !isServer(image) && !otherImages.includes(image))
      yield { kind: 'image', said: `${image} is beside it, and is not on record` };
  for (const image of otherImages)
    if (!beside.has(image)) yield { kind: 'image', said: `${image} is not beside it any more` };
}

function* isolation(body: DeploymentBody, { isolated }: Workload): Iterable<Difference> {
  if (!body.isolated || isolated === true) return;
  if (isolated === undefined)
    yield { kind: 'unread', said: 'whether it is kept from networks could not be found out' };
  else yield { kind: 'isolation', said: 'nothing keeps it from networks any more' };
}
