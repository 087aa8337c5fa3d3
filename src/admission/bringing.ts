/**
 * Bringing in: every file of the selection ends in the staging area, hashed and parsed. What an earlier run finished
 * is kept where it can be proved, what stands in the vault already is copied inside the store, the rest is fetched.
 */
import { openNote, type StagedNote, signNote } from '../attest/staged-note.ts';
import type { RepoPath } from '../base/name.ts';
import type { OnStart } from '../base/progress.ts';
import type { EngineTicket } from '../engines/engine.ts';
import { type Facts, PARSERS_VERSION } from '../formats/facts.ts';
import type { Gate } from '../registry/gate.ts';
import { isDeclared, type SourceFile } from '../sources/source.ts';
import { bringAll } from '../transfer/crew.ts';
import type { BroughtFile, KnownCopy } from '../transfer/job.ts';
import type { Staging } from '../vault/vault.ts';
import type { NamedRevision } from './content.ts';
import type { ReadFile } from './judge.ts';
import type { AdmissionSource } from './source.ts';

export interface Bringing {
  readonly source: AdmissionSource;
  readonly revision: NamedRevision;
  readonly files: readonly SourceFile[];
  readonly staging: Staging;
  /** Whoever signs and believes notes about uploads; none in a rehearsal, which ends nowhere. */
  readonly gate: Gate | undefined;
  readonly copies?: ReadonlyMap<RepoPath, KnownCopy> | undefined;
  /** Who else looks at the bytes; what they have not seen counts as not brought in. */
  readonly engines?: readonly EngineTicket[] | undefined;
  readonly concurrency: number;
  readonly memoryBytes: number;
  readonly onStart?: OnStart;
}

export interface Brought {
  /** In the order of the files asked for. */
  readonly files: readonly ReadFile[];
  readonly contacted: ReadonlySet<string>;
}

export async function bring(bringing: Bringing): Promise<Brought> {
  const { source, revision, files, staging, gate } = bringing;
  const { readable, notes } = await staging.finished();
  const examined = bringing.engines !== undefined && bringing.engines.length > 0;
  const kept = gate && !examined ? believed(gate, notes, bringing) : new Map<RepoPath, BroughtFile>();
  for (const { file, upload } of kept.values()) if (upload) staging.adopt(file.path, upload);
  const left = files.filter((file) => !kept.has(file.path));
  const { brought, contacted } = await bringAll({
    source: source.ticket,
    staging: staging.ticket,
    revision: { model: revision.model, commit: revision.commit },
    files: left,
    staged: new Set(readable.map((file) => file.path)),
    copies: examined ? undefined : bringing.copies,
    ...(bringing.engines && { engines: bringing.engines }),
    concurrency: bringing.concurrency,
    memoryBytes: bringing.memoryBytes,
    reads: 'facts',
    onStart: bringing.onStart,
    onBrought: async (one) => {
      if (one.upload && gate) await staging.keep(one.file.path, one.upload, await note(gate, one, bringing));
    },
  });
  const all = new Map([...kept, ...brought.map((one) => [one.file.path, one] as const)]);
  return {
    files: files.flatMap(({ path }) => all.get(path) ?? []).map(read),
    contacted: new Set([...source.contacted, ...contacted]),
  };
}

function read(brought: BroughtFile): ReadFile {
  const { facts } = brought;
  if (!facts) throw new Error(`${brought.file.path} was brought in and not read`);
  return { ...brought, facts };
}

async function note(gate: Gate, brought: BroughtFile, { revision, staging }: Bringing): Promise<Uint8Array> {
  const { file, sizeBytes, sha256, gitBlobSha1, facts, upload } = brought;
  if (!facts || !upload) throw new Error(`${file.path} is no upload that was read`);
  const signed: StagedNote = {
    type: 'weighlock.staged/v1',
    vault: gate.trust.vault,
    model: revision.model,
    commit: revision.commit,
    area: staging.id,
    path: file.path,
    sizeBytes,
    sha256,
    gitBlobSha1,
    parsers: PARSERS_VERSION,
    // As JSON sees it: an undefined field would sign as nothing and read back as nothing.
    facts: JSON.parse(JSON.stringify(facts)) as object,
    upload: { ...upload, parts: [...upload.parts] },
  };
  return signNote(signed, gate.signer);
}

/** The files whose notes a gate of this vault signed, for this area, and whose digests are the declared ones. */
function believed(
  gate: Gate,
  notes: readonly Uint8Array[],
  { revision, staging, files }: Bringing,
): Map<RepoPath, BroughtFile> {
  const wanted = new Map(files.map((file) => [file.path, file]));
  const kept = new Map<RepoPath, BroughtFile>();
  for (const bytes of notes) {
    const signed = openNote(bytes, gate.keys);
    const file = signed && wanted.get(signed.path);
    if (!signed || !file) continue;
    const { vault, model, commit, area, parsers, sizeBytes, sha256, gitBlobSha1, upload } = signed;
    const here =
      vault === gate.trust.vault &&
      model === revision.model &&
      commit === revision.commit &&
      area === staging.id &&
      parsers === PARSERS_VERSION;
    if (!here || sizeBytes !== file.sizeBytes || file.declared.kind === 'none') continue;
    if (!isDeclared(file, { sha256, gitBlobSha1 })) continue;
    const facts = signed.facts as Facts;
    kept.set(file.path, { file, sizeBytes, sha256, gitBlobSha1, facts, from: 'staging', upload });
  }
  return kept;
}
