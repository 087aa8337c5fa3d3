/** `weighlock deploy local --apply` in a process of its own: what it says, and what it answers. */
import type { ChildProcess } from 'node:child_process';
import { ended, type Ran, type Stage } from '../story/stage.ts';

export interface LocalRun {
  readonly child: ChildProcess;
  /** Resolves with the match once the run has said so on standard error; fails when it ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  readonly over: Promise<Ran>;
  stop(): Promise<Ran>;
}

export function runLocal(stage: Stage, args: readonly string[], environment?: NodeJS.ProcessEnv): LocalRun {
  const child = stage.start(['deploy', 'local', ...args], environment);
  let heard = '';
  const waiting = new Set<() => void>();
  child.stderr?.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
    for (const look of waiting) look();
  });
  const over = ended(child);
  const said = (pattern: RegExp) => {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const match = pattern.exec(heard);
      if (match) resolve(match);
    };
    waiting.add(look);
    look();
    void over.then(() => reject(new Error(`it ended without ${pattern}: ${heard}`)));
    return promise.finally(() => waiting.delete(look));
  };
  return {
    child,
    said,
    over,
    async stop() {
      child.kill('SIGTERM');
      return over;
    },
  };
}

export interface Asked {
  readonly status: number;
  readonly revision: string | null;
  /** The content of the first choice, or the message of an error. */
  readonly content: string;
}

/** One chat completion. Throws where the connection broke. */
export async function ask(url: string, content: string, more: Record<string, unknown> = {}): Promise<Asked> {
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content }], ...more }),
  });
  const body = (await response.json()) as {
    choices?: { message?: { content?: string } }[];
    error?: { message?: string };
  };
  return {
    status: response.status,
    revision: response.headers.get('x-weighlock-revision'),
    content: body.choices?.[0]?.message?.content ?? body.error?.message ?? '',
  };
}

/** Questions one after the other in so many lanes, until it is told to stop or a bound is reached. */
export function load(
  url: string,
  { lanes, questionsMax, ...more }: { lanes: number; questionsMax: number; max_tokens?: number },
) {
  const answers: (Asked | Error)[] = [];
  let stopped = false;
  const lane = async () => {
    while (!stopped && answers.length < questionsMax)
      answers.push(await ask(url, 'What is a garden?', more).catch((error: Error) => error));
  };
  const over = Promise.all(Array.from({ length: lanes }, lane));
  return {
    answers,
    async stop() {
      stopped = true;
      await over;
      return answers;
    },
  };
}
