#!/usr/bin/env node
// Starts the command line: the sources in a checkout, the compiled files in a published package.
import { existsSync } from 'node:fs';

const NODE_MAJOR_MIN = 24;
if (Number(process.versions.node.split('.', 1)[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `weighlock needs Node ${NODE_MAJOR_MIN} or later, and this is ${process.version}.\n` +
      'In a checkout, run it by `npx weighlock`, which takes the Node that the project pins.\n',
  );
  process.exit(78);
}
const source = new URL('../src/cli/main.ts', import.meta.url);
const compiled = new URL('../dist/cli/main.js', import.meta.url);
const { main } = await import((existsSync(source) ? source : compiled).href);
await main(process.argv.slice(2));
