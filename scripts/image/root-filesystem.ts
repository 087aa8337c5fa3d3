/**
 * What is in the image, from nothing: Node with the libraries that it is linked to, the certificates that Node ships, a
 * user without rights, and Weighlock with the packages that it runs with. No shell, no package manager.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Entry } from './tar.ts';

export const HOME = 'opt/weighlock';
export const NODE = '/usr/local/bin/node';
export const COMMAND = '/usr/local/bin/weighlock';
/** The user `nonroot` of many images from nothing. */
export const USER = 65532;

export interface LayerContent {
  readonly says: string;
  readonly entries: readonly Entry[];
}

/** Layers from what changes least to what changes most. `compiled` is where the build has been written to. */
export function layerContents(root: string, compiled: string): readonly LayerContent[] {
  return [
    { says: 'Node, its libraries, certificates, a user', entries: [...systemFiles(), ...nodeFiles(root)] },
    { says: 'packages that Weighlock runs with', entries: packageFiles(root) },
    { says: 'Weighlock', entries: ownFiles(root, compiled) },
  ];
}

function file(where: string, text: string | Uint8Array, mode = 0o644): Entry {
  return { kind: 'file', path: where, mode, bytes: typeof text === 'string' ? Buffer.from(text) : text };
}

function systemFiles(): Entry[] {
  return [
    file('etc/passwd', `root:x:0:0:root:/:/nowhere\nnonroot:x:${USER}:${USER}:nonroot:/tmp:/nowhere\n`),
    file('etc/group', `root:x:0:\nnonroot:x:${USER}:\n`),
    file('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    file('etc/ssl/certs/ca-certificates.crt', `${rootCertificates.join('\n')}\n`),
    { kind: 'folder', path: 'tmp', mode: 0o1777 },
    // A plain script would want a shell, or `env`.
    file(COMMAND.slice(1), `#!${NODE}\nimport('/${HOME}/bin/weighlock.js');\n`, 0o755),
  ];
}

function nodeFiles(root: string): Entry[] {
  const node = realpathSync(path.join(root, 'node_modules/node/bin/node'));
  const libraries = librariesOf(node);
  return [
    file(NODE.slice(1), readFileSync(node), 0o755),
    ...libraries.map((library) => file(library.slice(1), readFileSync(library), 0o755)),
    ...libraries.flatMap(noticeOf),
  ];
}

/** What the dynamic linker says that it would load, and itself. */
function librariesOf(program: string): string[] {
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  const found = [...listed.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map(
    (match) => match[1] ?? '',
  );
  return found.sort();
}

/** The licence of the Debian package that a library is of, where Debian keeps it. */
function noticeOf(library: string): Entry[] {
  const notices: Readonly<Record<string, string>> = {
    'libstdc++': 'libstdc++6',
    libgcc_s: 'libgcc-s1',
    libc: 'libc6',
  };
  const owner = notices[/^([a-z_+]+)\.so/.exec(path.basename(library))?.[1] ?? ''];
  const notice = `/usr/share/doc/${owner}/copyright`;
  return owner && existsSync(notice) ? [file(notice.slice(1), readFileSync(realpathSync(notice)))] : [];
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** Files that no program reads: maps, types, tests. */
const NOT_RUN = /\.(map|d\.[cm]?ts|tsbuildinfo|test\.[cm]?js)$/;

/** Folders of packages that are for their makers; packages inside of packages are in the lock file by themselves. */
const NOT_ENTERED = ['node_modules', 'test', 'tests', '__tests__', 'bench', 'benchmarks', '.github'];

/** The packages that the lock file names for running; optional ones of other platforms are not there. */
function packageFiles(root: string): Entry[] {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as Lock;
  const folders = Object.entries(packages)
    .filter(([folder, { dev, devOptional }]) => folder !== '' && !dev && !devOptional)
    .map(([folder]) => folder)
    .filter((folder) => existsSync(path.join(root, folder)));
  return folders.flatMap((folder) => filesOf(root, folder, (name) => !NOT_ENTERED.includes(name)));
}

function ownFiles(root: string, compiled: string): Entry[] {
  const { version, type, dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const about = { name: 'weighlock', version, type, dependencies };
  return [
    file(`${HOME}/package.json`, `${JSON.stringify(about, null, 2)}\n`),
    file(`${HOME}/LICENSE`, readFileSync(path.join(root, 'LICENSE'))),
    ...['bin', 'policies', 'advisories'].flatMap((folder) => filesOf(root, folder)),
    ...filesOf(path.dirname(compiled), path.basename(compiled)).map((entry) => ({
      ...entry,
      path: entry.path.replace(`${HOME}/${path.basename(compiled)}`, `${HOME}/dist`),
    })),
  ];
}

/** Files below a folder, at the same place below ours; links are left out, as nothing that runs is one. */
function filesOf(root: string, folder: string, enters: (name: string) => boolean = () => true): Entry[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry): Entry[] => {
    const relative = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return enters(entry.name) ? filesOf(root, relative, enters) : [];
    if (!entry.isFile() || NOT_RUN.test(entry.name)) return [];
    return [file(`${HOME}/${relative}`, readFileSync(path.join(root, relative)))];
  });
}
