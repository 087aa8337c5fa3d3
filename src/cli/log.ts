/** `weighlock log`: the transparency log of all decisions. */
import { Command } from 'commander';
import { type LogEntry, openEntry } from '../attest/entry.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { LogReader } from '../log/reader.ts';
import { auditVaultLog } from '../registry/verify-vault.ts';
import { LOG_PREFIX } from '../vault/layout.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { labelled, plural, table } from './terminal.ts';
import type { Wire } from './wire.ts';

/** Entries that `log show` prints unless told otherwise. */
const SHOWN = 50;

export function logCommand(run: Run): Command {
  const command = new Command('log').description('the transparency log of all decisions');
  command
    .command('show')
    .description('list the latest entries')
    .option('--last <n>', `how many (default: ${SHOWN})`)
    .action((flags: { last?: string }) =>
      run({ ...flags }, (wire) => show(wire, Number(flags.last ?? SHOWN))),
    );
  command
    .command('verify')
    .description('check every entry, tile and signature of the log, and that it extends what was seen before')
    .action((flags: Record<string, unknown>) => run(flags, verify));
  command
    .command('prove')
    .description('print the proof (c2sp.org/tlog-proof@v1) that a revision’s record is in the log')
    .argument('<model>', 'org/name, with @commit or @channel')
    .action((model: string, flags: Record<string, unknown>) => run(flags, (wire) => prove(wire, model)));
  return command;
}

async function show(wire: Wire, last: number): Promise<Outcome> {
  if (!Number.isInteger(last) || last < 1)
    throw new WeighlockError('WL_USAGE', '--last takes a whole number from 1');
  const registry = await wire.registry();
  const { size, root } = await registry.checkpoint();
  const entries = [];
  for await (const { index, entry } of new LogReader(registry.logFiles).entries(
    Math.max(0, size - last),
    size,
    size,
  )) {
    entries.push({ index, ...openEntry(entry, index) });
  }
  const rows = entries.map((e) => [
    String(e.index),
    e.type,
    'model' in e ? (e.model ?? '') : '',
    'commit' in e ? (e.commit?.slice(0, 12) ?? '') : '',
    e.type === 'record' ? String(e.number) : '',
    detailOf(e),
  ]);
  return {
    exit: EXIT.done,
    json: { origin: registry.trust.origin, size, root: root.toString('base64'), entries },
    text: `${table(['ENTRY', 'TYPE', 'MODEL', 'REVISION', 'NUMBER', 'DETAIL'], rows)}\n${labelled('log', `${registry.trust.origin}, ${plural(size, 'log entry', 'log entries')}, root ${root.toString('base64')}`)}`,
  };
}

/** What an entry says beside the revision that it is about. */
function detailOf(entry: LogEntry): string {
  switch (entry.type) {
    case 'record':
      return entry.verdict;
    case 'channel':
      return entry.channel;
    case 'revocation':
      return entry.sha256 ? `sha256:${entry.sha256.slice(0, 12)}` : '';
    default:
      return '';
  }
}

async function verify(wire: Wire): Promise<Outcome> {
  const registry = await wire.registry();
  await registry.state('accept');
  const head = await registry.checkpoint();
  const problems = (await auditVaultLog(registry, head)).map(({ name, problem }) => ({
    object: `${LOG_PREFIX}${name}`,
    problem,
  }));
  const good = problems.length === 0;
  return {
    exit: good ? EXIT.done : EXIT.refused,
    json: { verified: good, size: head.size, root: head.root.toString('base64'), problems },
    text: good
      ? labelled(
          'verified',
          `${plural(head.size, 'log entry', 'log entries')}, root ${head.root.toString('base64')}`,
        )
      : problems.map(({ object, problem }) => labelled('failed', `${object} ${problem}`)).join(''),
  };
}

async function prove(wire: Wire, model: string): Promise<Outcome> {
  const target = parseModelTarget(model);
  const registry = await wire.registry();
  const { id, entry } = await registry.resolve(target.model, target.revision);
  const proof = Buffer.from(await registry.proof(id, entry.number)).toString('utf8');
  return {
    exit: EXIT.done,
    json: { model: id.model, commit: id.commit, logIndex: entry.logIndex, proof },
    text: proof,
  };
}
