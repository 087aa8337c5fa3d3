/**
 * Garbage collection: what a vault holds and nobody needs. Staging areas that a run left and no held or half-published
 * revision waits for, pending uploads that no such area knows, objects under their own digest that no record names,
 * log batches that were written to their places. Nothing that is younger than a while, since somebody may be at work
 * with it, and nothing of what is published, ever.
 */
import { openEntry } from '../attest/entry.ts';
import { openRecord, RECORD_BYTES_MAX } from '../attest/record.ts';
import { openNote } from '../attest/staged-note.ts';
import type { ModelName } from '../base/name.ts';
import { stagedSize } from '../log/batch.ts';
import { LogReader } from '../log/reader.ts';
import type { Gate } from '../registry/gate.ts';
import {
  digestOf,
  evidenceKey,
  factsKey,
  indexKey,
  type Key,
  LOG_STAGING_PREFIX,
  policyKey,
  RECORDS_PREFIX,
  REFERENCED_PREFIXES,
} from '../vault/layout.ts';
import type { Leftover } from '../vault/vault.ts';

export interface GcOptions {
  /** What was touched since is left alone. */
  readonly before: Date;
}

/** Something that can go. */
export interface Garbage {
  readonly kind: 'staging area' | 'pending upload' | 'scratch' | 'object' | 'log batch';
  readonly name: string;
  readonly sizeBytes: number;
  /** `busy`: somebody took it up since it was found. */
  remove(): Promise<'removed' | 'busy'>;
}

/** Everything that can go, and nothing touched yet. */
export async function* garbage(gate: Gate, { before }: GcOptions): AsyncIterable<Garbage> {
  const awaited = await awaitedAreas(gate);
  const old = (modified: Date) => modified < before;
  const leftovers: Leftover[] = [];
  for await (const leftover of gate.vault.leftovers()) leftovers.push(leftover);
  const goes = (leftover: Leftover) =>
    old(leftover.modified) &&
    (leftover.kind !== 'staging area' || !(leftover.held || awaited.has(leftover.name)));
  const kept = leftovers.filter((leftover) => leftover.kind === 'staging area' && !goes(leftover));
  const known = await knownUploads(gate, kept);
  const atWork = new Set(kept.filter((area) => area.held).map((area) => area.owner));
  for (const leftover of leftovers) {
    const wanted =
      leftover.kind === 'pending upload' &&
      (known.has(leftover.uploadId ?? '') || (leftover.owner !== undefined && atWork.has(leftover.owner)));
    if (goes(leftover) && !wanted) yield leftover;
  }
  yield* unreferenced(gate, old);
  yield* placedBatches(gate, old);
}

/** Areas that a held or a half-published revision waits for. */
async function awaitedAreas(gate: Gate): Promise<ReadonlySet<string>> {
  const areas = new Set<string>();
  for await (const { model, index } of gate.models()) {
    for (const [commit, entry] of Object.entries(index.revisions)) {
      if (entry.verdict === 'refused' || entry.receipt) continue;
      const id = { model: model as ModelName, commit: commit as never };
      const { staging } = (await gate.record(id, entry.number, entry.record)).body;
      if (staging !== undefined) areas.add(staging);
    }
  }
  return areas;
}

/** Uploads that areas which are kept have signed notes of. */
async function knownUploads(gate: Gate, kept: readonly Leftover[]): Promise<ReadonlySet<string>> {
  const uploads = new Set<string>();
  for (const area of kept) {
    for (const bytes of (await area.notes?.()) ?? []) {
      const note = openNote(bytes, gate.keys);
      if (note) uploads.add(note.upload.uploadId);
    }
  }
  return uploads;
}

/** Objects under their own digest that neither a record, nor a statement of evidence, nor the state names. */
async function* unreferenced(gate: Gate, old: (modified: Date) => boolean): AsyncIterable<Garbage> {
  const named = new Set<Key>();
  // Every record counts, logged or not: one that is about to be logged is there already.
  for await (const { key } of gate.vault.list(RECORDS_PREFIX)) {
    const stored = await gate.vault.get(key, RECORD_BYTES_MAX);
    if (!stored) continue;
    const { body } = openRecord(stored.bytes, gate.keys, key);
    named.add(policyKey(body.policy.sha256));
    for (const { facts } of body.coverage) named.add(factsKey(facts));
    for (const { sha256 } of body.evidence) named.add(evidenceKey(sha256));
  }
  const head = await gate.checkpoint();
  for await (const { index, entry } of new LogReader(gate.logFiles).provenEntries(0, head)) {
    const logged = openEntry(entry, index);
    if (logged.type === 'evidence') named.add(evidenceKey(logged.raw));
  }
  const { state } = await gate.state('accept');
  for (const digest of Object.values(state.index)) named.add(indexKey(digest));
  for (const prefix of REFERENCED_PREFIXES) {
    for await (const { key, sizeBytes, modified } of gate.vault.list(prefix)) {
      if (digestOf(key) === undefined || named.has(key) || !old(modified)) continue;
      yield object(gate, 'object', { key, sizeBytes });
    }
  }
}

/** Batches of the log whose entries stand below a signed checkpoint. */
async function* placedBatches(gate: Gate, old: (modified: Date) => boolean): AsyncIterable<Garbage> {
  const { size } = await gate.checkpoint();
  for await (const { key, sizeBytes, modified } of gate.vault.list(LOG_STAGING_PREFIX)) {
    const staged = stagedSize(key.slice(LOG_STAGING_PREFIX.length));
    if (staged !== undefined && staged <= size && old(modified))
      yield object(gate, 'log batch', { key, sizeBytes });
  }
}

function object(
  gate: Gate,
  kind: Garbage['kind'],
  { key, sizeBytes }: { readonly key: Key; readonly sizeBytes: number },
): Garbage {
  return {
    kind,
    name: key,
    sizeBytes,
    async remove() {
      await gate.vault.remove(key);
      return 'removed';
    },
  };
}
