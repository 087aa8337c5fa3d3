/**
 * CoreML models (`.mlmodel`, and the model inside of an `.mlpackage`): one protobuf message of layers, of an ML program
 * or of a classical model. What Apple's runtime does not bring are *custom* layers and models, named by a class of the
 * application.
 */
import { Account } from '../malformed.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { Protobuf, type ProtobufVisitor } from '../protobuf.ts';
import { Window } from '../window.ts';
import { COREML_SCHEMA } from './schema.ts';

export const COREML_PARSER = 'coreml/1';

export interface CoremlFacts extends BaseFacts {
  readonly format: 'coreml';
  /** Classes of the application that it needs; hostile text. */
  readonly customClasses: readonly string[];
  /** Operations of ML programs. */
  readonly operations: readonly string[];
  /** Files that hold its weights, and models that it is linked with; hostile text. */
  readonly files: readonly string[];
}

/** Most different names of a kind, and the longest kept. */
const NAMES_MAX = 4096;
const CHARS_MAX = 256;

/**
 * The version of the specification, a description, and in it a feature: a name, then its type or a sentence on it.
 * ONNX has the name of a producer in the place of the description.
 */
export function isCoreml(head: Uint8Array): boolean {
  if (head[0] !== 0x08 || (head[1] ?? 0xff) > 64 || head[2] !== 0x12) return false;
  const feature = lengthAt(head, 3);
  if (head[feature] !== 0x0a) return false;
  const name = lengthAt(head, feature + 1);
  if (head[name] !== 0x0a) return false;
  const length = head[name + 1] ?? 0;
  const text = Buffer.from(head.subarray(name + 2, name + 2 + length)).toString('latin1');
  const next = head[name + 2 + length];
  return length > 0 && length < 128 && /^[\x20-\x7e]+$/.test(text) && (next === 0x12 || next === 0x1a);
}

/** Where the content begins whose length stands at `at`. */
function lengthAt(head: Uint8Array, at: number): number {
  let end = at;
  while ((head[end] ?? 0) >= 0x80 && end < at + 10) end += 1;
  return end + 1;
}

export function* parseCoreml(sizeBytes: number): Parse<CoremlFacts> {
  const account = new Account();
  const names = { customClasses: new Set<string>(), operations: new Set<string>(), files: new Set<string>() };
  const keep = (kind: keyof typeof names, name: string): void => {
    if (names[kind].has(name)) return;
    if (names[kind].size < NAMES_MAX) names[kind].add(name.slice(0, CHARS_MAX));
    else account.gap(0, sizeBytes, 'more names than are kept');
  };
  const visitor: ProtobufVisitor = {
    open: () => {},
    close: () => {},
    number: () => {},
    text: (message, _field, value) => {
      if (message === 'CustomLayerParams' || message === 'CustomModel') keep('customClasses', value);
      else if (message === 'MILSpec.Operation') keep('operations', value);
      else keep('files', value);
    },
  };
  try {
    yield* new Protobuf(new Window(sizeBytes), COREML_SCHEMA, account).walk('Model', visitor);
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  return {
    format: 'coreml',
    parser: COREML_PARSER,
    sizeBytes,
    gaps: account.gaps,
    problems: account.problems,
    customClasses: [...names.customClasses].sort(),
    operations: [...names.operations].sort(),
    files: [...names.files].sort(),
  };
}
