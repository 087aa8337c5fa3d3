#!/usr/bin/env node
// Starts the command line: the sources in a checkout, the compiled files in a published package.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NODE_MAJOR_MIN = 24;
if (Number(process.versions.node.split('.', 1)[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `weighlock needs Node ${NODE_MAJOR_MIN} or later, and this is ${process.version}.\n` +
      'In a checkout, run it by `npx weighlock`, which takes the Node that the project pins.\n',
  );
  process.exit(78);
}
// The bytes of models are outside of V8's heap, whose young generation would grow to tens of megabytes while the program
// is loaded: memory for nothing in an admission, and pauses of tens of milliseconds in a gateway.
setFlagsFromString('--semi-space-growth-factor=1');
const source = new URL('../src/cli/main.ts', import.meta.url);
const compiled = new URL('../dist/cli/main.js', import.meta.url);
// Code is compiled once, not in every thread of every run, and sources are stripped of their types once: most of a
// second. In a checkout the cache lies beside the sources, otherwise in a folder of this user: whoever could poison it
// could change what runs in any case.
const home = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const cache = existsSync(source)
  ? fileURLToPath(new URL('../node_modules/.cache/weighlock', import.meta.url))
  : join(home, 'weighlock');
process.env.NODE_COMPILE_CACHE ??= cache;
// Imported here, because Nodes that are too old do not have it, and shall get the message above.
const { enableCompileCache } = await import('node:module');
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { main } = await import((existsSync(source) ? source : compiled).href);
await main(process.argv.slice(2));
