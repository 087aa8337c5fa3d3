/**
 * `weighlock vault check` on a bucket: first proves by racing that the store enforces its conditions, then finds out
 * what it cannot do, then reads how the bucket is configured. Whatever it writes it removes again.
 */
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { WeighlockError } from '../../base/errors.ts';
import { checkSettings } from '../bucket/bucket-settings.ts';
import { s3Place } from '../bucket/place.ts';
import { checkAbilities } from './abilities.ts';
import { asked, refusalOf } from './answer.ts';
import { type CheckRow, row, unknown } from './check-row.ts';
import { checkConditions } from './races.ts';
import { Scratch, type ScratchOptions } from './scratch.ts';

export interface StoreUnderCheck extends ScratchOptions {
  /** Another maker's store knows fewer settings, and is not blamed for each. */
  readonly store: 'aws' | 'compatible';
  readonly holdDays: number;
}

/** Throws WL_VAULT_UNAVAILABLE where the bucket cannot be reached or written at all. */
export async function checkStore(store: StoreUnderCheck): Promise<CheckRow[]> {
  const scratch = new Scratch(store);
  const rows: CheckRow[] = [];
  try {
    await reachable(scratch, store);
    rows.push(...(await checkConditions(scratch)));
    rows.push(...(await checkAbilities(scratch)));
    rows.push(...(await checkSettings(scratch, store)));
  } catch (error) {
    throw readable(error, store);
  } finally {
    const left = await scratch.clean().catch((error: unknown) => String(error));
    if (left !== undefined) rows.push(row(LEFT_BEHIND, unknown(left)));
  }
  return rows;
}

const LEFT_BEHIND = {
  id: 'clean-up',
  what: 'what the check wrote is removed',
  weight: 'advice',
  costs: 'A few small objects below staging/ stay until the lifecycle removes them.',
  remedy: 'Run the check with s3:DeleteObject and s3:DeleteObjectVersion on staging/*.',
} as const;

/** The first write tells whether anything can be tried at all. */
async function reachable(scratch: Scratch, store: StoreUnderCheck): Promise<void> {
  const head = await asked(scratch.client.send(new HeadBucketCommand(scratch.bucket())));
  if (head.kind === 'absent') {
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', `there is no bucket ${store.bucket}`, {
      hint: `Check the name and the endpoint, or make it: weighlock vault init ${s3Place(store)}`,
    });
  }
  const first = await asked(scratch.put('first', 'one'));
  if (first.kind === 'denied') {
    throw new WeighlockError('WL_VAULT_DENIED', `${s3Place(store)} may not be written: ${first.said}`, {
      hint: 'The check writes, reads and deletes below staging/: run it with the gate’s permissions.',
    });
  }
}

function readable(error: unknown, store: StoreUnderCheck): unknown {
  if (error instanceof WeighlockError) return error;
  const refusal = refusalOf(error);
  if (refusal === undefined) return error;
  return new WeighlockError('WL_VAULT_UNAVAILABLE', `${s3Place(store)} cannot be checked: ${refusal.said}`, {
    cause: error,
  });
}
