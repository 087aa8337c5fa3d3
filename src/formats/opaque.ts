/**
 * What no parser accounts for: one gap over the whole file, with what it seems to be by its first bytes, so that
 * the finding can say more than "unknown". Listing a container here means: not read.
 */
import type { BaseFacts, Parse } from './parse.ts';

export const OPAQUE_PARSER = 'opaque/2';

export interface OpaqueFacts extends BaseFacts {
  readonly format: 'opaque';
  /** By the first bytes; `unknown` where nothing fits. */
  readonly seems: string;
  /** Something that an operating system runs as it is. */
  readonly executable: boolean;
}

interface Signature {
  readonly seems: string;
  readonly offset?: number;
  readonly bytes: string;
  readonly executable?: true;
}

/** Latin-1 signatures. */
const SIGNATURES: readonly Signature[] = [
  { seems: 'an ELF executable or library', bytes: '\x7fELF', executable: true },
  { seems: 'an executable for many systems (a llamafile)', bytes: 'MZqFpD', executable: true },
  { seems: 'an executable for many systems (a llamafile)', bytes: "jartsr='", executable: true },
  { seems: 'a Windows executable', bytes: 'MZ', executable: true },
  { seems: 'a Mach-O executable', bytes: '\xfe\xed\xfa\xce', executable: true },
  { seems: 'a Mach-O executable', bytes: '\xfe\xed\xfa\xcf', executable: true },
  { seems: 'a Mach-O executable', bytes: '\xce\xfa\xed\xfe', executable: true },
  { seems: 'a Mach-O executable', bytes: '\xcf\xfa\xed\xfe', executable: true },
  { seems: 'a Mach-O universal binary or Java class', bytes: '\xca\xfe\xba\xbe', executable: true },
  { seems: 'a WebAssembly module', bytes: '\0asm', executable: true },
  { seems: 'a script', bytes: '#!', executable: true },
  { seems: 'an XGBoost model in the old binary format', bytes: 'binf' },
  { seems: 'an XGBoost model in the old binary format', bytes: 'bs64' },
  { seems: 'a booster of XGBoost with its settings', bytes: 'CONFIG-offset:' },
  { seems: 'a list of arrays of MXNet', bytes: '\x12\x01\0\0\0\0\0\0' },
  { seems: 'a TensorRT engine, which is code for one kind of GPU', bytes: 'ftrt' },
  { seems: 'a TensorRT engine, which is code for one kind of GPU', bytes: 'ptrt' },
  { seems: 'a program of PaddlePaddle', offset: 2, bytes: '\x08\0\x10\xff\xff\xff\xff' },
  { seems: 'a program of PaddlePaddle', offset: 3, bytes: '\x08\0\x10\xff\xff\xff\xff' },
  { seems: 'a program of PaddlePaddle', offset: 4, bytes: '\x08\0\x10\xff\xff\xff\xff' },
  { seems: 'a program of PaddlePaddle', offset: 5, bytes: '\x08\0\x10\xff\xff\xff\xff' },
  { seems: 'a Parquet file', bytes: 'PAR1' },
  { seems: 'an Arrow file', bytes: 'ARROW1' },
  { seems: 'a 7z archive', bytes: '7z\xbc\xaf\x27\x1c' },
  { seems: 'a RAR archive', bytes: 'Rar!\x1a\x07' },
  { seems: 'gzip data', bytes: '\x1f\x8b' },
  { seems: 'bzip2 data', bytes: 'BZh' },
  { seems: 'xz data', bytes: '\xfd7zXZ\0' },
  { seems: 'zstd data', bytes: '\x28\xb5\x2f\xfd' },
  { seems: 'LZ4 data', bytes: '\x04\x22\x4d\x18' },
  { seems: 'an older GGML file', bytes: 'lmgg' },
  { seems: 'an older GGML file', bytes: 'tjgg' },
  { seems: 'a SQLite database', bytes: 'SQLite format 3\0' },
  { seems: 'a WAVE sound or RIFF container', bytes: 'RIFF' },
  { seems: 'a FLAC sound', bytes: 'fLaC' },
  { seems: 'an Ogg container', bytes: 'OggS' },
  { seems: 'an MP3 sound', bytes: 'ID3' },
  { seems: 'an MP4 container', offset: 4, bytes: 'ftyp' },
  { seems: 'a Matroska or WebM container', bytes: '\x1a\x45\xdf\xa3' },
  { seems: 'a TrueType font', bytes: '\0\x01\0\0\0' },
  { seems: 'an OpenType font', bytes: 'OTTO' },
  { seems: 'UTF-16 text', bytes: '\xff\xfe' },
  { seems: 'UTF-16 text', bytes: '\xfe\xff' },
];

/**
 * A size in hexadecimal digits, filled up with spaces, then zlib data. The attacker's move: compressed data in letters
 * only, so that the file is text for everyone but joblib, which still loads what it wrote before version 0.10.
 *
 * Source: `read_zfile` in joblib/numpy_pickle_compat.py.
 */
const JOBLIB_BEFORE_0_10 = /^ZF[\s+_0-9A-Fa-fxX]{19} ?x/;

/** Whether only joblib would read the bytes, as what it wrote before version 0.10. */
export function isZfile(head: Uint8Array): boolean {
  return JOBLIB_BEFORE_0_10.test(Buffer.from(head.subarray(0, 32)).toString('latin1'));
}

export function recognise(head: Uint8Array): { readonly seems: string; readonly executable: boolean } {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
  for (const { seems, offset = 0, bytes, executable = false } of SIGNATURES) {
    if (text.startsWith(bytes, offset)) return { seems, executable };
  }
  const seems = isZfile(head) ? 'compressed data of joblib before 0.10' : 'unknown';
  return { seems, executable: false };
}

/** Reads the first bytes only. */
export function* parseOpaque(sizeBytes: number): Parse<OpaqueFacts> {
  const head = yield { offset: 0, length: Math.min(32, sizeBytes) };
  return opaqueFacts(sizeBytes, recognise(head));
}

export function opaqueFacts(
  sizeBytes: number,
  { seems, executable }: { readonly seems: string; readonly executable: boolean },
): OpaqueFacts {
  const reason = seems === 'unknown' ? 'no parser knows this content' : `${seems}: no parser reads it`;
  return {
    format: 'opaque',
    parser: OPAQUE_PARSER,
    sizeBytes,
    gaps: sizeBytes > 0 ? [{ offset: 0, length: sizeBytes, reason }] : [],
    problems: [],
    seems,
    executable,
  };
}
