/**
 * Remove: the files of a published revision are taken out of the vault, by a logged statement. First the state says
 * that the revision is gone, then its files go: whoever reads in between is told so, and a run that dies is finished
 * by the next. Records, receipts and proofs stay: what was decided is never forgotten.
 */
import type { RemovalBody } from '../attest/statement.ts';
import { WeighlockError } from '../base/errors.ts';
import { spread } from '../base/lanes.ts';
import { type ModelName, SIGNATURE_PATH } from '../base/name.ts';
import { deployments } from '../registry/deployments.ts';
import type { Gate } from '../registry/gate.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { StoredFile } from '../vault/vault.ts';

export interface RemoveOptions {
  readonly model: ModelName;
  readonly revision: string;
  readonly reason: string;
  readonly tool: RemovalBody['tool'];
}

export interface Removal {
  readonly id: RevisionId;
  readonly files: readonly StoredFile[];
  readonly sizeBytes: number;
  /** Undefined in a rehearsal, and where the statement was logged by an earlier run. */
  readonly logIndex: number | undefined;
}

/** Files that are removed at once. */
const REMOVED_AT_ONCE = 8;

/** What `remove` would do. Throws WL_NOT_ADMITTED, and WL_IN_USE while a channel or a deployment stands for the revision. */
export async function planRemoval(
  gate: Gate,
  options: Pick<RemoveOptions, 'model' | 'revision'>,
): Promise<Removal> {
  const { id, entry } = await gate.resolve(options.model, options.revision);
  const name = `${id.model}@${id.commit.slice(0, 12)}`;
  if (entry.verdict !== 'admitted')
    throw new WeighlockError('WL_NOT_ADMITTED', `${name} is ${entry.verdict}: nothing of it is published`, {
      hint: 'What is staged of it goes by `weighlock gc`.',
    });
  const index = await gate.model(id.model);
  const channels = Object.entries(index?.channels ?? {}).filter(([, at]) => at.commit === id.commit);
  if (channels.length > 0 && !entry.removed && !entry.revoked) {
    const names = channels.map(([channel]) => channel).join(', ');
    throw new WeighlockError('WL_IN_USE', `${name} is what the channel ${names} of ${id.model} stands for`);
  }
  const running = (await deployments(gate, 'accept')).filter(
    ({ body }) => body.origin.route === 'vault' && body.model === id.model && body.commit === id.commit,
  );
  const [first] = running;
  if (first && !entry.removed)
    throw new WeighlockError(
      'WL_IN_USE',
      `${name} is deployed: ${first.body.target} at ${first.body.place}`,
      {
        hint: `End the deployment first, then \`weighlock deploy end ${first.body.target} ${first.body.place}\`.`,
      },
    );
  const files = await gate.vault.stat(id);
  return {
    id,
    files,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    logIndex: entry.removed?.logIndex,
  };
}

export async function remove(gate: Gate, options: RemoveOptions): Promise<Removal> {
  const plan = await planRemoval(gate, options);
  const { entry } = await gate.resolve(options.model, options.revision);
  const { id } = plan;
  const { reason, tool } = options;
  const logIndex =
    plan.logIndex ??
    (
      await gate.declare<RemovalBody>({
        type: 'weighlock.removal/v1',
        model: id.model,
        commit: id.commit,
        record: entry.record,
        reason,
        tool,
      })
    ).index;
  await removeFiles(gate, plan);
  return { ...plan, logIndex };
}

/** The signature first: without it nobody takes what is left for a whole model. */
async function removeFiles(gate: Gate, { id, files }: Removal): Promise<void> {
  await gate.vault.remove(fileKey(id, SIGNATURE_PATH));
  await spread(files, REMOVED_AT_ONCE, ({ path }) => gate.vault.remove(fileKey(id, path)));
}
