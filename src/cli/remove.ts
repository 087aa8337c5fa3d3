/** `weighlock remove`: takes the files of a revision out of the vault, by a logged statement. */
import { Command } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { planRemoval, type Removal, remove } from '../lifecycle/remove.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { bytesInWords, labelled, plural } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface RemoveFlags {
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export function removeCommand(run: Run): Command {
  return new Command('remove')
    .description('take the files of a revision out of the vault, by a logged statement; its records stay')
    .argument('<model@revision>', 'org/name@commit')
    .option('--reason <text>', 'why, for the log')
    .option('--dry-run', 'say what would go, and remove nothing')
    .addHelpText(
      'after',
      '\nExit codes: 0 removed · 77 a channel stands for it · 64 and up: see `weighlock --help`',
    )
    .action((model: string, flags: RemoveFlags) =>
      run({ ...flags }, (wire) => runRemove(wire, model, flags)),
    );
}

async function runRemove(wire: Wire, text: string, flags: RemoveFlags): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  if (revision === undefined)
    throw new WeighlockError('WL_USAGE', `say which revision of ${model} is to go: ${model}@<commit>`);
  const gate = await wire.gate();
  if (flags.dryRun) return outcome(await planRemoval(gate, { model, revision }), 'would go');
  if (!flags.reason) throw new WeighlockError('WL_USAGE', 'say why with --reason: it stands in the log');
  return outcome(await remove(gate, { model, revision, reason: flags.reason, tool: TOOL }), 'removed');
}

function outcome({ id, files, sizeBytes, logIndex }: Removal, label: 'removed' | 'would go'): Outcome {
  const logged = logIndex === undefined ? '' : `, log entry ${logIndex}`;
  return {
    exit: EXIT.done,
    json: { model: id.model, commit: id.commit, dryRun: label !== 'removed', files, sizeBytes, logIndex },
    text: labelled(
      label,
      `${id.model}@${id.commit.slice(0, 12)}   ${plural(files.length, 'file')}, ${bytesInWords(sizeBytes)}${logged}`,
    ),
  };
}
