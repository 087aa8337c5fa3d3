/** huggingface_hub in four versions, with and without hf_xet, and transformers on top of the newest. */
import path from 'node:path';
import { peer } from '../story/stage.ts';
import { type Client, observe, type Peculiarity } from './client.ts';

const DOWNLOADS = ['snapshot_download', 'snapshot_download (local_dir)', 'hf_hub_download', 'hf download'];
const LISTINGS = [
  'model_info',
  'list_repo_tree',
  'list_repo_tree (expand)',
  'get_paths_info',
  'get_hf_file_metadata',
  'list_repo_refs',
  'list_repo_commits',
  'repo_exists',
  'repo_exists (not admitted)',
  'model_info (commit, channel)',
  'refusals',
  'hf download (not admitted)',
  'file_exists',
  'HfFileSystem.ls',
  'HfFileSystem.open, seek',
];

const FIXED_WORDS: Peculiarity = {
  operation: /^hf download \(not admitted\)$/,
  difference: /"saysWhy":false/,
  because:
    'from 1.0 on the command prints "Access denied" in place of what the endpoint said, which HF_DEBUG=1 and Python show',
};

interface Version {
  readonly version: string;
  readonly folder: string;
  readonly xet: 'with hf_xet' | 'without hf_xet' | 'hf_xet disabled';
}

const VERSIONS: readonly Version[] = [
  { version: '0.30.1', folder: 'hub-0.30', xet: 'without hf_xet' },
  { version: '0.30.1', folder: 'hub-0.30-xet', xet: 'with hf_xet' },
  { version: '0.36.0', folder: 'hub-0.36-plain', xet: 'without hf_xet' },
  { version: '0.36.0', folder: 'hub-0.36', xet: 'with hf_xet' },
  { version: '1.29.0', folder: 'hub-1.29', xet: 'hf_xet disabled' },
  { version: '1.29.0', folder: 'hub-1.29', xet: 'with hf_xet' },
  { version: '2.4.0', folder: 'hub-2.4', xet: 'hf_xet disabled' },
  { version: '2.4.0', folder: 'hub-2.4', xet: 'with hf_xet' },
];

export const PYTHON_CLIENTS: readonly Client[] = [
  ...VERSIONS.map(hubClient),
  pythonClient({
    name: 'transformers 5.23.0',
    folder: 'transformers',
    operations: ['AutoConfig', 'AutoTokenizer', 'AutoConfig (not admitted)'],
    takes: (kind) => kind === 'safetensors',
  }),
];

function hubClient({ version, folder, xet }: Version): Client {
  // The command came with 1.1.
  const verifies = version.startsWith('0.') ? [] : ['hf cache verify'];
  return pythonClient({
    name: `huggingface_hub ${version} ${xet}`,
    folder,
    operations: [...DOWNLOADS, ...verifies, ...LISTINGS],
    environment: xet === 'hf_xet disabled' ? { HF_HUB_DISABLE_XET: '1' } : {},
    // The large model comes to the oldest and to the newest: what differs between the others does not grow with size.
    takes: (kind) => kind === 'safetensors' || ['hub-0.30', 'hub-2.4'].includes(folder),
  });
}

interface PythonClient {
  readonly name: string;
  readonly folder: string;
  readonly operations: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly takes: Client['takes'];
}

function pythonClient({ name, folder, operations, environment, takes }: PythonClient): Client {
  const python = peer(`${folder}/bin/python`, 'hub-clients');
  return {
    name,
    operations,
    skip: python.skip,
    takes,
    peculiarities: [FIXED_WORDS],
    run: (question) =>
      observe({
        file: python.path,
        args: [path.join(import.meta.dirname, 'python-client.py')],
        question,
        input: { ...question, operations },
        ...(environment && { environment }),
      }),
  };
}
