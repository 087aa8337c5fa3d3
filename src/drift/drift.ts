/**
 * Drift: what runs, held against what is on record.
 *
 * A *deployment* is a statement in the vault (registry/deployments.ts). A *workload* is what a platform says runs: an
 * endpoint of SageMaker, a Deployment or an InferenceService of Kubernetes. A *difference* is one thing in which a
 * workload is not what its deployment says, or in which what it serves is no longer what was admitted: its revision, its
 * bytes in the vault, its variables, its image, its isolation, its verdict. A *stranger* is a workload that serves models
 * without a deployment. What could not be read is a difference of its own kind, never an agreement.
 */
import type { Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Place } from '../posture/bucket/place.ts';
import { remoteCode } from '../posture/endpoints/environment.ts';
import { deployments, type RecordedDeployment } from '../registry/deployments.ts';
import type { Registry } from '../registry/registry.ts';
import { verifyRevision } from '../registry/verify-revision.ts';
import type { RevisionId } from '../vault/layout.ts';
import { changedSince } from './bytes.ts';
import { compare } from './compare.ts';
import { readsHub, servedBy } from './served.ts';
import type { Found, Workload } from './workload.ts';

export type DifferenceKind =
  | 'revision'
  | 'bytes'
  | 'verdict'
  | 'environment'
  | 'remote-code'
  | 'isolation'
  | 'image'
  | 'hub'
  | 'gone'
  | 'stranger'
  | 'unread';

export interface Difference {
  readonly kind: DifferenceKind;
  readonly said: string;
}

/** One place: what is on record for it, and in what it differs. */
export interface DriftRow {
  readonly target: string;
  readonly place: string;
  readonly model?: string;
  readonly commit?: string;
  readonly standing: 'as recorded' | 'drifted' | 'stranger' | 'not looked at';
  readonly differences: readonly Difference[];
}

export interface DriftReport {
  readonly rows: readonly DriftRow[];
  /** What no look could see. */
  readonly unread: readonly string[];
}

/** Throws what makes the vault's state unbelievable. */
export async function drift(
  registry: Registry,
  found: readonly Found[],
  place: Place | undefined,
): Promise<DriftReport> {
  const recorded = await deployments(registry);
  const standing = new Standing(registry);
  const rows: DriftRow[] = [];
  for (const deployment of recorded) rows.push(await ofDeployment(deployment, { found, standing, place }));
  const known = new Set(recorded.map(({ body }) => placeKey(body.place)));
  for (const look of found)
    for (const workload of look.workloads)
      if (!known.has(placeKey(workload.place))) rows.push(...(await ofStranger(workload, standing, place)));
  return { rows, unread: found.flatMap(({ unread }) => unread) };
}

/** Whether anything is not as recorded, or not known to be. */
export function hasDrifted({ rows, unread }: DriftReport): 'drifted' | 'not known' | 'as recorded' {
  if (rows.some(({ differences }) => differences.some(({ kind }) => kind !== 'unread'))) return 'drifted';
  const open =
    unread.length > 0 ||
    rows.some(({ standing: s, differences }) => s === 'not looked at' || differences.length > 0);
  return open ? 'not known' : 'as recorded';
}

/** SageMaker spells the name of an endpoint in its ARN in lower case. */
function placeKey(place: string): string {
  return place.startsWith('arn:') ? place.toLowerCase() : place;
}

interface Around {
  readonly found: readonly Found[];
  readonly standing: Standing;
  readonly place: Place | undefined;
}

async function ofDeployment(
  { body }: RecordedDeployment,
  { found, standing, place }: Around,
): Promise<DriftRow> {
  const id = { model: body.model, commit: body.commit } as RevisionId;
  const { origin } = body;
  const differences = origin.route === 'vault' ? [...(await standing.of(id))] : [];
  if (origin.route === 'vault' && differences.length === 0)
    differences.push(...(await standing.manifestSince(id, origin.manifest)));
  const at = { target: body.target, place: body.place, model: body.model, commit: body.commit };
  const looks = found.filter(
    ({ targets, placesFrom }) => targets.includes(body.target) && body.place.startsWith(placesFrom),
  );
  const workload = looks
    .flatMap(({ workloads }) => workloads)
    .find((one) => placeKey(one.place) === placeKey(body.place));
  if (workload !== undefined) differences.push(...compare(body, workload, place));
  else if (looks.length > 0 && looks.every(({ unread }) => unread.length === 0))
    differences.push({
      kind: 'gone',
      said: 'nothing runs there any more: weighlock deploy end records that',
    });
  const looked = (workload !== undefined || looks.length > 0) && differences.length === 0;
  const drifted = differences.some(({ kind }) => kind !== 'unread');
  return {
    ...at,
    standing: drifted ? 'drifted' : looked ? 'as recorded' : 'not looked at',
    differences,
  };
}

/** What serves models and is not on record; a workload without any sign of a model is none of ours. */
async function ofStranger(
  workload: Workload,
  standing: Standing,
  place: Place | undefined,
): Promise<DriftRow[]> {
  const { target, place: where, containers, unread } = workload;
  const served = servedBy(workload, place);
  const code = containers.flatMap(({ environment, args }) => remoteCode(environment, args));
  if (served.length === 0 && code.length === 0 && target !== 'sagemaker') return [];
  const differences: Difference[] = [
    { kind: 'stranger', said: `no deployment is on record for it${sentenceOf(workload)}` },
    ...unread.map((said): Difference => ({ kind: 'unread', said })),
    ...code.map(({ variable, value }): Difference => ({ kind: 'remote-code', said: `${variable}=${value}` })),
  ];
  let revision: RevisionId | undefined;
  for (const one of served) {
    if (one.kind === 'revision') {
      revision = one.id;
      differences.push(...(await standing.of(one.id)));
    } else if (readsHub(one) && one.kind === 'hub') {
      differences.push({ kind: 'hub', said: `it reads ${one.name} from the Hub, ${pinOf(one.revision)}` });
    } else if (one.kind === 'other')
      differences.push({ kind: 'revision', said: `${one.from} is no revision of the vault` });
  }
  return [{ target, place: where, ...revision, standing: 'stranger', differences }];
}

function sentenceOf({ containers }: Workload): string {
  const [first] = containers;
  return first === undefined || first.image === '' ? '' : `; it runs ${first.image}`;
}

function pinOf(revision: string | undefined): string {
  if (revision === undefined) return 'whatever main is at its next start';
  return /^[0-9a-f]{40}$/.test(revision) ? `at ${revision.slice(0, 12)}` : `whatever ${revision} is then`;
}

/** How revisions stand now: looked at once each. */
class Standing {
  readonly #registry: Registry;
  readonly #known = new Map<string, readonly Difference[]>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async of(id: RevisionId): Promise<readonly Difference[]> {
    const name = `${id.model}@${id.commit}`;
    const known = this.#known.get(name) ?? (await this.#look(id));
    this.#known.set(name, known);
    return known;
  }

  /** What was recorded since may hold more files than what was deployed. Only for a revision that stands. */
  async manifestSince(id: RevisionId, deployed: Sha256): Promise<Difference[]> {
    const { entry } = await this.#registry.published(id.model, id.commit);
    const { manifestDigest } = await this.#registry.record(id, entry.number, entry.record);
    if (manifestDigest === deployed) return [];
    const said = `record ${entry.number} has manifest ${manifestDigest.slice(0, 12)}, and ${deployed.slice(0, 12)} was deployed`;
    return [{ kind: 'bytes', said }];
  }

  async #look(id: RevisionId): Promise<readonly Difference[]> {
    const wanted = { model: id.model, revision: id.commit };
    try {
      const { verification } = await verifyRevision(this.#registry, wanted, { depth: 'list' });
      const wrong = verification.problems.map(
        ({ object, problem }): Difference => ({ kind: 'bytes', said: `${object} ${problem}` }),
      );
      return [...wrong, ...(await changedSince(this.#registry, id))];
    } catch (error) {
      if (!(error instanceof WeighlockError)) throw error;
      const open = error.code === 'WL_VAULT_UNAVAILABLE' || error.code === 'WL_VAULT_DENIED';
      return [{ kind: open ? 'unread' : 'verdict', said: error.message }];
    }
  }
}
