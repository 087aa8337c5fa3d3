/** Which models a workload serves, read from where its platform says they come from. */
import { isCommit, parseModelName } from '../base/name.ts';
import type { Place } from '../posture/bucket/place.ts';
import { hubIds, isHubId, modelsInArguments } from '../posture/endpoints/environment.ts';
import { vaultUri } from '../posture/endpoints/vault-uri.ts';
import type { RevisionId } from '../vault/layout.ts';
import type { Workload, WorkloadContainer } from './workload.ts';

export type Served =
  | { readonly kind: 'revision'; readonly id: RevisionId; readonly from: string }
  /** By name, from the Hub or from whatever answers as it; a revision that is none is a branch. */
  | {
      readonly kind: 'hub';
      readonly name: string;
      readonly revision: string | undefined;
      readonly endpoint: string | undefined;
    }
  | { readonly kind: 'other'; readonly from: string };

export function servedBy(workload: Workload, place: Place | undefined): Served[] {
  return workload.containers.flatMap((container) => ofContainer(container, place));
}

/** Whether it goes to the Hub itself, and not to a gateway that answers in its place. */
export function readsHub(served: Served): boolean {
  if (served.kind !== 'hub') return false;
  const { endpoint } = served;
  if (endpoint === undefined) return true;
  return /^https?:\/\/([a-z0-9-]+\.)*(huggingface\.co|hf\.co)(:\d+)?(\/|$)/i.test(endpoint);
}

function ofContainer(container: WorkloadContainer, place: Place | undefined): Served[] {
  const { environment, args, uris } = container;
  const words = args.flatMap((arg) => arg.split(/\s+/));
  const named = [
    ...uris.filter((uri) => !uri.startsWith('hf://')),
    ...words.filter((word) => /^(s3|weighlock):\/\//.test(word)),
    ...Object.values(environment).filter((value) =>
      /^(s3|weighlock):\/\/.*\/models\/|^weighlock:\/\//.test(value),
    ),
  ];
  const addresses = [...new Set(named)].map((uri) => ofAddress(uri, place));
  const names = [
    ...hubIds(environment).map(({ value }) => value),
    ...modelsInArguments(args).filter(isHubId),
    ...uris.filter((uri) => uri.startsWith('hf://')).map((uri) => uri.slice('hf://'.length)),
  ];
  const revision = revisionOf(environment, words);
  return [...addresses, ...[...new Set(names)].map((name) => ofHub(name, { revision, environment }))];
}

function ofAddress(uri: string, place: Place | undefined): Served {
  const [, model = '', commit = ''] = /^weighlock:\/\/([^@]+)@([0-9a-f]{40})\/?$/.exec(uri) ?? [];
  if (isCommit(commit)) {
    const name = modelOf(model);
    if (name !== undefined) return { kind: 'revision', id: { model: name, commit }, from: uri };
  }
  const at = place === undefined ? undefined : vaultUri(uri, place);
  return at?.kind === 'revision' ? { kind: 'revision', id: at.id, from: uri } : { kind: 'other', from: uri };
}

function modelOf(text: string): RevisionId['model'] | undefined {
  try {
    return parseModelName(text);
  } catch {
    return undefined;
  }
}

function ofHub(
  value: string,
  {
    revision,
    environment,
  }: { readonly revision: string | undefined; readonly environment: Readonly<Record<string, string>> },
): Served {
  const [name = value, own] = value.split('@');
  return { kind: 'hub', name, revision: own ?? revision, endpoint: environment.HF_ENDPOINT };
}

/** Variables and options by which servers pin a revision. */
const REVISION_VARIABLES = ['HF_MODEL_REVISION', 'OPTION_REVISION', 'SM_VLLM_REVISION', 'REVISION'];

function revisionOf(
  environment: Readonly<Record<string, string>>,
  words: readonly string[],
): string | undefined {
  for (const name of REVISION_VARIABLES) if (environment[name] !== undefined) return environment[name];
  // KServe's own server calls it `--model_revision`.
  const at = words.findIndex((word) => /^--(?:model[-_])?revision(?:=|$)/.test(word));
  const word = words[at];
  if (word === undefined) return undefined;
  return word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1];
}
