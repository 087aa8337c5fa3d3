import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PARSER_FAILED, parseBuffer, parseRandom, StreamParse } from './drive.ts';
import type { Facts } from './facts.ts';
import {
  smallGguf,
  smallGif,
  smallJpeg,
  smallOnnx,
  smallPdf,
  smallPng,
  smallSafetensors,
  smallSentencePiece,
  smallWebp,
} from './samples.ts';
import { isTextFacts, textOf } from './text.ts';

const PYTHON = Buffer.from(
  'import torch\n\n\nclass M(torch.nn.Module):\n    def forward(self, x):\n        return x\n',
);

const SAMPLES: readonly (readonly [format: Facts['format'], bytes: Buffer])[] = [
  ['safetensors', smallSafetensors()],
  ['gguf', smallGguf()],
  ['onnx', smallOnnx()],
  ['sentencepiece', smallSentencePiece()],
  ['png', smallPng()],
  ['jpeg', smallJpeg()],
  ['gif', smallGif()],
  ['webp', smallWebp()],
  ['pdf', smallPdf()],
  ['json', Buffer.from('{"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}\n')],
  ['python', PYTHON],
  ['template', Buffer.from('{% for m in messages %}{{ m["content"] }}{% endfor %}')],
  ['text', Buffer.from('# A model\n\nIt does things, mostly.\n')],
  ['text', Buffer.alloc(0)],
  ['pickle', Buffer.from('80049506000000000000005d9428680065 2e'.replaceAll(' ', ''), 'hex')],
  ['pickle', Buffer.from("cos\nsystem\n(S'true'\ntR.")],
];

function stream(bytes: Uint8Array, cuts: readonly number[], declared = bytes.length): Facts {
  const parse = new StreamParse(declared);
  const scratch = Buffer.alloc(bytes.length);
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const length = Math.min(Math.max(0, cut), bytes.length - at);
    // The chunk's memory is reused, as a network stack may do: nothing may keep a view into it.
    const chunk = scratch.subarray(0, length);
    chunk.set(bytes.subarray(at, at + length));
    parse.push(chunk);
    chunk.fill(0xaa);
    at += length;
  }
  const facts = parse.end();
  assert.notEqual(facts, 'needs-random-access');
  return facts as Facts;
}

describe('the drivers', () => {
  for (const [format, bytes] of SAMPLES) {
    it(`read ${format} of ${bytes.length} bytes completely`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, format);
      if (format !== 'pickle') assert.deepEqual([facts.gaps, facts.problems], [[], []]);
    });
  }

  it('make the same facts of a stream, however it is cut, as of the whole', () => {
    const sample = fc.constantFrom(...SAMPLES.map(([, bytes]) => bytes));
    fc.assert(
      fc.property(sample, fc.array(fc.nat(40), { maxLength: 60 }), (bytes, cuts) => {
        assert.deepEqual(stream(bytes, cuts), parseBuffer(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it('copy nothing of a stream but what the parser asks for', () => {
    const reads: number[] = [];
    const header = { big: { dtype: 'U8', shape: [50_000_000], data_offsets: [0, 50_000_000] } };
    const text = Buffer.from(JSON.stringify(header));
    const head = Buffer.alloc(8 + text.length);
    head.writeBigUInt64LE(BigInt(text.length));
    text.copy(head, 8);
    const sizeBytes = head.length + 50_000_000;
    const facts = parseRandom({
      sizeBytes,
      read: (offset, length) => {
        reads.push(length);
        const bytes = Buffer.alloc(length);
        if (offset < head.length) head.copy(bytes, 0, offset);
        return bytes;
      },
    });
    assert.deepEqual(facts.gaps, []);
    assert.ok(reads.reduce((sum, length) => sum + length, 0) < 100_000, `read ${reads.join(', ')}`);
  });

  it('say early that an archive must be read from its end', () => {
    const parse = new StreamParse(100_000);
    parse.push(Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(5000)]));
    assert.equal(parse.needsRandomAccess, true);
    parse.push(Buffer.alloc(94_996));
    assert.equal(parse.end(), 'needs-random-access');
  });

  it('report an input that is shorter or longer than declared', () => {
    const bytes = smallSafetensors();
    for (const [declared, code] of [
      [bytes.length + 10, 'input-shorter'],
      [bytes.length - 10, 'input-longer'],
    ] as const) {
      const facts = stream(bytes, [5], declared);
      assert.ok(facts.problems.some((problem) => problem.code === code));
      assert.ok(facts.gaps.length > 0);
    }
  });

  it('keep the text of text files at hand for the search for secrets', async () => {
    const parse = new StreamParse(PYTHON.length);
    parse.push(PYTHON);
    const facts = parse.end();
    assert.ok(facts !== 'needs-random-access' && isTextFacts(facts));
    assert.equal(textOf(facts), PYTHON.toString());
  });

  it('finish with the secrets of the text', async () => {
    const token = `hf_${'abcdefghijklmnopqrstuvwxyzABCDEFGH'}`;
    const bytes = Buffer.from(`# Notes\n\nlogin with ${token} please\n`);
    const parse = new StreamParse(bytes.length);
    parse.push(bytes);
    const facts = await parse.finish();
    assert.ok(facts !== 'needs-random-access' && isTextFacts(facts));
    assert.equal(facts.secretsScanned, true);
    assert.deepEqual(
      facts.secrets.map(({ line }) => line),
      [3],
    );
    assert.ok(
      !JSON.stringify(facts).includes(token.slice(0, 12)),
      'the secret itself must not be in the facts',
    );
  });
});

describe('a second format in the same file', () => {
  const zip = Buffer.from(
    `${'504b0304140000000000000000000000000000000000000000000100000061'}${'504b01021400140000000000000000000000000000000000000000000100000000000000000000000000000000006'}${'1504b050600000000010001002f0000001f0000000000'}`,
    'hex',
  );

  it('is reported where a zip archive follows any other content', () => {
    for (const [format, bytes] of SAMPLES) {
      if (bytes.length === 0) continue;
      const facts = parseBuffer(Buffer.concat([bytes, zip]));
      assert.ok(facts.gaps.length > 0, `${format} with a zip behind it was read as complete`);
      assert.ok(
        facts.problems.some(({ code }) => code === 'polyglot-zip'),
        `${format}: ${JSON.stringify(facts.problems)}`,
      );
    }
  });

  it('is reported whatever the archive says of the number of its entries, and of its size where zip64 corrects it', () => {
    const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
    const none = Buffer.from(zip);
    none.writeUInt32LE(0, end + 8);
    const many = Buffer.from(zip);
    many.writeUInt32LE(0xffffffff, end + 8);
    const sizeless = Buffer.from(zip.subarray(end));
    sizeless.writeUInt32LE(0, 12);
    const locator = Buffer.concat([
      zip.subarray(0, end),
      Buffer.from('PK\x06\x07', 'latin1'),
      Buffer.alloc(16),
      sizeless,
    ]);
    for (const lying of [none, many, locator]) {
      const { problems } = parseBuffer(Buffer.concat([Buffer.from('{}'), lying]));
      assert.ok(problems.some(({ code }) => code === 'polyglot-zip'));
    }
  });

  it('is reported where the first bytes of a GIF run as a pickle', () => {
    const payload = Buffer.from("cos\nsystem\n(S'true'\ntR.", 'latin1');
    const gif = smallGif();
    const hostile = Buffer.concat([gif.subarray(0, 9), payload, gif.subarray(9)]);
    const facts = parseBuffer(hostile);
    assert.ok(
      facts.problems.some(({ code }) => code === 'polyglot-pickle'),
      JSON.stringify(facts),
    );
  });
});

describe('mutated input', () => {
  const bytesOf = fc.constantFrom(...SAMPLES.map(([, bytes]) => bytes).filter(({ length }) => length > 0));
  const mutation = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });

  it('never makes a parser throw', () => {
    fc.assert(
      fc.property(bytesOf, mutation, fc.nat(20), (bytes, changes, cut) => {
        const mutated = Buffer.from(bytes.subarray(0, Math.max(1, bytes.length - cut)));
        for (const [at, byte] of changes) mutated[at % mutated.length] = byte;
        const facts = parseBuffer(mutated);
        assert.ok(!facts.problems.some(({ code }) => code === PARSER_FAILED), JSON.stringify(facts.problems));
        JSON.stringify(facts);
      }),
      { numRuns: 3000 },
    );
  });

  it('is never without a gap or a problem where a binary format was cut', () => {
    const binary: readonly Facts['format'][] = ['safetensors', 'gguf', 'png', 'jpeg', 'gif', 'webp', 'pdf'];
    for (const [format, bytes] of SAMPLES) {
      if (!binary.includes(format)) continue;
      // Up to the padding that a format may lack at its end.
      for (let length = 1; length < bytes.length - 2; length += 1) {
        const facts = parseBuffer(bytes.subarray(0, length));
        if (facts.format === 'text' || facts.format === 'json') continue;
        assert.ok(
          facts.gaps.length + facts.problems.length > 0,
          `${format} cut to ${length} of ${bytes.length} bytes`,
        );
      }
    }
  });
});
