/**
 * kubectl, the user's own: it knows the cluster, the credentials and every way to get them. What it says is bounded, and
 * turned into our errors.
 */
import { spawn } from 'node:child_process';
import { printable, WeighlockError } from '../../base/errors.ts';

/** Longest answer: an object of the cluster is at most 1.5 MiB in etcd, and lists here are short. */
const ANSWER_BYTES_MAX = 16 << 20;
const WORDS_BYTES_MAX = 64 << 10;
/** What of its words goes into a message. */
const WORDS_SHOWN = 500;
/** A call that only asks or sends takes seconds. */
const CALL_MS_MAX = 120_000;

export interface KubectlOptions {
  readonly program: string;
  /** A context of the kubeconfig; undefined: the current one. */
  readonly context: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
}

export interface Call {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export class Kubectl {
  readonly #options: KubectlOptions;

  constructor(options: KubectlOptions) {
    this.#options = options;
  }

  /** What it prints. Throws WL_DEPLOY_DENIED, WL_DEPLOY_UNAVAILABLE, WL_DEPLOY_EXISTS, WL_DEPLOY_FAILED with its words. */
  async run(args: readonly string[], call: Call = {}): Promise<string> {
    const { program, context, environment } = this.#options;
    const all = [...(context === undefined ? [] : ['--context', context]), ...args];
    const child = spawn(program, all, {
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(call.signal && { signal: call.signal }),
    });
    // Of its own: that of `spawn` goes on for a program that could not be started.
    const timer = setTimeout(() => child.kill(), call.timeoutMs ?? CALL_MS_MAX);
    const out = gather(child.stdout, ANSWER_BYTES_MAX, () => child.kill());
    const err = gather(child.stderr, WORDS_BYTES_MAX, () => {});
    const { promise, resolve } = Promise.withResolvers<{
      readonly code: number | null;
      readonly error?: Error;
    }>();
    child.once('error', (error) => resolve({ code: null, error }));
    child.once('close', (code) => resolve({ code }));
    // A program that ends before it has read everything is judged by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(call.input ?? '');
    const { code, error } = await promise;
    clearTimeout(timer);
    if (code === 0) return out();
    if (call.signal?.aborted)
      throw new WeighlockError('WL_DEPLOY_UNAVAILABLE', 'it was stopped; the cluster goes on by itself');
    throw failure(args[0] ?? '', error ? error.message : err());
  }
}

/** What comes, up to so many bytes; more is reported once. */
function gather(
  stream: AsyncIterable<Buffer> & NodeJS.ReadableStream,
  bytesMax: number,
  tooLong: () => void,
): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    if (length > bytesMax) return;
    length += chunk.length;
    if (length > bytesMax) tooLong();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function failure(verb: string, words: string): WeighlockError {
  const said = printable(words.trim().replace(/\s+/g, ' ')).slice(0, WORDS_SHOWN);
  const message = `kubectl ${verb}: ${said || 'it ended without a word'}`;
  if (/\bENOENT\b/.test(words))
    return new WeighlockError('WL_DEPLOY_UNAVAILABLE', 'kubectl cannot be started', {
      hint: 'Install kubectl, name it with --kubectl, or write the files with --out and apply them elsewhere.',
    });
  if (/\bforbidden\b|\bunauthorized\b|must be logged in/i.test(words))
    return new WeighlockError('WL_DEPLOY_DENIED', message);
  if (/conflict/i.test(words))
    return new WeighlockError('WL_DEPLOY_EXISTS', message, {
      hint: 'Somebody else sets these fields: settle with them who does, or give this deployment another --name.',
    });
  if (
    /unable to connect|connection refused|no such host|i\/o timeout|no configuration|was refused|context (.* )?(does not exist|was not found)/i.test(
      words,
    )
  )
    return new WeighlockError('WL_DEPLOY_UNAVAILABLE', message, {
      hint: 'Check the kubeconfig (KUBECONFIG, --kube-context) and the network to the cluster.',
    });
  return new WeighlockError('WL_DEPLOY_FAILED', message);
}
