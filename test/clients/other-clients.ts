/** The clients that are not Python: npm @huggingface/hub, hf-hub for Rust at two versions, llama.cpp. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { peer } from '../story/stage.ts';
import { type Client, type Ended, observe, type Peculiarity, type Question, runProgram } from './client.ts';
import type { Observation } from './observation.ts';

const JAVASCRIPT: Client = {
  name: 'npm @huggingface/hub 2.17.5',
  operations: [
    'listFiles',
    'listFiles (expand)',
    'modelInfo',
    'pathsInfo',
    'fileDownloadInfo',
    'listCommits',
    'fileExists',
    'downloadFile',
    'snapshotDownload',
    'refused downloads',
  ],
  skip: false,
  takes: () => true,
  peculiarities: [],
  run: (question) =>
    observe({
      file: process.execPath,
      args: [path.join(import.meta.dirname, 'javascript-client.ts')],
      question,
      input: question,
    }),
};

/** Its HTTP library takes a proxy from the environment and knows no exceptions. */
const NO_PROXY_VARIABLES = Object.fromEntries(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [
    [name, undefined],
    [name.toLowerCase(), undefined],
  ]),
);

interface HfHub04 {
  readonly half: 'blocking' | 'async' | 'async-parallel';
  /** Whether the endpoint's name is that of the bucket, on another port, or another name. */
  readonly bucketOn: 'same host' | 'another host';
}

const KEEPS_TOKEN: Peculiarity = {
  operation: /^get$/,
  difference: /status code 400 \(redirected from/,
  because:
    'it keeps its token across a redirect where only the port changes, which a bucket refuses; it reads where the ' +
    'bucket has another name than the gateway, as every bucket of AWS has, and with --proxy-data',
};

function hfHub04({ half, bucketOn }: HfHub04): Client {
  const program = peer('bin/hf-hub-04', 'rust-clients');
  return {
    name: `hf-hub 0.4.3 (Rust, ${half}${bucketOn === 'another host' ? ', another host' : ''})`,
    operations: ['info', 'get'],
    skip: program.skip,
    takes: () => true,
    peculiarities: half === 'blocking' && bucketOn === 'same host' ? [KEEPS_TOKEN] : [],
    run: (question) =>
      observe({
        file: program.path,
        args: [half, question.model],
        question,
        environment: {
          ...NO_PROXY_VARIABLES,
          HF_ENDPOINT: bucketOn === 'same host' ? question.endpoint : otherName(question.endpoint),
        },
      }),
  };
}

/** The same server by another name: whatever it redirects to by address is then on another host. */
function otherName(endpoint: string): string {
  const url = new URL(endpoint);
  url.hostname = 'localhost';
  return url.origin;
}

const hfHub1 = peer('bin/hf-hub-1', 'rust-clients');
const HF_HUB_1: Client = {
  name: 'hf-hub 1.0.0 (Rust)',
  operations: [
    'info',
    'list_tree',
    'get_paths_info',
    'get_file_metadata',
    'list_refs',
    'list_commits',
    'exists',
    'file_exists',
    'download_file',
    'snapshot_download',
  ],
  skip: hfHub1.skip,
  takes: () => true,
  peculiarities: [
    {
      operation: /^(?:list_tree|get_paths_info)$/,
      difference: /LFS sha256 null/,
      because: "it reads lfs.sha256 of a tree's entry, which the Hub calls lfs.oid there",
    },
  ],
  run: (question) => observe({ file: hfHub1.path, args: [question.model, ...question.paths], question }),
};

const llama = peer('llama/llama-completion', 'llama');
const LLAMA: Client = {
  name: 'llama.cpp b11434',
  operations: ['-hf downloads', '-hf answers'],
  skip: llama.skip,
  takes: (kind) => kind === 'gguf',
  peculiarities: [],
  async run(question) {
    const ended = await runProgram({
      file: llama.path,
      args: [
        ...['-hf', question.model, '--prompt', question.sentence, '--predict', '8', '--temp', '0'],
        ...['--no-conversation', '--no-display-prompt', '--no-warmup', '--ctx-size', '512', '--threads', '2'],
      ],
      question,
      environment: { LLAMA_CACHE: path.join(question.home, 'llama') },
    });
    return [await downloaded(question, ended), answered(ended)];
  },
};

/** It takes one file of a repo, the quantisation that it likes best: the only large one here. */
async function downloaded(question: Question, { stderr }: Ended): Promise<Observation> {
  const operation = '-hf downloads';
  const cache = path.join(question.home, 'llama', `models--${question.model.replace('/', '--')}`);
  const folder = path.join(cache, 'snapshots', question.commit);
  const names = await readdir(folder).catch(() => []);
  if (names.length === 0) return { operation, error: 'NothingDownloaded', message: stderr };
  const files = Object.fromEntries(names.map((name) => [name, path.join(folder, name)]));
  return { operation, answer: { form: 'files', files, asked: [question.probe.path] } };
}

function answered({ stdout, stderr, exit }: Ended): Observation {
  const operation = '-hf answers';
  if (exit !== 0) return { operation, error: `exit ${exit}`, message: stderr };
  return { operation, answer: { form: 'facts', facts: { countsOn: stdout.includes('6, 7, 8') } } };
}

export const OTHER_CLIENTS: readonly Client[] = [
  JAVASCRIPT,
  hfHub04({ half: 'blocking', bucketOn: 'same host' }),
  hfHub04({ half: 'blocking', bucketOn: 'another host' }),
  hfHub04({ half: 'async', bucketOn: 'same host' }),
  hfHub04({ half: 'async-parallel', bucketOn: 'same host' }),
  HF_HUB_1,
  LLAMA,
];
