/** `weighlock initialize`: what an init container runs, and KServe's storage initializer, whose arguments these are. */
import { Command } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { initialize } from '../lifecycle/initialize.ts';
import type { Run } from './main.ts';
import { watching } from './progress.ts';
import { parseModelTarget } from './target.ts';
import { labelled } from './terminal.ts';

const SCHEME = 'weighlock://';

export function initializeCommand(run: Run): Command {
  return new Command('initialize')
    .description('copy a published revision to a mount point, verified, for the container that starts next')
    .argument('<uri>', 'weighlock://org/name@commit')
    .argument('<directory>', 'the mount point: empty, or as an earlier start left it')
    .addHelpText(
      'after',
      '\nThe vault and the trust file come from WEIGHLOCK_VAULT and WEIGHLOCK_TRUST. Files that an earlier start left are\nhashed again; where something is wrong, no file of the model is left for a server to load.',
    )
    .action((uri: string, directory: string, flags: Record<string, unknown>) =>
      run(flags, async (wire) => {
        if (!uri.startsWith(SCHEME))
          throw new WeighlockError('WL_USAGE', `"${uri}" does not start with ${SCHEME}`);
        const { model, revision } = parseModelTarget(uri.slice(SCHEME.length));
        const registry = await wire.registry();
        const { id, found } = await watching(wire.terminal, (onStart) =>
          initialize(registry, { ...wire.config, model, revision, directory, onStart }),
        );
        const how = found ? 'found there, every byte verified again' : 'copied, every byte verified';
        return {
          exit: EXIT.done,
          json: { model: id.model, commit: id.commit, directory, found },
          text: labelled('ready', `${id.model}@${id.commit.slice(0, 12)} in ${directory}: ${how}`),
        };
      }),
    );
}
