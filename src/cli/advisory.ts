/** `weighlock advisory`: shows and updates what is known of weaknesses in loaders. */
import path from 'node:path';
import { Command } from 'commander';
import { EXIT } from '../base/errors.ts';
import { concerns, versionsOf } from '../scan/advisories.ts';
import { advisoriesInForce, type InForce, installAdvisories, loaderOf } from './advice.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled, plural, table } from './terminal.ts';

export function advisoryCommand(run: Run): Command {
  const command = new Command('advisory').description(
    'known weaknesses of loaders: which are known, and newer ones',
  );
  command
    .command('list')
    .description('list the advisories in force, and say which file they are from')
    .option('--loader <name>', 'only those that concern this loader, or what it brings: vllm, vllm@0.9')
    .action((flags: { readonly loader?: string }) =>
      run({ ...flags }, async (wire) => list(advisoriesInForce(wire.home), flags.loader)),
    );
  command
    .command('update')
    .description('put a newer file of advisories into force on this machine')
    .argument('<file>', 'the file, as it is released')
    .action((file: string, flags: Record<string, unknown>) =>
      run(flags, async (wire) => updated(installAdvisories(wire.home, path.resolve(file)))),
    );
  return command;
}

function list({ file, from }: InForce, loader: string | undefined): Outcome {
  const wanted = loader === undefined ? undefined : loaderOf(loader, file);
  const advisories = file.advisories.filter(
    (advisory) => wanted === undefined || concerns(advisory, wanted, file.brings),
  );
  const rows = advisories.map((advisory) => [
    advisory.id,
    advisory.severity,
    versionsOf(advisory),
    advisory.uncertain
      ? `${advisory.summary} (not certain: ${advisory.note ?? 'see there'})`
      : advisory.summary,
  ]);
  return {
    exit: EXIT.done,
    json: { version: file.version, from, advisories },
    text: `${table(['ADVISORY', 'SEVERITY', 'CONCERNS', 'WHAT'], rows)}\n${labelled('in force', `version ${file.version}, ${plural(file.advisories.length, 'advisory', 'advisories')}, ${from}`)}`,
  };
}

function updated({ file, from }: InForce): Outcome {
  return {
    exit: EXIT.done,
    json: { version: file.version, from, advisories: file.advisories.length },
    text: labelled(
      'in force',
      `version ${file.version}, ${plural(file.advisories.length, 'advisory', 'advisories')}, ${from}`,
    ),
  };
}
