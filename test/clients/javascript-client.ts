/**
 * Asks a Hub endpoint what npm @huggingface/hub can ask. Reads one JSON question from standard input and prints a line
 * of JSON for each operation; errors are answers.
 */
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import {
  downloadFile,
  fileDownloadInfo,
  fileExists,
  HubApiError,
  listCommits,
  listFiles,
  modelInfo,
  pathsInfo,
  snapshotDownload,
} from '@huggingface/hub';

interface Question {
  readonly model: string;
  readonly commit: string;
  readonly paths: readonly string[];
}

const { model, commit, paths } = (await json(process.stdin)) as Question;
const { HF_ENDPOINT: hubUrl = '', HF_TOKEN: accessToken = '', HF_HOME: home = '' } = process.env;
const asked = { repo: model, hubUrl, accessToken };

/** The library puts a path into its URLs as it is given, but for listings. */
const encoded = (file: string) => file.split('/').map(encodeURIComponent).join('/');

const operations: Readonly<Record<string, () => Promise<unknown>>> = {
  async listFiles() {
    return listingOf(await collected(listFiles({ ...asked, recursive: true })));
  },
  async 'listFiles (expand)'() {
    const entries = await collected(listFiles({ ...asked, recursive: true, expand: true }));
    const lastCommits = [...new Set(entries.flatMap(({ lastCommit }) => lastCommit?.id ?? []))].sort();
    return { ...listingOf(entries), lastCommits };
  },
  async modelInfo() {
    const { name, sha } = await modelInfo({ name: model, hubUrl, accessToken, additionalFields: ['sha'] });
    return { form: 'facts', facts: { name, sha } };
  },
  async pathsInfo() {
    return { ...listingOf(await pathsInfo({ ...asked, paths: [...paths] })), asked: paths };
  },
  async fileDownloadInfo() {
    const listing: Record<string, unknown> = {};
    for (const file of paths) {
      const info = await fileDownloadInfo({ ...asked, path: encoded(file) });
      listing[file] = info && { size: info.size, etag: info.etag.replaceAll('"', ''), xet: info.xet ?? null };
    }
    return { form: 'listing', asked: paths, listing };
  },
  async listCommits() {
    const commits = await collected(listCommits(asked));
    return { form: 'commits', commits: commits.map(({ oid }) => oid) };
  },
  async fileExists() {
    const present = await fileExists({ ...asked, path: encoded(paths[0] ?? '') });
    return {
      form: 'facts',
      facts: { present, absent: await fileExists({ ...asked, path: 'no-such-file' }) },
    };
  },
  async downloadFile() {
    const files: Record<string, string> = {};
    for (const file of paths) {
      const blob = await downloadFile({ ...asked, path: encoded(file) });
      if (!blob) throw new Error(`${file} was not found`);
      const target = path.join(home, 'one-by-one', file);
      mkdirSync(path.dirname(target), { recursive: true });
      await pipeline(Readable.fromWeb(blob.stream() as ReadableStream), createWriteStream(target));
      files[file] = target;
    }
    return { form: 'files', files };
  },
  async snapshotDownload() {
    return {
      form: 'folder',
      folder: await snapshotDownload({ ...asked, cacheDir: path.join(home, 'snapshot') }),
    };
  },
  async 'refused downloads'() {
    const download = (change: object) => downloadFile({ ...asked, path: 'config.json', ...change });
    const facts = {
      model: await refusal('weighlock admit', download({ repo: 'nobody/admitted-this' })),
      revision: await refusal(commit, download({ revision: 'v99' })),
      token: await refusal('set HF_TOKEN', download({ accessToken: `hf_${'x'.repeat(34)}` })),
      'no token': await refusal('set HF_TOKEN', download({ accessToken: undefined })),
    };
    return { form: 'facts', facts };
  },
};

for (const [operation, run] of Object.entries(operations)) {
  const line = await run().then(
    (answer) => ({ operation, answer }),
    (error: unknown) => ({ operation, error: nameOf(error), message: String(error).slice(0, 2000) }),
  );
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** The status that a refused attempt tells, and whether its words hold the reason. */
async function refusal(reason: string, attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'none';
  } catch (error) {
    const status = error instanceof HubApiError ? error.statusCode : nameOf(error);
    return `${status}, ${String(error).includes(reason) ? '' : 'not '}saying why`;
  }
}

interface Entry {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly oid?: string;
  readonly lfs?: { readonly oid: string };
  readonly xetHash?: string;
}

function listingOf(entries: readonly Entry[]) {
  const listing: Record<string, unknown> = {};
  const folders: string[] = [];
  for (const { type, path: file, size, oid, lfs, xetHash } of entries) {
    if (type === 'directory') folders.push(file);
    else listing[file] = { size, oid, sha256: lfs?.oid ?? null, xet: xetHash ?? null };
  }
  return { form: 'listing', listing, folders };
}

async function collected<T>(all: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of all) items.push(item);
  return items;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : typeof error;
}
