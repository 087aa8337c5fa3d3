/**
 * Rendering: what a chat template makes of a sample conversation, to show a person what it adds. A template is a
 * program of somebody else's, so it runs in a *worker*: a process of its own that may read nothing but its own code,
 * start nothing, and has an empty environment, a limit on its memory and a deadline. A thread would not do: a single
 * allocation beyond the limit takes the whole process down.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Message, sampleConversation } from './sample.ts';

/** A template of a real model takes some 20 ms, and the process a fifth of a second to start. */
export const DEADLINE_MS = 5000;

/** Longest template that is rendered: the longest known ones have some 20,000 characters. */
export const TEMPLATE_CHARS_MAX = 512 * 1024;

/** Most characters of the outcome that are handed on. */
export const OUTPUT_CHARS_MAX = 16 * 1024;

/** Each of these characters takes six bytes at most as it is written in JSON, and a little stands around them. */
const REPLY_BYTES_MAX = 6 * OUTPUT_CHARS_MAX + 1024;

/** Node and the library take some 10 MB; what wants more than this builds texts without end. */
const MEMORY_MB_MAX = 64;

/** Of a message of the template or of the interpreter, what is shown. */
const REASON_CHARS_MAX = 200;

export interface RenderOrder {
  readonly template: string;
  readonly messages: readonly Message[];
  readonly charsMax: number;
}

const REPLY = z.union([z.object({ text: z.string(), chars: z.number() }), z.object({ reason: z.string() })]);

export type RenderReply = z.infer<typeof REPLY>;

export type Rendered =
  /** `chars`: how long the whole is, of which `text` is the beginning. */
  | { readonly outcome: 'rendered'; readonly text: string; readonly chars: number }
  /** The template raised an exception, or the interpreter does not know what it asks for. */
  | { readonly outcome: 'failed'; readonly reason: string }
  /** The worker was ended: no end in sight, or too much memory. */
  | { readonly outcome: 'ended'; readonly reason: string };

/** What the template makes of a sample conversation whose last message holds `asked`. Never throws on input. */
export async function renderTemplate(
  template: string,
  {
    asked,
    deadlineMs = DEADLINE_MS,
  }: { readonly asked?: string | undefined; readonly deadlineMs?: number } = {},
): Promise<Rendered> {
  if (template.length > TEMPLATE_CHARS_MAX)
    return { outcome: 'failed', reason: `it is longer than ${TEMPLATE_CHARS_MAX} characters` };
  const order: RenderOrder = { template, messages: sampleConversation(asked), charsMax: OUTPUT_CHARS_MAX };
  const worker = start();
  const late = Promise.withResolvers<Rendered>();
  const timer = setTimeout(
    () => late.resolve({ outcome: 'ended', reason: `it was not done after ${deadlineMs} ms` }),
    deadlineMs,
  );
  try {
    const reply = replyOf(worker);
    worker.stdin?.on('error', () => undefined).end(JSON.stringify(order));
    return await Promise.race([reply, late.promise]);
  } finally {
    clearTimeout(timer);
    worker.kill('SIGKILL');
  }
}

/** What a worker is held to: reading its own code and the library, and a limit on its memory. */
export function confinement(): readonly string[] {
  const library = path.resolve(fileURLToPath(import.meta.resolve('@huggingface/jinja')), '../..');
  const readable = [import.meta.dirname, library, ...linksTo('@huggingface/jinja')].map(
    (folder) => `--allow-fs-read=${folder}${path.sep}*`,
  );
  return ['--permission', ...readable, `--max-old-space-size=${MEMORY_MB_MAX}`, '--max-semi-space-size=2'];
}

/** Where a package is looked for, link or not: installers of today put links there, which are read on the way. */
function linksTo(name: string): readonly string[] {
  const links: string[] = [];
  for (let folder = import.meta.dirname; path.dirname(folder) !== folder; folder = path.dirname(folder)) {
    const link = path.join(folder, 'node_modules', name);
    if (existsSync(link)) links.push(link);
  }
  return links;
}

function start(): ChildProcess {
  // Beside this file, as source or compiled.
  const file = path.join(import.meta.dirname, `worker${path.extname(import.meta.filename)}`);
  return spawn(process.execPath, [...confinement(), '--no-warnings', file], {
    env: {},
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

function replyOf(worker: ChildProcess): Promise<Rendered> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    worker.stdout?.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= REPLY_BYTES_MAX) pieces.push(piece);
      else resolve({ outcome: 'ended', reason: `its answer is longer than ${REPLY_BYTES_MAX} bytes` });
    });
    worker.once('error', (error) =>
      resolve({ outcome: 'ended', reason: `it was not started: ${error.message}` }),
    );
    worker.once('close', (code) =>
      resolve(
        code === 0
          ? outcomeOf(Buffer.concat(pieces).toString())
          : {
              outcome: 'ended',
              reason: `it took more than ${MEMORY_MB_MAX} MB of memory, or its interpreter gave up`,
            },
      ),
    );
  });
}

function outcomeOf(answer: string): Rendered {
  try {
    const reply = REPLY.parse(JSON.parse(answer));
    if ('reason' in reply) return { outcome: 'failed', reason: reply.reason.slice(0, REASON_CHARS_MAX) };
    return { outcome: 'rendered', ...reply };
  } catch {
    return { outcome: 'ended', reason: 'its answer cannot be read' };
  }
}
