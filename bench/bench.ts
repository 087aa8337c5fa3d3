/** `npm run bench -- <name> [options]`: measurements side by side with what a user would run instead. */
import { benchAdmit } from './admit.ts';
import { benchGateway } from './gateway.ts';
import { benchPull } from './pull.ts';
import { benchRegistry } from './registry.ts';
import { benchS3 } from './s3.ts';
import { benchScan } from './scan.ts';
import { benchContest } from './scan-contest.ts';

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  admit: benchAdmit,
  s3: benchS3,
  pull: benchPull,
  gateway: benchGateway,
  scan: benchScan,
  contest: benchContest,
  registry: benchRegistry,
};

// Broken off, a bench ends as it always does: gigabytes in memory are given back.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const [name = '', ...args] = process.argv.slice(2);
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (!bench) {
  process.stderr.write(`which bench? ${Object.keys(BENCHES).join(', ')}\n`);
  process.exitCode = 64;
} else {
  await bench(args);
}
