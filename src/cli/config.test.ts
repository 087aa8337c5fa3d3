import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { type Config, type ConfigInput, readConfig } from './config.ts';

describe('configuration', () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'weighlock-config-'));
  after(() => rmSync(directory, { recursive: true }));
  const read = (yaml: string, environment: NodeJS.ProcessEnv = {}, options: ConfigInput['options'] = {}) => {
    writeFileSync(path.join(directory, 'weighlock.yaml'), yaml);
    return readConfig({ directory, environment, options });
  };

  it('takes options before variables before the file before defaults', () => {
    const yaml = 'vault: from-file\n';
    const place = ({ vault, ticket }: Config) => {
      const found = ticket(vault);
      assert.ok(found.kind === 'directory');
      return path.relative(directory, found.path);
    };
    const vault = (environment: NodeJS.ProcessEnv, options: ConfigInput['options']) =>
      place(read(yaml, environment, options));
    assert.equal(vault({ WEIGHLOCK_VAULT: 'from-variable' }, { vault: 'from-option' }), 'from-option');
    assert.equal(vault({ WEIGHLOCK_VAULT: 'from-variable' }, {}), 'from-variable');
    assert.equal(vault({ WEIGHLOCK_VAULT: '' }, {}), 'from-file');
    assert.equal(place(read('')), 'weighlock-data');
  });

  it('resolves every path against the folder of the file', () => {
    const { policy, trust } = read('policy: p.yaml\ntrust: /t.json\n');
    assert.deepEqual([policy, trust], [path.join(directory, 'p.yaml'), '/t.json']);
  });

  it('opens vaults by name, by place in S3, and by folder, with what AWS’s own variables say', () => {
    const yaml = `
vaults:
  prod: { place: s3://acme/models, region: eu-west-1, bucketOwner: 123456789012, kmsKey: "arn:aws:kms:x" }
  lab: { place: s3://lab, endpoint: "https://minio.lab", caFile: ca.pem }
  bundle: ./bundle
`;
    const { ticket } = read(yaml, { AWS_REGION: 'us-west-2', HTTPS_PROXY: 'http://proxy:3128' });
    assert.deepEqual(ticket('prod'), {
      kind: 's3',
      settings: {
        bucket: 'acme',
        prefix: 'models',
        region: 'eu-west-1',
        bucketOwner: '123456789012',
        kmsKey: 'arn:aws:kms:x',
        proxy: 'http://proxy:3128',
      },
    });
    assert.deepEqual(ticket('lab'), {
      kind: 's3',
      settings: {
        bucket: 'lab',
        prefix: '',
        region: 'us-west-2',
        endpoint: 'https://minio.lab',
        pathStyle: true,
        caFile: path.join(directory, 'ca.pem'),
        proxy: 'http://proxy:3128',
      },
    });
    assert.deepEqual(ticket('bundle'), { kind: 'directory', path: path.join(directory, 'bundle') });
    const elsewhere = read('', { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9000' }).ticket('s3://one/two/');
    assert.deepEqual(elsewhere, {
      kind: 's3',
      settings: {
        bucket: 'one',
        prefix: 'two',
        region: 'us-east-1',
        endpoint: 'http://127.0.0.1:9000',
        pathStyle: true,
      },
    });
  });

  for (const place of [
    's3://',
    's3://A_b',
    's3://bucket//x',
    's3://bucket/../x',
    's3://bucket/a b',
    's3://b',
  ])
    it(`refuses ${place} as a vault`, () => {
      assert.throws(() => read(`vault: "${place}"\n`), { code: 'WL_CONFIG_INVALID' });
    });

  it('never takes the endpoint of clients for the source', () => {
    assert.equal(read('', { HF_ENDPOINT: 'http://gateway' }).hub.endpoint, 'https://huggingface.co');
  });

  for (const [text, bytes] of [
    ['64MB', 64e6],
    ['64M', 64e6],
    ['1GiB', 2 ** 30],
    ['1.5 GB', 1.5e9],
    ['1000000', 1e6],
    ['2000kB', 2e6],
    ['5000000B', 5e6],
  ] as const) {
    it(`reads ${text} as ${bytes} bytes`, () => {
      assert.equal(read('', {}, { memory: text }).memoryBytes, bytes);
    });
  }

  it('takes the proxy for the endpoint’s scheme, unless the host is excepted', () => {
    const proxy = (environment: NodeJS.ProcessEnv, endpoint = 'https://hub.example.org') =>
      read('', { ...environment, WEIGHLOCK_HUB_ENDPOINT: endpoint }).hub.proxy;
    const both = { HTTPS_PROXY: 'http://secure:1', http_proxy: 'http://plain:1' };
    assert.equal(proxy(both), 'http://secure:1');
    assert.equal(proxy(both, 'http://hub.example.org'), 'http://plain:1');
    for (const NO_PROXY of ['*', 'hub.example.org', 'example.org', 'x, .example.org'])
      assert.equal(proxy({ ...both, NO_PROXY }), undefined, NO_PROXY);
    for (const NO_PROXY of ['ample.org', 'other', ''])
      assert.equal(proxy({ ...both, NO_PROXY }), 'http://secure:1', NO_PROXY);
  });

  it('blames whoever set what is not understood, and never shows the token', () => {
    assert.throws(() => read('', {}, { memory: 'x' }), { code: 'WL_USAGE' });
    assert.throws(() => read('', { WEIGHLOCK_MEMORY: 'x' }), { code: 'WL_CONFIG_INVALID' });
    assert.throws(() => read('concurrency: 65'), { code: 'WL_CONFIG_INVALID' });
    assert.throws(
      () => read('', { HF_TOKEN: 'hf_secret\u0007value' }),
      (error: Error) => {
        return /HF_TOKEN/.test(error.message) && !/secret/.test(error.message);
      },
    );
    assert.equal(read('', { HF_TOKEN: ' hf_token\n' }).hub.token, 'hf_token');
  });

  for (const hosts of ['[a b]', '["*"]', '["http://x"]', '["x/y"]', '[""]', '["a:b"]'])
    it(`refuses the hosts ${hosts}`, () => {
      assert.throws(() => read(`hub:\n  hosts: ${hosts}\n`), { code: 'WL_CONFIG_INVALID' });
    });

  it('takes hosts by name, with a port, by address and by domain', () => {
    const hosts = ['cdn.example', 'localhost:8080', '[::1]:80', '*.hf.co'];
    assert.deepEqual(read(`hub:\n  hosts: ${JSON.stringify(hosts)}\n`).hub.hosts, hosts);
  });
});
