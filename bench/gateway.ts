/**
 * `npm run bench -- gateway`: what reads from the vault, on a core of its own, whoever asks on another
 *
 *   metadata  answers a second, and how long they take at 1,000 a second, with few and with very many revisions, beside
 *             nginx with the same bytes as files, and olah from its cache
 *   start     from the command to the first answers
 *   download  `hf download` through the gateway over a bucket, and from nginx
 *   memory    while 500 slow clients read
 */
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compile } from './contestant.ts';
import { benchDownload } from './gateway/download.ts';
import { benchMemory } from './gateway/memory.ts';
import { benchMetadata } from './gateway/metadata.ts';
import { withPublished } from './gateway/published.ts';
import { type GatewayReport, gatewayTables } from './gateway/report.ts';
import { PARTS, type Stage } from './gateway/stage.ts';
import { benchStartUp } from './gateway/start-up.ts';
import { buildPackage } from './programs.ts';
import { machine, machineLine, sizeFrom } from './report.ts';
import { storeKind } from './s3-store.ts';
import { scratch } from './scratch.ts';

const FULL = { revisions: [10, 1_000, 100_000], seconds: 15, slowSeconds: 60, gb: '4' } as const;
const QUICK = { revisions: [10, 1_000], seconds: 3, slowSeconds: 10, gb: '0.5' } as const;

export async function benchGateway(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      gb: { type: 'string' },
      work: { type: 'string', default: os.tmpdir() },
      server: { type: 'string', default: 'minio' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  // Before this process keeps to one core.
  const about = machine();
  const setting = values.quick ? QUICK : FULL;
  const sizeBytes = sizeFrom(values.gb ?? setting.gb);
  const kind = storeKind(values.server);
  const wanted = new Set(values.only?.split(',') ?? PARTS);
  using work = scratch(values.work, 'gateway');
  const folder = work.path;
  const stage: Stage = {
    ...{ folder, sizeBytes, seconds: setting.seconds, slowSeconds: setting.slowSeconds },
    kept: path.join(values.work, 'weighlock-bench-gateway'),
    revisions: setting.revisions,
    program: buildPackage(path.join(folder, 'package')),
    load: compile('load', folder),
    meter: compile('measure', folder),
  };
  let report: GatewayReport = {};
  if (wanted.has('metadata')) report = { ...report, metadata: await benchMetadata(stage) };
  if (wanted.has('start')) report = { ...report, start: await benchStartUp(stage) };
  if (wanted.has('download') || wanted.has('memory')) {
    report = await withPublished(stage, kind, async (published) => ({
      ...report,
      ...(wanted.has('download') && { download: await benchDownload(stage, published) }),
      ...(wanted.has('memory') && { memory: await benchMemory(stage, published) }),
    }));
  }
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ sizeBytes, store: kind, machine: about, ...report }, null, 2)}\n`
      : `${machineLine(sizeBytes, about)}, ${kind}\n\n${gatewayTables(report, sizeBytes)}`,
  );
}
