/** Plans of the pass-through programs: everything that takes thought is done before the clock starts. */
import { writeFileSync } from 'node:fs';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { connect } from '../test/s3/server.ts';
import type { Hub } from './hub-process.ts';
import { presign } from './presign.ts';
import { R1_MODEL } from './r1-repo.ts';
import { BUCKET, type Store } from './s3-store.ts';

const PART_BYTES = 16 << 20;

/** A file of the repo, and where its bytes are after all redirects. */
export interface RepoFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly port: string;
  readonly target: string;
}

/** Redirects are followed beforehand: the programs only move bytes. */
export async function listRepo(hub: Hub): Promise<readonly RepoFile[]> {
  const listing = await fetch(`${hub.endpoint}/api/models/${R1_MODEL}/tree/main?recursive=true`);
  const tree = (await listing.json()) as readonly { readonly path: string; readonly size: number }[];
  const files: RepoFile[] = [];
  for (const file of tree) {
    const resolve = `${hub.endpoint}/${R1_MODEL}/resolve/main/${file.path}`;
    const answer = await fetch(resolve, { redirect: 'manual', headers: { range: 'bytes=0-0' } });
    await answer.arrayBuffer();
    const url = new URL(answer.headers.get('location') ?? resolve, resolve);
    files.push({ path: file.path, sizeBytes: file.size, port: url.port, target: url.pathname + url.search });
  }
  return files;
}

/** For pass-through-s3.c: every upload is begun, every URL is signed. Returns the file of the plan. */
export async function planUploads(
  hub: Hub,
  { server }: Store,
  { prefix, plan }: { readonly prefix: string; readonly plan: string },
): Promise<string> {
  const client = connect(server);
  const { host, port } = new URL(server.endpoint);
  const lines: string[] = [];
  for (const file of await listRepo(hub)) {
    const Key = `${prefix}/${file.path}`;
    const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key }));
    const sign = (method: 'PUT' | 'POST', query: Record<string, string>) =>
      presign(server, { method, host, place: `${BUCKET}/${Key}`, query: { ...query, uploadId: UploadId } });
    const parts = Math.max(1, Math.ceil(file.sizeBytes / PART_BYTES));
    const fields = [file.port, file.target, file.sizeBytes, PART_BYTES, parts, port, sign('POST', {})];
    lines.push(['file', ...fields].join('\t'));
    for (let part = 1; part <= parts; part++)
      lines.push(`part\t${sign('PUT', { partNumber: String(part) })}`);
  }
  client.destroy();
  writeFileSync(plan, `${lines.join('\n')}\n`);
  return plan;
}
