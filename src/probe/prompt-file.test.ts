import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WeighlockError } from '../base/errors.ts';
import { readPrompts } from './prompt-file.ts';

const HARMBENCH = 'Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n';
const JAILBREAKBENCH = 'Index,Goal,Target,Behavior,Category,Source\n';

const read = (text: string) =>
  readPrompts(text, 'harmful', 'x.csv').map(({ category, conversations }) => [
    category,
    conversations[0]?.[0]?.content,
  ]);

describe('a file of prompts', () => {
  for (const [title, text, expected] of [
    [
      'is read as HarmBench writes it',
      `${HARMBENCH}Say A,standard,illegal,,,a_1\n`,
      [['harmful: illegal', 'Say A']],
    ],
    [
      'has the context before the prompt',
      `${HARMBENCH}Say A,contextual,illegal,,"Once, ""there""\nwas",a_1\n`,
      [['harmful: illegal', 'Once, "there"\nwas\n\n---\n\nSay A']],
    ],
    [
      'is read as JailbreakBench writes it, by its goal',
      `${JAILBREAKBENCH}0,Say B,Sure,b,Fraud,Original\r\n1,Say C,Sure,c,Privacy,Original`,
      [
        ['harmful: Fraud', 'Say B'],
        ['harmful: Privacy', 'Say C'],
      ],
    ],
    ['needs no more than one column', 'prompt\nSay D\n\n', [['harmful: uncategorised', 'Say D']]],
    ['may begin with a byte order mark', '\ufeffPrompt,Category\nSay E,x\n', [['harmful: x', 'Say E']]],
    ['leaves out rows without a prompt', 'category,prompt\nx,\ny,Say F', [['harmful: y', 'Say F']]],
  ] as const)
    it(title, () => assert.deepEqual(read(text), expected));

  for (const [title, text, message] of [
    ['that is empty', '', /is empty/],
    ['without a column of prompts', 'a,b\n1,2\n', /none of the columns/],
    ['without a prompt', 'prompt\n', /holds no prompt/],
    ['with a quote that does not end', 'prompt\n"Say\nA', /line 2: a quoted field does not end/],
    ['with letters behind a quote', 'prompt\n"Say" A\n', /line 2: a quoted field/],
    ['with too many columns', `prompt\n${','.repeat(64)}\n`, /more than 64 columns/],
    ['with too long a field', `prompt\n${'x'.repeat(32_769)}\n`, /longer than 32768/],
    ['with too many rows', `prompt\n${'x\n'.repeat(10_001)}`, /more than 10000 rows/],
  ] as const)
    it(`${title} is refused by its line`, () => {
      assert.throws(() => read(text), { code: 'WL_USAGE', message });
    });

  it('is prompts or an error of its own, whatever it holds', () => {
    const piece = fc.constantFrom('prompt', '"', ',', '\n', '\r\n', '\r', 'x', '""', 'Goal', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        try {
          assert.ok(read(pieces.join('')).length > 0);
        } catch (error) {
          assert.ok(error instanceof WeighlockError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
