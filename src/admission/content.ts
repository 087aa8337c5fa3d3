/** Content that has no commit of its own: it is read once beforehand, and named by what was read. */
import { createHash } from 'node:crypto';
import type { Sha256 } from '../base/digest.ts';
import { byPath, commitFromContent } from '../base/manifest.ts';
import type { Commit } from '../base/name.ts';
import { type OnStart, Tally } from '../base/progress.ts';
import type { SourceFile, SourceRevision } from '../sources/source.ts';
import type { AdmissionSource } from './source.ts';

/** A revision that has a name. */
export type NamedRevision = SourceRevision & { readonly commit: Commit };

/** The commit of the files, and the files with the digest that was read: reading others later is noticed. */
export async function nameContent(
  source: AdmissionSource,
  revision: SourceRevision,
  by: { readonly files: readonly SourceFile[]; readonly onStart: OnStart },
): Promise<{ commit: Commit; files: SourceFile[] }> {
  const tally = new Tally(by.files);
  by.onStart(tally);
  const read: (SourceFile & { sha256: Sha256 })[] = [];
  for (const [number, file] of by.files.entries()) {
    const hash = createHash('sha256');
    const whole = { offset: 0, length: file.sizeBytes };
    for await (const chunk of source.read(revision, file, whole)) {
      hash.update(chunk);
      tally.add(number, chunk.length);
    }
    read.push({ ...file, sha256: hash.digest('hex') as Sha256 });
  }
  const files = read.map(
    ({ sha256, ...file }): SourceFile => ({
      ...file,
      declared: { kind: 'read-before', digest: sha256 },
    }),
  );
  return { commit: commitFromContent([...read].sort(byPath)), files };
}
