/** Following: which models are watched upstream, and what an update leads to. Stated in the vault, so that every watcher knows. */
import type { Follow } from '../attest/state.ts';
import type { FollowBody } from '../attest/statement.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import type { Gate } from '../registry/gate.ts';
import type { Registry } from '../registry/registry.ts';

/** Models that are watched at once: each costs a request at every look. */
const FOLLOWS_MAX = 5_000;

export async function follows(registry: Registry): Promise<ReadonlyMap<ModelName, Follow>> {
  const { state } = await registry.state('accept');
  return new Map(Object.entries(state.follows) as [ModelName, Follow][]);
}

/** States what is followed from now on; `off` ends it. Throws WL_USAGE where nothing is to be ended, or there is no room. */
export async function follow(
  gate: Gate,
  request: Pick<FollowBody, 'model' | 'revision' | 'update' | 'tool'>,
): Promise<number> {
  const there = await follows(gate);
  if (request.update === 'off' && !there.has(request.model))
    throw new WeighlockError('WL_USAGE', `${request.model} is not followed`, {
      hint: '`weighlock upstream list` shows what is.',
    });
  if (request.update !== 'off' && !there.has(request.model) && there.size >= FOLLOWS_MAX)
    throw new WeighlockError('WL_USAGE', `${there.size} models are followed, and no more are at once`);
  return (await gate.declare<FollowBody>({ type: 'weighlock.follow/v1', ...request })).index;
}
