/** Tables of the benches with a bucket: what each contestant cost, and which targets were reached. */
import type { Cost, MeasuredStep } from './contestant.ts';
import { GIBIBYTE, markdown } from './report.ts';

export interface Result extends Cost {
  readonly contestant: string;
  readonly steps: readonly MeasuredStep[];
}

export function s3Table(sizeBytes: number, results: readonly Result[]): string {
  const floor = results.find(({ contestant }) => contestant === 'pass-through');
  const ours = results.find(({ contestant }) => contestant === 'weighlock');
  const head = [
    '',
    'wall s',
    'MB/s',
    'CPU s per GiB',
    'peak MB',
    'disk GB',
    'store CPU s per GiB',
    'of pass-through',
    'weighlock is',
  ];
  const perGibibyte = (seconds: number) => (seconds / (sizeBytes / GIBIBYTE)).toFixed(2);
  const row = (name: string, cost: Cost, { whole, store }: RowOptions): string[] => [
    name,
    cost.seconds.toFixed(1),
    (sizeBytes / 1e6 / cost.seconds).toFixed(0),
    perGibibyte(cost.user + cost.system),
    (cost.peakBytes / 1e6).toFixed(0),
    (cost.diskBytes / 1e9).toFixed(1),
    store === undefined ? '' : perGibibyte(store),
    whole && floor ? `${((100 * floor.seconds) / cost.seconds).toFixed(0)} %` : '',
    whole && ours && cost !== ours ? `${(cost.seconds / ours.seconds).toFixed(2)} × as fast` : '',
  ];
  const rows = results.flatMap((result) => [
    row(result.contestant, result, { whole: true, store: storeSeconds(result) }),
    ...(result.steps.length > 1 ? result.steps : []).map((step) =>
      row(`  ${step.name}`, step, { whole: false, store: step.storeSeconds }),
    ),
  ]);
  return markdown([head, ...rows]);
}

interface RowOptions {
  readonly whole: boolean;
  readonly store: number | undefined;
}

function storeSeconds({ steps }: Result): number {
  return steps.reduce((all, step) => all + (step.storeSeconds ?? 0), 0);
}

const FASTER_MIN = 4;
const OF_PASS_THROUGH_MIN = 0.7;
const PEAK_BYTES_MAX = 300e6;
/** Keys, the pinned trust file and what was seen of the vault are written; weights are not. */
const DISK_BYTES_MAX = 1e6;

/** What was to be reached on the way into a bucket, beside what was. */
export function s3Targets(results: readonly Result[]): string {
  const of = (name: string) => results.find(({ contestant }) => contestant === name);
  const ours = of('weighlock');
  if (!ours) return '';
  const today = of('today');
  const floor = of('pass-through');
  const rows: string[][] = [['target', 'to reach', 'measured', '']];
  const add = (what: string, wanted: string, measured: string, reached: boolean) =>
    rows.push([what, wanted, measured, reached ? 'reached' : 'missed']);
  if (today) {
    const ratio = today.seconds / ours.seconds;
    add('against today’s way', `≥ ${FASTER_MIN} ×`, `${ratio.toFixed(2)} ×`, ratio >= FASTER_MIN);
  }
  if (floor) {
    const ratio = floor.seconds / ours.seconds;
    const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
    add(
      'of the pass-through',
      `≥ ${percent(OF_PASS_THROUGH_MIN)}`,
      percent(ratio),
      ratio >= OF_PASS_THROUGH_MIN,
    );
  }
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 0)} MB`;
  add(
    'memory',
    `≤ ${megabytes(PEAK_BYTES_MAX)}`,
    megabytes(ours.peakBytes),
    ours.peakBytes <= PEAK_BYTES_MAX,
  );
  add('weights on the disk', 'none', megabytes(ours.diskBytes), ours.diskBytes <= DISK_BYTES_MAX);
  return markdown(rows);
}
