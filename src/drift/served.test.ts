/** Which model a workload is taken to serve. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readsHub, servedBy } from './served.ts';
import type { WorkloadContainer } from './workload.ts';

const COMMIT = 'a'.repeat(40);
const PLACE = { bucket: 'acme', prefix: 'team' };
const URI = `s3://acme/team/models/org/model/${COMMIT}/`;

const served = (container: Partial<WorkloadContainer>) =>
  servedBy(
    {
      target: 'vllm',
      place: 'here',
      containers: [{ image: '', environment: {}, referred: [], args: [], uris: [], ...container }],
      isolated: true,
      unread: [],
    },
    PLACE,
  ).map((one) => {
    if (one.kind === 'revision') return `${one.id.model}@${one.id.commit}`;
    return one.kind === 'hub'
      ? `${readsHub(one) ? 'hub' : 'by name'} ${one.name}@${one.revision}`
      : `other ${one.from}`;
  });

describe('what a workload serves', () => {
  const cases: Readonly<Record<string, readonly [Partial<WorkloadContainer>, readonly string[]]>> = {
    'a revision by its prefix': [{ uris: [URI] }, [`org/model@${COMMIT}`]],
    'a revision without the slash': [{ uris: [URI.slice(0, -1)] }, [`org/model@${COMMIT}`]],
    'a prefix that is more than a revision': [
      { uris: ['s3://acme/team/models/'] },
      ['other s3://acme/team/models/'],
    ],
    'a file of a revision': [{ uris: [`${URI}config.json`] }, [`other ${URI}config.json`]],
    'a way out of the vault': [
      { uris: ['s3://acme/team/models/../x/'] },
      ['other s3://acme/team/models/../x/'],
    ],
    'another bucket': [{ uris: ['s3://other/model/'] }, ['other s3://other/model/']],
    'a revision by its name': [{ uris: [`weighlock://org/model@${COMMIT}`] }, [`org/model@${COMMIT}`]],
    'a branch by the vault’s name': [
      { uris: ['weighlock://org/model@main'] },
      ['other weighlock://org/model@main'],
    ],
    'an argument': [{ args: ['vllm', 'serve', URI] }, [`org/model@${COMMIT}`]],
    'the Hub': [{ environment: { HF_MODEL_ID: 'org/model' } }, ['hub org/model@undefined']],
    'the Hub at a commit': [
      { environment: { HF_MODEL_ID: 'org/model', HF_MODEL_REVISION: COMMIT } },
      [`hub org/model@${COMMIT}`],
    ],
    'the Hub by its own address': [
      { args: ['--model=org/model'], environment: { HF_ENDPOINT: 'https://huggingface.co' } },
      ['hub org/model@undefined'],
    ],
    'a gateway': [
      {
        args: ['vllm', 'serve', 'org/model', '--revision', COMMIT],
        environment: { HF_ENDPOINT: 'http://gateway:8080' },
      },
      [`by name org/model@${COMMIT}`],
    ],
    'one that only looks like a gateway': [
      {
        args: ['vllm', 'serve', 'org/model'],
        environment: { HF_ENDPOINT: 'https://cdn.huggingface.co:443/x' },
      },
      ['hub org/model@undefined'],
    ],
    'KServe from the Hub': [{ uris: ['hf://org/model'] }, ['hub org/model@undefined']],
    'no model': [{ args: ['nginx', '-g', 'daemon off;'] }, []],
  };
  for (const [title, [container, expected]] of Object.entries(cases)) {
    it(`is ${title}`, () => {
      assert.deepEqual(served(container), expected);
    });
  }
});
