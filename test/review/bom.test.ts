/** A bill of materials of an admitted revision, against the published schema of CycloneDX 1.7. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { BOM, bomValidator } from '../scan/document-schemas.ts';
import { bytesFile, safetensors, textFile } from '../story/models.ts';
import { openStage } from '../story/stage.ts';

const MODEL = 'org/model';

const CARD = `---
license: mit
pipeline_tag: text-generation
base_model: org/base
datasets:
- org/books
- org/web
language: [en, de]
---
# A model
`;

interface Bill {
  readonly serialNumber: string;
  readonly metadata: {
    readonly component: {
      readonly name: string;
      readonly version: string;
      readonly licenses: unknown;
      readonly modelCard: { readonly modelParameters: Record<string, unknown> };
      readonly properties: readonly { readonly name: string; readonly value: string }[];
    };
  };
  readonly components: readonly { readonly type: string; readonly name: string; readonly hashes?: unknown }[];
}

async function bill(t: TestContext, card = CARD): Promise<Bill> {
  const stage = await openStage({
    models: [
      {
        id: MODEL,
        cardData: { license: 'mit' },
        commits: [
          {
            files: [
              textFile('README.md', card),
              textFile('config.json', '{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}'),
              bytesFile('model.safetensors', safetensors('weights', 1000)),
            ],
          },
        ],
      },
    ],
  });
  t.after(() => stage[Symbol.asyncDispose]());
  assert.equal((await stage.here(['admit', MODEL])).exit, 0);
  const { exit, json, stderr } = await stage.ask<Bill>(['bom', MODEL]);
  assert.equal(exit, 0, stderr);
  const again = await stage.ask<Bill>(['bom', MODEL]);
  assert.equal(again.json.serialNumber, json.serialNumber);
  return json;
}

describe('a bill of materials', () => {
  it('is valid CycloneDX 1.7, and says what the model is made of', { skip: BOM.skip }, async (t) => {
    const document = await bill(t);
    const validate = bomValidator();
    assert.ok(validate(document), JSON.stringify(validate.errors?.slice(0, 3)));
    const { component } = document.metadata;
    assert.deepEqual(component.licenses, [{ license: { id: 'MIT' } }]);
    assert.equal(component.modelCard.modelParameters.modelArchitecture, 'LlamaForCausalLM');
    assert.equal(component.modelCard.modelParameters.task, 'text-generation');
    const said = Object.fromEntries(component.properties.map(({ name, value }) => [name, value]));
    assert.equal(said['weighlock:parameters'], '1000');
    assert.equal(said['weighlock:dtype:F32'], '4000');
    assert.deepEqual(
      document.components.map(({ type, name }) => [type, name]),
      [
        ['file', 'README.md'],
        ['file', 'config.json'],
        ['file', 'model.safetensors'],
        ['machine-learning-model', 'org/base'],
        ['data', 'org/books'],
        ['data', 'org/web'],
      ],
    );
  });

  for (const [what, card] of [
    ['no declaration', '# A model\n'],
    ['a declaration that is no YAML', '---\n{{{\n---\n'],
    ['aliases', '---\nbase_model: &a [x]\ndatasets: [*a, *a]\n---\n'],
    [
      'other things than names',
      '---\nbase_model: {a: 1}\ndatasets: [1, null, "org/one"]\nlicense: [a, b]\n---\n',
    ],
  ] as const) {
    it(`is valid where the card has ${what}`, { skip: BOM.skip }, async (t) => {
      const validate = bomValidator();
      const document = await bill(t, card);
      assert.ok(validate(document), JSON.stringify(validate.errors?.slice(0, 3)));
    });
  }
});
