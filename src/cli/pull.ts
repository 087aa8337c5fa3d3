/** `weighlock pull`: copies a published revision to a directory, verified while it streams. */
import { Command } from 'commander';
import { EXIT } from '../base/errors.ts';
import { pull } from '../lifecycle/pull.ts';
import { copyProofPath } from '../registry/copy-proof.ts';
import type { Run } from './main.ts';
import { watching } from './progress.ts';
import { parseModelTarget } from './target.ts';
import { bytesInWords, labelled, plural } from './terminal.ts';

export function pullCommand(run: Run): Command {
  return new Command('pull')
    .description('copy a published revision to a directory, verified while it streams')
    .argument('<model>', 'org/name, with @commit or @channel (default: the production channel)')
    .argument('<directory>', 'a new or empty folder')
    .action((model: string, directory: string, flags: Record<string, unknown>) =>
      run(flags, async (wire) => {
        const { model: name, revision } = parseModelTarget(model);
        const registry = await wire.registry();
        const { id, record } = await watching(wire.terminal, (onStart) =>
          pull(registry, { ...wire.config, model: name, revision, directory, onStart }),
        );
        const { files } = record.body.manifest;
        const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
        const proof = copyProofPath(directory);
        return {
          exit: EXIT.done,
          json: { model: id.model, commit: id.commit, directory, proof, files },
          text:
            labelled(
              'pulled',
              `${id.model}@${id.commit.slice(0, 12)}   ${plural(files.length, 'file')}, ${bytesInWords(bytes)}, every byte verified`,
            ) +
            labelled('proof', proof) +
            labelled('next', `weighlock verify ${slashed(directory)} --expect ${id.model}@${id.commit}`),
        };
      }),
    );
}

/** As a path that the command line takes for one. */
function slashed(directory: string): string {
  return /^(\/|\.\/|\.\.\/)/.test(directory) ? directory : `./${directory}`;
}
