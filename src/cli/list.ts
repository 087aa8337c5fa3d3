/** `weighlock list`: what is on record. */
import { Command } from 'commander';
import type { RevisionIndex } from '../attest/state.ts';
import { EXIT } from '../base/errors.ts';
import type { Run } from './main.ts';
import { table } from './terminal.ts';

export function listCommand(run: Run): Command {
  return new Command('list')
    .description('list the models and revisions on record')
    .action((flags: Record<string, unknown>) =>
      run(flags, async (wire) => {
        const registry = await wire.registry();
        const rows: {
          model: string;
          commit: string;
          status: string;
          channels: string[];
          decidedAt: string;
          record: number;
        }[] = [];
        for await (const { model, index } of registry.models()) {
          for (const [commit, entry] of Object.entries(index.revisions)) {
            const channels = Object.entries(index.channels)
              .filter(([, at]) => at.commit === commit)
              .map(([name]) => name);
            rows.push({
              model,
              commit,
              status: statusOf(entry),
              channels,
              decidedAt: entry.decidedAt,
              record: entry.number,
            });
          }
        }
        rows.sort((a, b) =>
          a.model < b.model ? -1 : a.model > b.model ? 1 : a.decidedAt < b.decidedAt ? -1 : 1,
        );
        const cells = rows.map((row) => [
          row.model,
          row.commit.slice(0, 12),
          row.status,
          row.channels.join(' '),
          row.decidedAt,
        ]);
        return {
          exit: EXIT.done,
          json: rows,
          text:
            rows.length > 0
              ? table(['MODEL', 'REVISION', 'STATUS', 'CHANNEL', 'DECIDED'], cells)
              : 'Nothing is on record yet. Begin with: weighlock admit <model>\n',
        };
      }),
    );
}

export function statusOf(entry: RevisionIndex): string {
  if (entry.revoked) return 'revoked';
  if (entry.removed) return 'removed';
  if (entry.verdict !== 'admitted') return entry.verdict;
  return entry.receipt ? 'published' : 'admitted, not published yet';
}
