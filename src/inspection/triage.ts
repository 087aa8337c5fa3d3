/**
 * Triage: what decides about a remote subject, read by ranges and without a download. The parsers ask for headers,
 * directories, pickles, templates, code and configuration; the bytes of tensors they do not ask for. What was seen is
 * on record, range by range: a triage can block, and calls clean only what it has read to the last byte.
 */
import { createHash } from 'node:crypto';
import type { Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { spread } from '../base/lanes.ts';
import { type OnStart, Tally } from '../base/progress.ts';
import { completeFacts } from '../formats/complete.ts';
import type { Facts } from '../formats/facts.ts';
import { HEAD_BYTES, identify } from '../formats/identify.ts';
import { TAIL_BYTES, withWhole } from '../formats/whole.ts';
import { scanFile } from '../scan/scan.ts';
import { isDeclared, type SourceFile } from '../sources/source.ts';
import { openTransferSource, type ReadingSource } from '../transfer/source.ts';
import { type Advice, conclude, type InspectedFile, type Inspection, judged, unreadable } from './inspect.ts';
import { RangedReader } from './ranged-reader.ts';
import type { Subject, SubjectFile } from './subject.ts';

export interface TriageOptions {
  /** Files under way at once. */
  readonly concurrency: number;
  readonly advice?: Advice | undefined;
  readonly onStart?: OnStart | undefined;
}

/** Throws WL_USAGE for what is on this machine: it is read completely as fast. */
export async function triage(subject: Subject, options: TriageOptions): Promise<Inspection> {
  const { ticket } = subject;
  if (ticket.kind === 'local')
    throw new WeighlockError(
      'WL_USAGE',
      '--triage is for what is elsewhere; files of this machine are read completely',
    );
  const started = performance.now();
  const source = await openTransferSource(ticket.source);
  const tally = new Tally(subject.files);
  options.onStart?.(tally);
  const files: InspectedFile[] = [];
  let requests = 0;
  let readBytes = 0;
  try {
    await spread(subject.files.entries(), options.concurrency, async ([number, file]) => {
      const look = new Look(file, { source, revision: ticket.revision });
      files[number] = await look.run();
      requests += look.reader.requests;
      readBytes += look.reader.readBytes;
      tally.add(number, file.sizeBytes);
    });
    const contacted = [...source.contacted].sort();
    const seconds = (performance.now() - started) / 1000;
    return conclude(subject, files, {
      mode: 'triage',
      advice: options.advice,
      readBytes,
      requests,
      seconds,
      contacted,
    });
  } finally {
    await source.close();
  }
}

interface Reading {
  readonly source: ReadingSource;
  readonly revision: Parameters<ReadingSource['read']>[0];
}

/** A look at one file. */
class Look {
  readonly reader: RangedReader;
  readonly #file: SubjectFile;
  readonly #remote: SourceFile;

  constructor(file: SubjectFile, { source, revision }: Reading) {
    if (!file.remote) throw new Error('a remote file has a source');
    this.#file = file;
    this.#remote = file.remote;
    this.reader = new RangedReader(file.sizeBytes, (range) => source.read(revision, this.#remote, range));
  }

  async run(): Promise<InspectedFile> {
    const { path, sizeBytes } = this.#file;
    try {
      const facts = await this.#parse();
      const bytes = this.reader.whole();
      return bytes ? this.#complete(facts, bytes) : this.#partial(facts);
    } catch (error) {
      if (!(error instanceof WeighlockError)) throw error;
      const { code, message, hint } = error;
      return unreadable({ path, sizeBytes, code, message, hint });
    }
  }

  /** The parser of an admission, its reads answered by requests as long as they stay within the limits of a triage. */
  async #parse(): Promise<Facts> {
    const { sizeBytes } = this.#file;
    const parser = identify(await this.reader.read(0, HEAD_BYTES));
    const parse = parser.parse(sizeBytes);
    let step = parse.next();
    while (!step.done) step = parse.next(await this.reader.read(step.value.offset, step.value.length));
    // The end says whether the file is a second format at the same time; where it was read anyway it costs nothing.
    const tailBegin = Math.max(0, sizeBytes - TAIL_BYTES);
    const tail = await this.reader.read(tailBegin, sizeBytes - tailBegin);
    const facts = withWhole(step.value, { declaredBytes: sizeBytes, actualBytes: sizeBytes, tail });
    return completeFacts(facts);
  }

  #complete(facts: Facts, bytes: Uint8Array): InspectedFile {
    const { path, sizeBytes } = this.#file;
    const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256;
    const gitBlobSha1 = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    if (!isDeclared(this.#remote, { sha256, gitBlobSha1: gitBlobSha1 as never }))
      throw new WeighlockError(
        'WL_DIGEST_MISMATCH',
        `${path} arrived with another digest than the source declares`,
      );
    return { ...judged(path, { sizeBytes, sha256, facts, examinations: [] }), seen: this.reader.seen() };
  }

  #partial(facts: Facts): InspectedFile {
    const { path, sizeBytes } = this.#file;
    const scanned = scanFile({ path, facts });
    // What a look that was cut short takes for a contradiction may be none.
    const cut = this.reader.limit !== undefined;
    const findings = cut
      ? scanned.findings.filter((finding) => finding.verdict === 'blocked')
      : scanned.findings;
    const seen = this.reader.seen();
    const unseenBytes = sizeBytes - this.reader.readBytes;
    const reason = this.reader.limit ?? 'a triage does not read what only holds numbers';
    const gaps = [...(cut ? [] : facts.gaps), ...unseen(seen, sizeBytes, reason)];
    const blocked = findings.some((finding) => finding.verdict === 'blocked');
    return {
      path,
      sizeBytes,
      ...(cut ? {} : { facts }),
      status: 'inconclusive',
      verdict: blocked ? 'blocked' : unseenBytes > 0 ? 'inconclusive' : scanned.verdict,
      findings,
      gaps,
      examinations: [],
      seen,
    };
  }
}

/** The ranges between those that were seen. */
function unseen(
  seen: readonly { readonly offset: number; readonly length: number }[],
  sizeBytes: number,
  reason: string,
): { offset: number; length: number; reason: string }[] {
  const gaps: { offset: number; length: number; reason: string }[] = [];
  let at = 0;
  for (const { offset, length } of [...seen, { offset: sizeBytes, length: 0 }]) {
    if (offset > at) gaps.push({ offset: at, length: offset - at, reason });
    at = offset + length;
  }
  return gaps;
}
