/**
 * Everything that parsers may say of a file, as one union: scanners switch on `format`.
 */

import { JSON_PARSER } from './json.ts';
import { OPAQUE_PARSER, type OpaqueFacts } from './opaque.ts';
import { PYTHON_PARSER } from './python.ts';
import { SAFETENSORS_PARSER, type SafetensorsFacts } from './safetensors.ts';
import { TEXT_PARSERS, type TextFacts } from './text.ts';

export type Facts = SafetensorsFacts | TextFacts | OpaqueFacts;

/** Names all parsers and their versions: facts stored under another value are made anew. */
export const PARSERS_VERSION: string = [
  SAFETENSORS_PARSER,
  JSON_PARSER,
  PYTHON_PARSER,
  ...TEXT_PARSERS,
  OPAQUE_PARSER,
]
  .sort()
  .join(' ');
