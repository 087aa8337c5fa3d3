/** Writes docs/errors.md from the table of errors; `--check` only says whether it is true. */
import { readFileSync, writeFileSync } from 'node:fs';
import { ERRORS } from '../src/base/errors.ts';

const PAGE = new URL('../docs/errors.md', import.meta.url);

export function errorsPage(): string {
  const head = `# Errors

Every error that you can meet has a permanent code. The command line prints what happened, the code, and what to do
next; with \`--json\` the same stands under \`error\`. A refused or held model is a verdict and not an error.

| exit code | means |
| --- | --- |
| 0 | done, admitted, clean |
| 1 | refused, blocked, or verification failed |
| 2 | held or inconclusive: a person must decide |
| 64 | usage: the command line cannot be understood |
| 65 | the source's bytes are wrong |
| 69 | the source or the vault is unavailable |
| 70 | a fault of Weighlock |
| 77 | not permitted |
| 78 | configuration |

This page is generated from \`src/base/errors.ts\` by \`npm run errors-page\`.
`;
  const entries = Object.entries(ERRORS).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = entries.map(
    ([code, { exit, when, remedy }]) => `\n## ${code}\n\nExit code ${exit}. ${when}\n\n${remedy}\n`,
  );
  return head + sections.join('');
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--check')) {
    if (readFileSync(PAGE, 'utf8') !== errorsPage()) {
      process.stderr.write('docs/errors.md is not what the table says: run `npm run errors-page`\n');
      process.exitCode = 1;
    }
  } else writeFileSync(PAGE, errorsPage());
}
