/**
 * Which parser reads a file: decided by its first bytes, never by its name.
 */

import { isCatboost, parseCatboost } from './catboost.ts';
import { isCompressed, parseCompressed } from './compressed/parse.ts';
import { isCoreml, parseCoreml } from './coreml/parse.ts';
import { isCoremlWeights, parseCoremlWeights } from './coreml/weights.ts';
import { isExecutorch, parseExecutorch } from './executorch.ts';
import type { Facts } from './facts.ts';
import { isGguf, parseGguf } from './gguf.ts';
import { isHdf5, parseHdf5 } from './hdf5/parse.ts';
import { isImage, parseImage } from './image/image.ts';
import { isMsgpack, parseMsgpack } from './msgpack.ts';
import { HEAD_BYTES, type Inner, type Nesting, outermost } from './nesting.ts';
import { isNumpy, parseNumpy } from './numpy/parse.ts';
import { isOnnx, parseOnnx } from './onnx.ts';
import { isZfile, parseOpaque, recognise } from './opaque.ts';
import type { Access, BaseFacts, Parse } from './parse.ts';
import { isPdf, parsePdf } from './pdf.ts';
import { parsePickle } from './pickle/parse.ts';
import { looksLikePickle } from './pickle/recognise.ts';
import { asPickle, beginsAsPickle } from './pickle-shaped.ts';
import { isRds, parseRds } from './rds.ts';
import { isSafetensors, parseSafetensors } from './safetensors.ts';
import { isSentencePiece, parseSentencePiece } from './sentencepiece.ts';
import { isSevenZip, parseSevenZip } from './seven-zip/parse.ts';
import { parseTar } from './tar/parse.ts';
import { isTar } from './tar/recognise.ts';
import { isBundle, parseBundle } from './tensorflow/bundle.ts';
import { isTensorflow, parseTensorflow } from './tensorflow/parse.ts';
import { forgetText, isTextFacts, parseText } from './text.ts';
import { isTflite, parseTflite } from './tflite.ts';
import { isUbjson, parseUbjson } from './ubjson.ts';
import { startsLikeText } from './utf8.ts';
import { isZip, parseZip } from './zip/parse.ts';

export { HEAD_BYTES };

export interface Parser {
  readonly access: Access;
  parse(sizeBytes: number): Parse<Facts>;
}

interface Format {
  fits(head: Uint8Array): boolean;
  readonly access: Access;
  parse(sizeBytes: number, nesting: Nesting): Parse<Facts>;
  /** Formats that are a pickle, or check themselves whether they also run as one. */
  readonly pickles?: true;
  /** For content that flows by and is too large to be held. */
  parseForward?(sizeBytes: number, nesting: Nesting): Parse<Facts>;
}

const PICKLE: Format = {
  fits: looksLikePickle,
  access: 'forward',
  parse: (sizeBytes) => parsePickle({ sizeBytes }),
  pickles: true,
};

/** The first that fits wins: exact magic numbers before looser shapes, text last. */
const FORMATS: readonly Format[] = [
  {
    fits: isZip,
    access: 'random',
    parse: (sizeBytes, nesting) => parseZip({ sizeBytes, nesting, identify: identifyInner }),
  },
  {
    fits: isSevenZip,
    access: 'random',
    parse: (sizeBytes, nesting) => parseSevenZip({ sizeBytes, nesting, identify: identifyInner }),
  },
  {
    fits: isCompressed,
    access: 'random',
    parse: (sizeBytes, nesting) => parseCompressed({ sizeBytes, nesting, identify: identifyInner }),
  },
  { fits: isGguf, access: 'forward', parse: parseGguf },
  { fits: isNumpy, access: 'forward', parse: (sizeBytes) => parseNumpy({ sizeBytes }) },
  { fits: isImage, access: 'forward', parse: parseImage },
  { fits: isPdf, access: 'forward', parse: parsePdf },
  { fits: isSafetensors, access: 'forward', parse: parseSafetensors },
  { fits: isTflite, access: 'random', parse: parseTflite },
  { fits: isCatboost, access: 'random', parse: parseCatboost },
  { fits: isExecutorch, access: 'random', parse: parseExecutorch },
  PICKLE,
  {
    fits: isTar,
    access: 'random',
    parse: (sizeBytes, nesting) =>
      parseTar({ sizeBytes, nesting, identify: identifyInner, access: 'random' }),
    parseForward: (sizeBytes, nesting) =>
      parseTar({ sizeBytes, nesting, identify: identifyInner, access: 'forward' }),
  },
  { fits: isHdf5, access: 'random', parse: parseHdf5 },
  { fits: isCoreml, access: 'forward', parse: parseCoreml },
  { fits: isCoremlWeights, access: 'forward', parse: parseCoremlWeights },
  { fits: isTensorflow, access: 'forward', parse: parseTensorflow },
  { fits: isBundle, access: 'random', parse: parseBundle },
  { fits: isOnnx, access: 'forward', parse: parseOnnx },
  { fits: isRds, access: 'forward', parse: parseRds },
  { fits: isMsgpack, access: 'forward', parse: parseMsgpack },
  { fits: isUbjson, access: 'forward', parse: parseUbjson },
  { fits: isSentencePiece, access: 'forward', parse: parseSentencePiece },
  { fits: isText, access: 'forward', parse: parseText, pickles: true },
];

const OPAQUE: Format = { fits: () => true, access: 'forward', parse: parseOpaque };

/** The parser for an input that begins with `head` (`HEAD_BYTES` of it, or all). Always gives one. */
export function identify(head: Uint8Array): Parser {
  const { access, parse } = identifyFormat(head);
  return { access, parse: (sizeBytes) => parse(sizeBytes, outermost(sizeBytes)) };
}

/** The same for what lies in archives and compressed streams. */
function identifyInner(head: Uint8Array): Inner {
  const format = identifyFormat(head);
  return {
    ...format,
    parse: function* (sizeBytes, nesting) {
      const facts = yield* format.parse(sizeBytes, nesting);
      if (!isTextFacts(facts)) return facts;
      nesting.budget.textBytes -= sizeBytes;
      if (nesting.budget.textBytes < 0) forgetText(facts);
      return facts;
    },
  };
}

function identifyFormat(head: Uint8Array): Format {
  const format = FORMATS.find(({ fits }) => fits(head)) ?? (isOldPickle(head) ? PICKLE : OPAQUE);
  if (format.pickles || asPickle(head) === undefined) return format;
  return {
    ...format,
    parse: function* (sizeBytes, nesting) {
      return alsoPickle(yield* format.parse(sizeBytes, nesting));
    },
  };
}

/** Protocols 0 and 1 have no magic number, so everything else is asked first. */
function isOldPickle(head: Uint8Array): boolean {
  return recognise(head).seems === 'unknown' && beginsAsPickle(head);
}

/** A file of another format whose first bytes also run as a pickle: which of the two it is, its loader decides. */
function alsoPickle<F extends BaseFacts>(facts: F): F {
  const detail = `the file is ${facts.format}, and its first bytes also run as a pickle`;
  return {
    ...facts,
    problems: [...facts.problems, { code: 'polyglot-pickle', offset: 0, detail }],
    gaps: [...facts.gaps, { offset: 0, length: facts.sizeBytes, reason: detail }],
  };
}

/** Scripts are text, and so is a word that happens to begin with the letters of a Windows executable. */
function isText(head: Uint8Array): boolean {
  const scriptOrWord = head[0] === 0x23 || head[0] === 0x4d;
  return startsLikeText(head) && !isZfile(head) && (scriptOrWord || !recognise(head).executable);
}
