/** The programs that contestants are: ours as users install it, and those that scripts/peers.sh brings. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');

/** What users install: compiled, where a checkout would first strip its sources of types. Returns its program. */
export function buildPackage(folder: string): string {
  mkdirSync(folder);
  const compiler = path.join(ROOT, 'node_modules/.bin/tsc');
  execFileSync(compiler, ['-p', 'tsconfig.build.json', '--outDir', path.join(folder, 'dist')], {
    cwd: ROOT,
    // What the compiler says is for people, and nothing else may come between the numbers.
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  for (const part of ['bin', 'policies', 'advisories', 'package.json'])
    cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return path.join(folder, 'bin/weighlock.js');
}

/** A program of a peer. Throws with the part of scripts/peers.sh that installs it. */
export function peerProgram(program: string, part: string): string {
  const file = path.join(ROOT, '.peers', program);
  if (existsSync(file)) return file;
  throw new Error(`${program} is not installed: run scripts/peers.sh ${part}`);
}
