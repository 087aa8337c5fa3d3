/**
 * Everything that parsers may say of a file, as one union: scanners switch on `format`.
 */

import type { ArchiveFacts } from './archive/facts.ts';
import { CATBOOST_PARSER, type CatboostFacts } from './catboost.ts';
import { COMPRESSED_PARSER, type CompressedFacts } from './compressed/facts.ts';
import { COREML_PARSER, type CoremlFacts } from './coreml/parse.ts';
import { COREML_WEIGHTS_PARSER, type CoremlWeightsFacts } from './coreml/weights.ts';
import { EXECUTORCH_PARSER, type ExecutorchFacts } from './executorch.ts';
import { GGUF_PARSER, type GgufFacts } from './gguf.ts';
import { HDF5_PARSER, type Hdf5Facts } from './hdf5/facts.ts';
import { IMAGE_PARSER, type ImageFacts } from './image/image.ts';
import { JSON_PARSER } from './json.ts';
import { MSGPACK_PARSER, type MsgpackFacts } from './msgpack.ts';
import { NUMPY_PARSER, type NumpyFacts } from './numpy/parse.ts';
import { ONNX_PARSER, type OnnxFacts } from './onnx.ts';
import { OPAQUE_PARSER, type OpaqueFacts } from './opaque.ts';
import type { BaseFacts } from './parse.ts';
import { PDF_PARSER, type PdfFacts } from './pdf.ts';
import type { PickleFacts } from './pickle/facts.ts';
import { PYTHON_PARSER } from './python.ts';
import { RAW_TENSORS_PARSER, type RawTensorsFacts } from './raw-tensors.ts';
import { RDS_PARSER, type RdsFacts } from './rds.ts';
import { SAFETENSORS_PARSER, type SafetensorsFacts } from './safetensors.ts';
import { SENTENCEPIECE_PARSER, type SentencePieceFacts } from './sentencepiece.ts';
import { BUNDLE_PARSER, type BundleFacts } from './tensorflow/bundle.ts';
import { TENSORFLOW_PARSER, type TensorflowFacts } from './tensorflow/parse.ts';
import { TEXT_PARSERS, type TextFacts } from './text.ts';
import { TFLITE_PARSER, type TfliteFacts } from './tflite.ts';
import { UBJSON_PARSER, type UbjsonFacts } from './ubjson.ts';
import type { ZipFacts } from './zip/facts.ts';

export type Facts =
  | SafetensorsFacts
  | GgufFacts
  | OnnxFacts
  | Hdf5Facts
  | RdsFacts
  | RawTensorsFacts
  | CoremlFacts
  | CatboostFacts
  | CoremlWeightsFacts
  | MsgpackFacts
  | UbjsonFacts
  | TfliteFacts
  | ExecutorchFacts
  | TensorflowFacts
  | BundleFacts
  | PickleFacts
  | ZipFacts
  | CompressedFacts
  | ArchiveFacts
  | NumpyFacts
  | TextFacts
  | SentencePieceFacts
  | ImageFacts
  | PdfFacts
  | OpaqueFacts;

/** Versions of the parsers in the folders of pickles and archives. */
const ARCHIVE_PARSERS: readonly string[] = ['pickle/3', 'zip/3', 'pytorch/4', 'tar/1', '7z/1'];

/** Names all parsers and their versions: facts stored under another value are made anew. */
export const PARSERS_VERSION: string = [
  ...ARCHIVE_PARSERS,
  ...TEXT_PARSERS,
  COMPRESSED_PARSER,
  GGUF_PARSER,
  HDF5_PARSER,
  IMAGE_PARSER,
  JSON_PARSER,
  NUMPY_PARSER,
  ONNX_PARSER,
  OPAQUE_PARSER,
  PDF_PARSER,
  PYTHON_PARSER,
  SAFETENSORS_PARSER,
  SENTENCEPIECE_PARSER,
  TENSORFLOW_PARSER,
  BUNDLE_PARSER,
  TFLITE_PARSER,
  RDS_PARSER,
  RAW_TENSORS_PARSER,
  COREML_PARSER,
  CATBOOST_PARSER,
  COREML_WEIGHTS_PARSER,
  MSGPACK_PARSER,
  UBJSON_PARSER,
  EXECUTORCH_PARSER,
]
  .sort()
  .join(' ');

const FORMATS: ReadonlySet<string> = new Set<Facts['format']>([
  'safetensors',
  'gguf',
  'onnx',
  'hdf5',
  'rds',
  'raw-tensors',
  'coreml',
  'catboost',
  'coreml-weights',
  'msgpack',
  'ubjson',
  'tflite',
  'executorch',
  'tensorflow',
  'tensor-bundle',
  'pickle',
  'zip',
  'pytorch',
  'compressed',
  'tar',
  '7z',
  'numpy',
  'json',
  'python',
  'template',
  'lfs-pointer',
  'text',
  'sentencepiece',
  'png',
  'jpeg',
  'gif',
  'webp',
  'pdf',
  'opaque',
]);

/** Facts of an archive member as what they are: undefined for the small texts that archives account for themselves. */
export function asFacts(facts: BaseFacts): Facts | undefined {
  return isFacts(facts) ? facts : undefined;
}

function isFacts(facts: BaseFacts): facts is Facts {
  return FORMATS.has(facts.format);
}
