/**
 * Diff: what changed between two revisions of a model, for a person who decides. A *side* is a revision in the vault or
 * upstream. Files are told apart by their digests, and only those that differ are looked at: tensors by their headers,
 * configuration by key, code by line, templates by what they make of the same conversation.
 */
import { type CodeChange, codeChanges } from './code.ts';
import { type ConfigurationChange, configurationChanges } from './configuration.ts';
import { type FileChanges, fileChanges, touched } from './files.ts';
import { type FindingChanges, findingChanges, type GlobalChanges, globalChanges } from './judged.ts';
import type { Looked, Side } from './side.ts';
import { type TemplateChange, templateChanges } from './templates.ts';
import { type TensorChanges, tensorChanges } from './tensors.ts';
import { type TokenizerChange, tokenizerChanges } from './tokenizer.ts';

export interface Head {
  readonly commit: string;
  readonly where: string;
  readonly sizeBytes: number;
  readonly files: number;
}

export interface Changed<T> {
  readonly from: T | undefined;
  readonly to: T | undefined;
}

export interface RevisionDiff {
  readonly model: string;
  readonly a: Head;
  readonly b: Head;
  readonly files: FileChanges;
  readonly tensors: TensorChanges;
  readonly configuration: readonly ConfigurationChange[];
  readonly templates: readonly TemplateChange[];
  readonly tokenizer: readonly TokenizerChange[];
  readonly code: readonly CodeChange[];
  readonly globals: GlobalChanges;
  readonly findings: FindingChanges;
  readonly license: Changed<string> | undefined;
  readonly publisher: Changed<string> | undefined;
  /** Whether nothing differs at all. */
  readonly equal: boolean;
}

/** Both looks at once: what of the files that differ is known on each side. */
export interface Looks {
  readonly a: ReadonlyMap<string, Looked>;
  readonly b: ReadonlyMap<string, Looked>;
}

export async function diffRevisions(model: string, a: Side, b: Side): Promise<RevisionDiff> {
  const files = fileChanges(a.files, b.files);
  const [inA, inB] = touched(files);
  const [lookA, lookB] = await Promise.all([a.look(inA), b.look(inB)]);
  const looks = { a: lookA, b: lookB };
  const sides = { a, b };
  const diff = {
    model,
    a: headOf(a),
    b: headOf(b),
    files,
    tensors: tensorChanges(files, looks),
    configuration: await configurationChanges(files, sides),
    templates: await templateChanges(files, sides),
    tokenizer: await tokenizerChanges(files, sides),
    code: await codeChanges(files, { looks, sides }),
    globals: globalChanges(looks),
    findings: findingChanges(looks),
    license: changed(a.license, b.license),
    publisher: changed(publisherOf(a), publisherOf(b)),
  };
  return { ...diff, equal: files.same === a.files.length && files.same === b.files.length };
}

function headOf({ commit, where, files }: Side): Head {
  return {
    commit,
    where,
    files: files.length,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function changed<T>(from: T | undefined, to: T | undefined): Changed<T> | undefined {
  return from === to ? undefined : { from, to };
}

/** Who publishes it: the ids are the identity, the name is not. */
function publisherOf({ publisher, repoId }: Side): string | undefined {
  if (publisher === undefined && repoId === undefined) return undefined;
  const parts = [
    publisher?.name,
    publisher?.id && `owner ${publisher.id}`,
    publisher?.verified === undefined ? undefined : publisher.verified ? 'verified' : 'not verified',
    repoId && `repo ${repoId}`,
  ];
  return parts.filter(Boolean).join(', ');
}
