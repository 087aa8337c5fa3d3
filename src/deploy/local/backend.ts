/** A backend: one server process on loopback that serves one revision, from its start to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { printable, WeighlockError } from '../../base/errors.ts';
import { type Filling, filled, type ServerCommand } from './server-command.ts';

export interface BackendOptions {
  readonly command: ServerCommand;
  readonly filling: Omit<Filling, 'port'>;
  readonly environment: Readonly<Record<string, string>>;
  /** How long loading may take. */
  readonly startMs: number;
  readonly signal: AbortSignal;
}

/** Between two looks at the health of a server that loads. */
const LOOK_EVERY_MS = 200;
/** A look that takes longer shows a server that hangs. */
const LOOK_MS_MAX = 2_000;
/** How long a server may take to end when it is asked to. */
const END_MS_MAX = 5_000;
/** What is kept of a server's last words. */
const LAST_WORDS_BYTES = 8_192;
const LAST_WORDS_LINES = 5;

/**
 * A server outlives whoever started it, and would go on serving what may be revoked by then: where util-linux is, the
 * kernel ends it with us, also when we are killed (prctl(2), PR_SET_PDEATHSIG).
 */
const SET_PRIVILEGES = '/usr/bin/setpriv';
const ENDS_WITH_US = [SET_PRIVILEGES, '--pdeathsig', 'KILL', '--no-new-privs', '--'] as const;

export class Backend {
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process is over, however it ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #words = '';
  #over = false;
  /** Why the program could not even be started. */
  #failure: string | undefined;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    this.pid = child.pid ?? 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    const hear = (chunk: Buffer) => {
      this.#words = (this.#words + chunk.toString('utf8')).slice(-LAST_WORDS_BYTES);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    const over = () => {
      this.#over = true;
      resolve();
    };
    child.once('error', (error) => {
      this.#failure = error.message;
      over();
    });
    child.once('exit', over);
  }

  /** Starts a server and waits until it is healthy. Throws WL_DEPLOY_FAILED with its last words; then nothing runs. */
  static async start({ command, filling, environment, startMs, signal }: BackendOptions): Promise<Backend> {
    const port = await freePort();
    const words = filled(command, { ...filling, port });
    const [program = '', ...args] = existsSync(SET_PRIVILEGES) ? [...ENDS_WITH_US, ...words] : words;
    const child = spawn(program, args, {
      cwd: filling.folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const backend = new Backend(child, port);
    try {
      await backend.#untilHealthy(command.healthPath, startMs, signal);
      return backend;
    } catch (error) {
      await backend.stop();
      throw error;
    }
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** The last lines that the server wrote, for people. */
  get lastWords(): string {
    const lines = this.#words.trim().split('\n').slice(-LAST_WORDS_LINES);
    return this.#failure ?? lines.map((line) => printable(line.trim())).join(' / ');
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<void> {
    if (this.#over) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS_MAX);
    await this.ended;
    clearTimeout(timer);
  }

  async #untilHealthy(path: string, startMs: number, signal: AbortSignal): Promise<void> {
    const until = performance.now() + startMs;
    for (;;) {
      signal.throwIfAborted();
      if (this.#over) throw this.#failed('it ended while it was starting');
      if (await answersWell(this.port, path)) {
        // Another process may have taken the port: ours ends at once then, as it cannot listen.
        await pause(LOOK_EVERY_MS);
        if (this.#over) throw this.#failed('it ended while it was starting');
        return;
      }
      if (performance.now() > until)
        throw this.#failed(`it was not healthy within ${Math.round(startMs / 1000)} s`);
      await pause(LOOK_EVERY_MS);
    }
  }

  #failed(what: string): WeighlockError {
    const words = this.lastWords;
    return new WeighlockError(
      'WL_DEPLOY_FAILED',
      `the server did not come up: ${what}${words && `: ${words}`}`,
    );
  }
}

function answersWell(port: number, path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const asked = request({ host: '127.0.0.1', port, path, timeout: LOOK_MS_MAX, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  asked.on('timeout', () => asked.destroy());
  asked.on('error', () => resolve(false));
  asked.end();
  return promise;
}

/**
 * A port that was free a moment ago. A process of this machine that takes it first, and answers as if it were healthy, is
 * taken for the server until ours cannot listen and ends. A server that loads before it listens does so late.
 */
async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
