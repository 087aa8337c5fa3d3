/** A revision upstream as a side: of weights the headers are read, of texts all; nothing is stored. */
import { gitBlobSha1, sha256 } from '../base/digest.ts';
import { triage } from '../inspection/triage.ts';
import { isDeclared, type Source, type SourceFile, type SourceRevision } from '../sources/source.ts';
import type { TransferSource } from '../transfer/source.ts';
import { type Looked, type Side, TEXT_BYTES_MAX } from './side.ts';

/** Files under way at once. */
const CONCURRENCY = 4;

/** `source` stays open as long as the side is used. */
export function hubSide(source: Source, ticket: TransferSource, revision: SourceRevision): Side {
  const files = new Map(revision.files.map((file) => [file.path as string, file]));
  return {
    commit: revision.commit ?? '',
    where: `upstream, ${revision.requested}`,
    files: revision.files.map(sideFile),
    license: revision.license,
    publisher: revision.publisher,
    repoId: revision.repoId,
    look: (paths) =>
      look(
        ticket,
        revision,
        paths.flatMap((path) => files.get(path) ?? []),
      ),
    text: async (path) => {
      const file = files.get(path);
      if (!file || file.sizeBytes > TEXT_BYTES_MAX) return undefined;
      return readText(source, revision, file);
    },
  };
}

function sideFile({ path, sizeBytes, declared }: SourceFile): Side['files'][number] {
  switch (declared.kind) {
    case 'lfs-sha256':
    case 'read-before':
      return { path, sizeBytes, names: [`sha256 ${declared.digest}`] };
    case 'git-blob-sha1':
      return { path, sizeBytes, names: [`sha1 ${declared.digest}`] };
    case 'none':
      return { path, sizeBytes, names: [] };
  }
}

async function look(
  ticket: TransferSource,
  { model, commit }: SourceRevision,
  files: readonly SourceFile[],
): Promise<ReadonlyMap<string, Looked>> {
  if (files.length === 0) return new Map();
  const inspection = await triage(
    {
      name: model,
      ticket: { kind: 'remote', source: ticket, revision: { model, commit } },
      files: files.map((remote) => ({ path: remote.path, sizeBytes: remote.sizeBytes, remote })),
      unreadable: [],
    },
    { concurrency: CONCURRENCY },
  );
  return new Map(
    inspection.files.flatMap(({ path, facts, findings }) =>
      facts === undefined ? [] : [[path, { facts, findings }] as const],
    ),
  );
}

/** Held to the digest that the source declares: what a person is shown is what an admission would bring. */
async function readText(
  source: Source,
  revision: SourceRevision,
  file: SourceFile,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  const whole = { offset: 0, length: file.sizeBytes };
  for await (const chunk of source.read(revision, file, whole)) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  const is = isDeclared(file, { sha256: sha256(bytes), gitBlobSha1: gitBlobSha1(bytes) });
  return is ? bytes.toString('utf8') : undefined;
}
