/** `weighlock gc`: removes what runs left behind and nobody waits for. */
import { Command } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { type Garbage, garbage } from '../lifecycle/gc.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { bytesInWords, labelled, plural, table } from './terminal.ts';
import type { Wire } from './wire.ts';

interface GcFlags {
  readonly olderThan: string;
  readonly dryRun?: boolean;
}

const HOUR_MS = 3_600_000;
/** An admission of the largest models over a slow line takes less. */
const OLDER_THAN_DEFAULT = '24h';

export function gcCommand(run: Run): Command {
  return new Command('gc')
    .description('remove staging, uploads and objects that runs left behind and nobody waits for')
    .option(
      '--older-than <time>',
      'leave alone what was touched since, for example 90m, 24h, 7d',
      OLDER_THAN_DEFAULT,
    )
    .option('--dry-run', 'list what would go, and remove nothing')
    .addHelpText('after', '\nWhat is published, held or on record never goes.')
    .action((flags: GcFlags) => run({ ...flags }, (wire) => runGc(wire, flags)));
}

async function runGc(wire: Wire, flags: GcFlags): Promise<Outcome> {
  const before = new Date(wire.clock.now() - readTime(flags.olderThan));
  const gate = await wire.gate();
  const gone: Garbage[] = [];
  for await (const item of garbage(gate, { before })) {
    if (flags.dryRun || (await item.remove()) === 'removed') gone.push(item);
  }
  const sizeBytes = gone.reduce((sum, item) => sum + item.sizeBytes, 0);
  const label = flags.dryRun ? 'would go' : 'removed';
  const rows = gone.map(({ kind, name, sizeBytes }) => [kind, bytesInWords(sizeBytes), name]);
  return {
    exit: EXIT.done,
    json: {
      dryRun: flags.dryRun === true,
      removed: gone.map(({ kind, name, sizeBytes }) => ({ kind, name, sizeBytes })),
      sizeBytes,
    },
    text:
      gone.length === 0
        ? labelled('clean', `nothing older than ${flags.olderThan} is left behind`)
        : `${table(['WHAT', 'BYTES', 'NAME'], rows)}${labelled(label, `${plural(gone.length, 'item')}, ${bytesInWords(sizeBytes)}`)}`,
  };
}

/** Milliseconds of `90m`, `24h`, `7d`. */
function readTime(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,6})(m|h|d)$/.exec(text) ?? [];
  if (number === '') throw new WeighlockError('WL_USAGE', `--older-than takes 90m, 24h or 7d, not "${text}"`);
  const hours = { m: 1 / 60, h: 1, d: 24 }[unit as 'm' | 'h' | 'd'];
  return Number(number) * hours * HOUR_MS;
}
