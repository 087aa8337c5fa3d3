/**
 * Engines: scanners of somebody else that look at bytes, for whoever has them. An *engine* is shown the bytes of a file
 * that are no tensors, up to a named size, and names what it recognises. It only ever adds to what our own scanners say:
 * an engine that found nothing makes nothing clean.
 */
import { ClamdEngine, type ClamdTicket } from './clamd.ts';
import { YaraEngine, type YaraTicket } from './yara.ts';

export interface EngineMatch {
  /** What the engine calls it, for example `Eicar-Signature`. */
  readonly name: string;
  /** What the rule says of itself: `block`, `review` or `note`. */
  readonly weight: 'block' | 'review' | 'note';
  readonly description?: string;
  readonly offset?: number;
}

export interface Engine {
  /** Name and version of its signatures, for the record. */
  readonly name: string;
  /** Throws where the engine cannot look: then the file was not examined. */
  examine(bytes: Uint8Array): Promise<readonly EngineMatch[]>;
  close(): Promise<void>;
}

/** Enough to open the same engine in another thread. */
export type EngineTicket = ClamdTicket | YaraTicket;

/** Bytes that an engine is shown of one file: what clamd takes in one stream as it is shipped. */
export const EXAMINED_BYTES_MAX = 25 << 20;

/** What an engine said of a file. */
export interface Examination {
  readonly engine: string;
  readonly matches: readonly EngineMatch[];
  /** Why it did not look, where it did not. */
  readonly failed?: string;
  /** Bytes that it was shown; the others are tensors, or beyond the limit. */
  readonly examinedBytes: number;
  /** Bytes beyond the limit that are not known to be tensors. */
  readonly leftBytes: number;
}

export async function openEngines(tickets: readonly EngineTicket[]): Promise<readonly Engine[]> {
  return Promise.all(
    tickets.map((ticket) => (ticket.kind === 'clamd' ? ClamdEngine.open(ticket) : YaraEngine.open(ticket))),
  );
}

/** What each engine says of the bytes; one that fails says so, and the others are asked all the same. */
export async function examineAll(
  engines: readonly Engine[],
  { bytes, leftBytes }: { readonly bytes: Uint8Array; readonly leftBytes: number },
): Promise<readonly Examination[]> {
  const examinations: Examination[] = [];
  for (const engine of engines) {
    const about = { engine: engine.name, leftBytes };
    try {
      const matches = bytes.length === 0 ? [] : await engine.examine(bytes);
      examinations.push({ ...about, matches, examinedBytes: bytes.length });
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      examinations.push({ ...about, matches: [], failed, examinedBytes: 0 });
    }
  }
  return examinations;
}
