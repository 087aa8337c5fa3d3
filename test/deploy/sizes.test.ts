/** The arithmetic of sizes, on the real shapes, against numbers worked out by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/base/errors.ts';
import { chooseInstance, INSTANCES } from '../../src/deploy/sagemaker/instances.ts';
import { needOf, shareOf, sizeLines } from '../../src/deploy/size.ts';
import { SERVICE_MODELS, ServiceModel } from './service-model.ts';
import { subjectNamed } from './subjects.ts';

const SIZING = { contextTokens: undefined, concurrency: 4 };

function need(name: string, sizing: Parameters<typeof needOf>[1] = SIZING) {
  const found = needOf(subjectNamed(name), sizing);
  assert(found);
  return found;
}

describe('the memory that answering takes', () => {
  // Weights: parameters × bytes, as the cards of the models say. KV: layers × 2 × heads × dimension × 2 bytes.
  const cases: readonly (readonly [name: string, weightsBytes: number, kvBytesPerToken: number])[] = [
    ['Qwen-1.5B', 1_777_088_000 * 2, 28 * 2 * 2 * 128 * 2],
    ['Llama-8B', 8_030_261_248 * 2, 32 * 2 * 8 * 128 * 2],
    ['Qwen-32B', 32_763_876_352 * 2, 64 * 2 * 8 * 128 * 2],
    ['Llama-70B', 70_553_706_496 * 2, 80 * 2 * 8 * 128 * 2],
    ['DeepSeek-R1', 688_574_839_360, 61 * (512 + 64) * 2],
  ];
  for (const [name, weightsBytes, kvBytesPerToken] of cases) {
    it(`is exact for ${name}`, () => {
      const { weightsBytes: weights, kvBytesPerToken: kv } = need(name);
      assert.deepEqual([weights, kv], [weightsBytes, kvBytesPerToken]);
    });
  }

  it('deals heads out to GPUs, and keeps a latent whole on each', () => {
    const tokens = 8192 * 4;
    assert.equal(shareOf(need('Llama-70B'), 8).kvBytes, (80 * 2 * 8 * 128 * 2 * tokens) / 8);
    assert.equal(
      shareOf(need('Qwen-1.5B'), 4).kvBytes,
      28 * 2 * 1 * 128 * 2 * tokens,
      'two heads on four GPUs: one each',
    );
    assert.equal(shareOf(need('DeepSeek-R1'), 8).kvBytes, 61 * 576 * 2 * tokens);
  });

  it('uses only as many GPUs as the heads can be dealt to', () => {
    assert.equal(shareOf(need('Qwen-1.5B'), 8).gpus, 4);
    const lines = sizeLines(subjectNamed('Qwen-1.5B'), need('Qwen-1.5B'), { gpus: 8, gpuMemoryBytes: 24e9 });
    assert.match(lines.at(-1)?.text ?? '', /4 of 8 GPUs stay idle, as 12 heads cannot be dealt to more/);
  });

  it('is not computed for a context that the model was not made for', () => {
    assert.throws(
      () => need('Llama-8B', { contextTokens: 131_073, concurrency: 1 }),
      /longer than .* was made for/,
    );
  });

  it('is not known where the configuration does not say', () => {
    const subject = {
      ...subjectNamed('Llama-8B'),
      shape: { kind: 'unknown', why: 'it is empty', architectures: [] },
    } as const;
    assert.equal(needOf(subject, SIZING), undefined);
    assert.match(sizeLines(subject, undefined).at(-1)?.text ?? '', /not known: it is empty/);
    assert.throws(() => chooseInstance(subject, undefined, undefined), /name --instance/);
    assert.match(chooseInstance(subject, undefined, 'ml.g6.xlarge').why, /could not be computed/);
  });
});

describe('the choice of an instance', () => {
  for (const [name, type] of [
    ['Qwen-1.5B', 'ml.g6.2xlarge'],
    ['Llama-8B', 'ml.g6.2xlarge'],
    ['Qwen-32B', 'ml.g6.12xlarge'],
    ['Llama-70B', 'ml.g6e.12xlarge'],
    ['DeepSeek-R1', 'ml.p5en.48xlarge'],
  ] as const) {
    it(`is ${type} for ${name}`, () => {
      assert.equal(chooseInstance(subjectNamed(name), need(name), undefined).instance.type, type);
    });
  }

  it('grows with the context and with how many ask at once', () => {
    const larger = need('Llama-8B', { contextTokens: 32_768, concurrency: 4 });
    assert.equal(chooseInstance(subjectNamed('Llama-8B'), larger, undefined).instance.type, 'ml.g6e.2xlarge');
  });

  const refused: readonly (readonly [name: string, type: string, said: RegExp])[] = [
    ['Llama-70B', 'ml.g6.12xlarge', /would need 39\.03 GB on each of 4 L4, which have 21\.60 GB/],
    ['DeepSeek-R1', 'ml.p5.48xlarge', /would need 89\.45 GB on each of 8 H100/],
    ['DeepSeek-R1', 'ml.p4de.24xlarge', /FP8, which the A100 of ml\.p4de\.24xlarge does not compute in/],
  ];
  for (const [name, type, said] of refused) {
    it(`refuses ${type} for ${name}, with the arithmetic`, () => {
      assert.throws(
        () => chooseInstance(subjectNamed(name), need(name), type),
        (error) => {
          assert.ok(error instanceof WeighlockError);
          assert.equal(error.code, 'WL_DEPLOY_TOO_LARGE');
          assert.match(error.message, said);
          return true;
        },
      );
    });
  }

  it('refuses where no instance is large enough, and a type that nobody knows', () => {
    const hundred = need('DeepSeek-R1', { contextTokens: 163_840, concurrency: 100 });
    assert.throws(
      () => chooseInstance(subjectNamed('DeepSeek-R1'), hundred, undefined),
      /does not fit: ml\.p6-b200/,
    );
    assert.throws(
      () => chooseInstance(subjectNamed('Llama-8B'), need('Llama-8B'), 'ml.x9.huge'),
      /nothing is known/,
    );
  });

  it('knows only types that SageMaker takes', { skip: SERVICE_MODELS.skip }, () => {
    const types = new ServiceModel('sagemaker').enumOf('ProductionVariantInstanceType');
    assert.deepEqual(
      INSTANCES.map(({ type }) => type).filter((type) => !types.includes(type)),
      [],
    );
  });
});
