/** This machine as a target, as the command line lists it. */
import type { TargetEntry } from '../deploy.ts';

export const LOCAL: TargetEntry = {
  name: 'local',
  says: 'run a server (llama.cpp’s, or a given command) on this machine, and follow the channel',
  options: [
    { flags: '--server <program>', says: 'llama.cpp’s server (default: llama-server on the PATH)' },
    {
      flags: '--command <words>',
      says: 'another server, with {folder}, {file}, {port}, {name}, {context}, {parallel} where they belong',
    },
    {
      flags: '--health <path>',
      says: 'the path that answers 200 once the model is loaded (default: /health)',
    },
    { flags: '--file <path>', says: 'which weights, where the revision has several (quantisations)' },
    { flags: '--env <variable>', says: 'pass this variable on to the server', repeated: true },
    { flags: '--host <address>', says: 'where clients ask (default: 127.0.0.1, this machine alone)' },
    { flags: '--port <n>', says: 'where clients ask (default: 8000; 0 takes a free one)' },
    { flags: '--copies <folder>', says: 'where verified copies are kept (default: ./weighlock-local)' },
    { flags: '--start-seconds <n>', says: 'how long loading may take (default: by size)' },
    {
      flags: '--drain-seconds <n>',
      says: 'how long the last answers of an old revision may take (default: 120)',
    },
  ],
  open: async () => new (await import('./local.ts')).LocalTarget(),
};
