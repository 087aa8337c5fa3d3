/** Compose as a target, as the command line lists it. */
import type { TargetEntry } from '../deploy.ts';

export const COMPOSE: TargetEntry = {
  name: 'compose',
  says: 'one machine with Docker or Podman: vLLM or llama.cpp behind a verified copy',
  options: [
    { flags: '--server <kind>', says: 'vllm or llama.cpp (default: by the weights)' },
    { flags: '--image <image>', says: 'the server’s container image, by digest' },
    { flags: '--weighlock-image <image>', says: 'the image of Weighlock, by digest' },
    { flags: '--name <name>', says: 'what the project is called (default: from the model)' },
    { flags: '--machine <name>', says: 'what the machine is called on record (default: this one)' },
    { flags: '--file <path>', says: 'which weights, where the revision has several (quantisations)' },
    { flags: '--port <n>', says: 'where clients ask, on this machine alone (default: 8000)' },
    { flags: '--gpus <n>', says: 'GPUs for the server (default: 1 for vLLM, none for llama.cpp)' },
    { flags: '--trust-file <path>', says: 'the trust file beside compose.yaml (default: ./trust.json)' },
  ],
  open: async () => new (await import('./compose.ts')).ComposeTarget(),
};
