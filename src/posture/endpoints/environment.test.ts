/** What variables and arguments of serving containers are taken for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hubIds, isHubId, modelsInArguments, remoteCode } from './environment.ts';

describe('a container’s variables', () => {
  it('tell a name on the Hub from a path and from an address', () => {
    for (const name of ['gpt2', 'org/model', 'org/model@main', 'hf://org/model'])
      assert.ok(isHubId(name), name);
    for (const other of [
      '/opt/ml/model',
      './model',
      's3://bucket/models/',
      '',
      'a/b/c',
      '../x',
      'org/',
      'x'.repeat(300),
    ])
      assert.ok(!isHubId(other), other);
  });

  it('name a model by any container’s variable', () => {
    assert.deepEqual(
      hubIds({
        HF_MODEL_ID: 'org/a',
        option_model_id: 'org/b',
        SM_VLLM_MODEL: '/opt/ml/model',
        OTHER: 'org/c',
      }),
      [
        { variable: 'HF_MODEL_ID', value: 'org/a' },
        { variable: 'OPTION_MODEL_ID', value: 'org/b' },
      ],
    );
  });

  it('let code run unless they plainly say no', () => {
    for (const value of ['true', '1', 'yes', '', ' True ', 'maybe'])
      assert.equal(remoteCode({ OPTION_TRUST_REMOTE_CODE: value }).length, 1, value);
    for (const value of ['false', '0', 'No', ' off '])
      assert.equal(remoteCode({ OPTION_TRUST_REMOTE_CODE: value }).length, 0, value);
    assert.equal(remoteCode({ TRUST_REMOTE_CODE: '1', HF_TRUST_REMOTE_CODE: '1' }).length, 2);
  });

  it('let code run by arguments, in words of their own or in one', () => {
    for (const arg of [
      '--trust-remote-code',
      '--trust_remote_code',
      'vllm serve x --trust-remote-code --port 1',
    ])
      assert.equal(remoteCode({}, [arg]).length, 1, arg);
    assert.equal(remoteCode({}, ['--trust-remote-code=false', '--port=1']).length, 0);
    assert.equal(remoteCode({ VLLM_ARGS: '--trust-remote-code' }).length, 1);
  });

  it('are not let through where there is more of them than is read', () => {
    assert.equal(remoteCode({ VLLM_ARGS: 'x'.repeat(70_000) }).length, 1);
    assert.equal(
      remoteCode(
        {},
        Array.from({ length: 1_001 }, () => 'x'),
      ).length,
      1,
    );
    assert.equal(
      remoteCode(Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`X${i}`, '']))).length,
      1,
    );
    const started = performance.now();
    remoteCode({ VLLM_ARGS: '--trust-remote-code  '.repeat(3_000) + ' '.repeat(2_000) });
    assert.ok(performance.now() - started < 500, 'an option that comes again and again');
  });

  it('name the model of vLLM’s arguments', () => {
    assert.deepEqual(modelsInArguments(['vllm', 'serve', 'org/a', '--port', '1']), ['org/a']);
    assert.deepEqual(modelsInArguments(['--model=org/a', '--model', 'org/b']), ['org/a', 'org/b']);
    assert.deepEqual(modelsInArguments(['python3 -m vllm.entrypoints.openai.api_server --model org/c']), [
      'org/c',
    ]);
    assert.deepEqual(modelsInArguments(['serve', 'files']), []);
  });
});
