/**
 * Writes down what prowler says of the buckets that the posture's test weakens: `node scripts/prowler-record.ts` makes
 * them all in moto, runs prowler over the account once, and writes test/posture/prowler.json. Needs
 * `scripts/peers.sh s3 prowler`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REGION, startMoto } from '../test/posture/moto.ts';
import { PROWLER_CHECKS, PROWLER_RECORD, type ProwlerRecord } from '../test/posture/prowler.ts';
import { clientsOf, keyOf, soundBucket, WEAKNESSES } from '../test/posture/weaknesses.ts';

const PROWLER = path.resolve(import.meta.dirname, '../.peers/prowler/bin/prowler');

interface OcsfFinding {
  readonly status_code: string;
  readonly metadata: { readonly event_code: string; readonly product: { readonly version: string } };
  readonly resources: readonly { readonly uid: string; readonly name: string }[];
}

const moto = await startMoto();
const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-prowler-'));
try {
  const account = clientsOf(moto);
  const places = new Map<string, { readonly bucket: string; readonly key: string }>();
  const cases = [
    ['sound', async () => undefined] as const,
    ...Object.entries(WEAKNESSES).map(([title, { weaken }]) => [title, weaken] as const),
  ];
  for (const [i, [title, weaken]] of cases.entries()) {
    const bucket = `weak-models-${i}`;
    await soundBucket(account, bucket);
    const key = await keyOf(account, bucket);
    await weaken(account, bucket);
    places.set(title, { bucket, key });
  }
  const findings = await prowler();
  const record: ProwlerRecord = {
    prowler: findings[0]?.metadata.product.version ?? '',
    says: Object.fromEntries([...places].map(([title, place]) => [title, said(findings, place)])),
  };
  writeFileSync(PROWLER_RECORD, `${JSON.stringify(record, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
  await moto.close();
}

async function prowler(): Promise<OcsfFinding[]> {
  const checks = Object.keys(PROWLER_CHECKS);
  const child = spawn(
    PROWLER,
    [
      'aws',
      '--checks',
      ...checks,
      '--region',
      REGION,
      '-M',
      'json-ocsf',
      '-o',
      folder,
      '-F',
      'record',
      '--no-banner',
    ],
    {
      env: { ...process.env, ...moto.environment, AWS_DEFAULT_REGION: REGION },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  await once(child, 'exit');
  const file = readdirSync(folder).find((name) => name.endsWith('.ocsf.json'));
  if (file === undefined) throw new Error('prowler wrote nothing');
  return JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as OcsfFinding[];
}

function said(
  findings: readonly OcsfFinding[],
  { bucket, key }: { readonly bucket: string; readonly key: string },
): Record<string, string> {
  const mine = findings.filter(({ resources }) =>
    resources.some(({ uid, name }) => name === bucket || uid === key || uid.endsWith(`:::${bucket}`)),
  );
  return Object.fromEntries(
    mine.map(({ metadata, status_code: status }) => [metadata.event_code, status] as const).sort(),
  );
}
