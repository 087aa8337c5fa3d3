/** The tables of the gateway's bench, and which targets were reached. */
import { markdown } from '../report.ts';
import type { DownloadResult } from './download.ts';
import type { MemoryResult } from './memory.ts';
import type { MetadataResult } from './metadata.ts';
import type { StartUpResult } from './start-up.ts';

export interface GatewayReport {
  readonly metadata?: readonly MetadataResult[];
  readonly start?: readonly StartUpResult[];
  readonly download?: readonly DownloadResult[];
  readonly memory?: readonly MemoryResult[];
}

const OLAH_TIMES_MIN = 10;
const NGINX_SHARE_MIN = 0.25;
const P99_MS_MAX = 10;
const START_MS_MAX = 1_000;
const DOWNLOAD_SHARE_MIN = 0.95;
/** Growth from the first half of the reading to the second that is noise. */
const FLAT_SHARE_MAX = 1.1;

export function gatewayTables(report: GatewayReport, sizeBytes: number): string {
  return [
    report.metadata && metadataTable(report.metadata),
    report.start && startTable(report.start),
    report.download && downloadTable(report.download, sizeBytes),
    report.memory && memoryTable(report.memory),
    targets(report),
  ]
    .filter((table) => table)
    .join('\n');
}

function metadataTable(results: readonly MetadataResult[]): string {
  const head = [
    'metadata, one core',
    'revisions',
    'answers/s',
    'a CPU second',
    'core busy',
    'generator busy',
    'p50 ms at 1,000/s',
    'p99',
    'p99.9',
    'first time, answers/s',
  ];
  const rows = results.map(({ server, revisions, most, atRate, firstTime }) => [
    server,
    revisions.toLocaleString('en'),
    Math.round(most.perSecond).toLocaleString('en'),
    Math.round(most.perSecond / most.serverBusy).toLocaleString('en'),
    percent(most.serverBusy),
    percent(most.generatorBusy),
    atRate?.p50Ms.toFixed(2) ?? '',
    atRate?.p99Ms.toFixed(2) ?? '',
    atRate?.p999Ms.toFixed(2) ?? '',
    firstTime ? Math.round(firstTime.perSecond).toLocaleString('en') : '',
  ]);
  return markdown([head, ...rows]);
}

function startTable(results: readonly StartUpResult[]): string {
  const head = ['start-up', 'to ready, ms', 'to a model’s info, ms', 'memory, MB'];
  const rows = results.map(({ revisions, readyMs, infoMs, residentBytes }) => [
    `${revisions.toLocaleString('en')} revisions`,
    readyMs.toFixed(0),
    infoMs.toFixed(0),
    megabytes(residentBytes),
  ]);
  return markdown([head, ...rows]);
}

const DOWNLOADS = {
  weighlock: 'the gateway, files from the bucket',
  nginx: 'nginx, files of its own',
  store: 'nginx, files from the bucket',
} as const;

function downloadTable(results: readonly DownloadResult[], sizeBytes: number): string {
  const head = [
    `hf download, ${(sizeBytes / 1e9).toFixed(1)} GB`,
    'wall s',
    'MB/s',
    'client CPU s',
    'of nginx',
  ];
  const nginx = results.find(({ server }) => server === 'nginx');
  const rows = results.map(({ server, seconds, cpuSeconds }) => [
    DOWNLOADS[server],
    seconds.toFixed(1),
    (sizeBytes / 1e6 / seconds).toFixed(0),
    cpuSeconds.toFixed(1),
    nginx ? percent(nginx.seconds / seconds) : '',
  ]);
  return markdown([head, ...rows]);
}

function memoryTable(results: readonly MemoryResult[]): string {
  const head = ['memory, MB', 'clients', 'ready', 'read, MB', 'before', 'first half', 'second half', 'after'];
  const rows = results.map((result) => [
    result.vault,
    `${result.reading} of ${result.clients}`,
    percent(result.readyShare),
    ...[
      result.bytes,
      result.beforeBytes,
      result.firstHalfBytes,
      result.secondHalfBytes,
      result.afterBytes,
    ].map(megabytes),
  ]);
  return markdown([head, ...rows]);
}

/** What was to be reached, beside what was. */
function targets({ metadata = [], start = [], download = [], memory = [] }: GatewayReport): string {
  const rows: string[][] = [['target', 'to reach', 'measured', '']];
  const add = (what: string, wanted: string, measured: string, reached: boolean) =>
    rows.push([what, wanted, measured, reached ? 'reached' : 'missed']);
  const ours = metadata.filter(({ server }) => server === 'weighlock');
  const least = Math.min(...ours.map(({ most }) => most.perSecond));
  const of = (name: string) => metadata.find(({ server }) => server === name)?.most.perSecond;
  const olah = of('olah');
  if (olah)
    add(
      'against olah',
      `≥ ${OLAH_TIMES_MIN} ×`,
      `${(least / olah).toFixed(0)} ×`,
      least / olah >= OLAH_TIMES_MIN,
    );
  const nginx = of('nginx');
  if (nginx)
    add(
      'of nginx',
      `≥ ${percent(NGINX_SHARE_MIN)}`,
      percent(least / nginx),
      least / nginx >= NGINX_SHARE_MIN,
    );
  if (ours.length > 0) {
    const p99Ms = Math.max(...ours.map(({ atRate }) => atRate?.p99Ms ?? 0));
    add('p99 at 1,000/s', `< ${P99_MS_MAX} ms`, `${p99Ms.toFixed(1)} ms`, p99Ms < P99_MS_MAX);
  }
  const slowest = start.at(-1);
  if (slowest)
    add('start-up', `< ${START_MS_MAX} ms`, `${slowest.infoMs.toFixed(0)} ms`, slowest.infoMs < START_MS_MAX);
  const seconds = (name: string) => download.find(({ server }) => server === name)?.seconds ?? Number.NaN;
  const share = seconds('nginx') / seconds('weighlock');
  if (download.length > 0)
    add(
      'download, of nginx',
      `≥ ${percent(DOWNLOAD_SHARE_MIN)}`,
      percent(share),
      share >= DOWNLOAD_SHARE_MIN,
    );
  for (const { vault, firstHalfBytes, secondHalfBytes, reading, clients } of memory) {
    add(`clients served, ${vault}`, `${clients}`, `${reading}`, reading === clients);
    const growth = secondHalfBytes / firstHalfBytes;
    add(`memory, ${vault}`, 'flat', `${growth.toFixed(2)} × in the second half`, growth <= FLAT_SHARE_MAX);
  }
  return markdown(rows);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
