/**
 * `npm run image`: Weighlock's container image, as an OCI image layout in a folder and in a tar file, made without a
 * container engine. The same sources on the same system give the same digests: nothing in it says when or by whom.
 *
 *   npm run image -- [folder]        default: weighlock-image
 *
 * Formats: OCI image-spec 1.1 (image layout, manifest, configuration, layers as tar+gzip).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { COMMAND, type LayerContent, layerContents, USER } from './root-filesystem.ts';
import { type Entry, tar } from './tar.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** Images have a time of making; the same bytes want the same one. */
const NO_TIME = '1970-01-01T00:00:00Z';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

interface Layer extends Blob {
  /** Digest of the layer before it was packed. */
  readonly diffId: string;
  readonly says: string;
}

export interface Image {
  readonly folder: string;
  readonly archive: string;
  /** Digest of the manifest: what the image is named by. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Builds the image into the folder, and beside it as one file. */
export async function buildImage(folder: string): Promise<Image> {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  const compiled = `${folder}.compiled`;
  rmSync(folder, { recursive: true, force: true });
  compile(compiled);
  const layers = layerContents(ROOT, compiled).map(packed);
  rmSync(compiled, { recursive: true, force: true });
  const config = json(CONFIG, configOf(layers, version));
  const manifest = json(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  const annotations = { 'org.opencontainers.image.ref.name': version };
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...manifest.descriptor, annotations }] };
  const files: Entry[] = [
    { kind: 'file', path: 'oci-layout', mode: 0o644, bytes: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { kind: 'file', path: 'index.json', mode: 0o644, bytes: Buffer.from(JSON.stringify(index)) },
    ...[...layers, config, manifest].map(
      ({ descriptor, bytes }): Entry => ({ kind: 'file', path: blobPath(descriptor), mode: 0o644, bytes }),
    ),
  ];
  for (const entry of files) write(folder, entry);
  const archive = `${folder}.tar`;
  await pipeline(Readable.from(tar(files)), createWriteStream(archive));
  const sizeBytes = [...layers, config, manifest].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  return { folder, archive, digest: manifest.descriptor.digest, sizeBytes };
}

/**
 * Into a folder of its own: a checkout runs its sources, and what is published is not touched. Types are checked by
 * `npm run types`; here they are only taken away.
 */
function compile(into: string): void {
  rmSync(into, { recursive: true, force: true });
  const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const project = path.join(ROOT, 'tsconfig.build.json');
  execFileSync(
    process.execPath,
    [compiler, '-p', project, '--outDir', into, '--declaration', 'false', '--noCheck'],
    {
      stdio: ['ignore', 2, 2],
    },
  );
}

function packed({ says, entries }: LayerContent): Layer {
  const plain = Buffer.concat([...tar(entries)]);
  const bytes = gzipSync(plain, { level: 6 });
  // Which system packed it, of which the header has a byte (RFC 1952), is nobody's business.
  bytes[9] = 255;
  return { ...blob(LAYER, bytes), diffId: digestOf(plain), says };
}

function configOf(layers: readonly Layer[], version: string): unknown {
  return {
    created: NO_TIME,
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      User: `${USER}:${USER}`,
      Env: [
        'PATH=/usr/local/bin',
        'HOME=/tmp',
        'NO_COLOR=1',
        'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
      ],
      Entrypoint: [COMMAND],
      Cmd: ['--help'],
      WorkingDir: '/tmp',
      Labels: {
        'org.opencontainers.image.title': 'weighlock',
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ says }) => ({ created: NO_TIME, created_by: 'npm run image', comment: says })),
  };
}

function json(mediaType: string, value: unknown): Blob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function blob(mediaType: string, bytes: Uint8Array): Blob {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function blobPath({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function write(folder: string, entry: Entry): void {
  if (entry.kind !== 'file') return;
  const place = path.join(folder, entry.path);
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, entry.bytes);
}

if (import.meta.main) {
  const { folder, archive, digest, sizeBytes } = await buildImage(
    path.resolve(process.argv[2] ?? 'weighlock-image'),
  );
  process.stdout.write(
    `  image      ${digest}, ${(sizeBytes / 1e6).toFixed(1)} MB\n` +
      `  layout     ${folder}\n` +
      `  archive    ${archive}\n` +
      `  next       skopeo copy oci-archive:${path.relative('.', archive)} docker://<registry>/weighlock, or docker load -i ${path.relative('.', archive)}\n`,
  );
}
