/** The Hub's side of a comparison: what it says of the model now, and how fast it is from here. */
import type { Commit, ModelName } from '../base/name.ts';
import { isWeightsPath } from '../deploy/weights.ts';
import type { HubSource } from '../sources/hub.ts';
import type { HubActivity } from '../sources/hub-activity.ts';
import type { Publisher, SourceFile, SourceRevision } from '../sources/source.ts';
import type { Coverage } from './coverage.ts';
import { type Measurement, type MeasureOptions, measure, type Road, type WeightsFile } from './measure.ts';

export interface HubSide {
  readonly endpoint: string;
  readonly files: number;
  readonly weights: readonly WeightsFile[];
  readonly publisher: Publisher | undefined;
  readonly gated: boolean;
  readonly scan: 'safe' | 'unsafe' | 'unknown';
  readonly coverage: Coverage;
  readonly activity: HubActivity;
  /** Files of the newest commit that the compared one does not have, and their bytes. */
  readonly update: { readonly commit: Commit; readonly files: number; readonly bytes: number } | undefined;
  /** Whether a configuration names Python to be run, as the file names say: `.py` in the repo. */
  readonly pythonFiles: number;
  /** Weights of formats that can run code when they are loaded. */
  readonly pickledWeights: number;
  readonly measured: Measurement | undefined;
  /** Hosts that were asked, and requests that it took, all in all. */
  readonly hosts: readonly string[];
  readonly requests: number;
  /** Whether a token went along. */
  readonly authenticated: boolean;
}

export interface HubSideOptions {
  readonly open: () => HubSource;
  readonly model: ModelName;
  readonly commit: Commit | undefined;
  readonly now: number;
  /** Weights are measured of these, where the vault has made a choice; otherwise of all. */
  readonly only?: ReadonlySet<string> | undefined;
  readonly measuring: Omit<MeasureOptions, 'files'>;
}

/** Errors: as those of `HubSource`. */
export async function hubSide(options: HubSideOptions): Promise<{ commit: Commit; side: HubSide }> {
  const source = options.open();
  try {
    const newest = await source.resolve(options.model, undefined);
    const revision =
      options.commit === undefined || options.commit === newest.commit
        ? newest
        : await source.resolve(options.model, options.commit);
    const { commit } = revision;
    if (commit === undefined) throw new Error('a revision of the Hub has a commit');
    const activity = await source.activity({ model: options.model, commit, now: options.now });
    const weights = weightsOf(revision, options.only);
    const roads: Counted[] = [];
    const open = async () => {
      const road = hubRoad(options.open(), revision);
      roads.push(road);
      return road;
    };
    const measured = await measure(open, { ...options.measuring, files: weights });
    const all = [source, ...roads.map((road) => road.source)];
    return {
      commit,
      side: {
        ...standing(revision),
        weights,
        activity,
        update: updateOf(revision, newest),
        measured,
        hosts: [...new Set(all.flatMap(({ contacted }) => [...contacted]))].sort(),
        requests: all.reduce((sum, { requests }) => sum + requests, 0),
        authenticated: source.ticket.token !== undefined,
      },
    };
  } finally {
    await source.close();
  }
}

type Standing = Pick<
  HubSide,
  'endpoint' | 'files' | 'publisher' | 'gated' | 'scan' | 'coverage' | 'pythonFiles' | 'pickledWeights'
>;

function standing({ endpoint, files, publisher, gated, hubScan }: SourceRevision): Standing {
  const safe = hubScan?.safeFiles ?? 0;
  const against = hubScan?.status === 'unsafe' ? Math.max(1, againstIn(hubScan.raw)) : 0;
  return {
    endpoint,
    files: files.length,
    publisher,
    gated: gated ?? false,
    scan: hubScan?.status ?? 'unknown',
    coverage: { safe, against, unknown: Math.max(0, files.length - safe - against) },
    pythonFiles: files.filter(({ path }) => path.endsWith('.py')).length,
    pickledWeights: files.filter(({ path }) => /\.(bin|pt|pth|ckpt|pkl|pickle|joblib)$/.test(path)).length,
  };
}

const WARNINGS = new Set(['unsafe', 'suspicious', 'caution']);

/** How many files the Hub's raw status speaks against. */
function againstIn(raw: unknown): number {
  const notSafe = (raw as { readonly notSafe?: readonly unknown[] } | undefined)?.notSafe ?? [];
  return notSafe.filter((file) => {
    const status = (file as { readonly securityFileStatus?: { readonly status?: unknown } })
      .securityFileStatus?.status;
    return typeof status === 'string' && WARNINGS.has(status);
  }).length;
}

function weightsOf({ files }: SourceRevision, only: ReadonlySet<string> | undefined): readonly WeightsFile[] {
  return files
    .filter(({ path }) => isWeightsPath(path) && (only === undefined || only.has(path)))
    .map(({ path, sizeBytes }) => ({ path, sizeBytes }));
}

/** What a start from the newest commit would have to fetch anew. */
function updateOf(revision: SourceRevision, newest: SourceRevision): HubSide['update'] {
  if (newest.commit === undefined || newest.commit === revision.commit) return undefined;
  const there = new Set(revision.files.map(nameOf));
  const fresh = newest.files.filter((file) => !there.has(nameOf(file)));
  return {
    commit: newest.commit,
    files: fresh.length,
    bytes: fresh.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** Path and content: a file that was renamed is fetched anew by clients of the Hub. */
function nameOf({ path, declared, sizeBytes }: SourceFile): string {
  return `${path}\n${declared.kind === 'none' ? sizeBytes : declared.digest}`;
}

interface Counted extends Road {
  readonly source: HubSource;
}

function hubRoad(source: HubSource, revision: SourceRevision): Counted {
  const files = new Map(revision.files.map((file): [string, SourceFile] => [file.path, file]));
  return {
    source,
    read: (path, range, signal) => {
      const file = files.get(path);
      if (!file) throw new Error(`${path} is no file of the revision`);
      return source.read(revision, file, range, signal);
    },
    close: () => source.close(),
  };
}
