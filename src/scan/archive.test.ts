import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, call, drive, proto } from '../../test/pickles.ts';
import { type ZipMember, zip } from '../../test/zips.ts';
import { type FileVerdict, type Finding, fileVerdict } from '../base/finding.ts';
import { type Inner, outermost } from '../formats/nesting.ts';
import { parseNumpy } from '../formats/numpy/parse.ts';
import type { BaseFacts, Parse } from '../formats/parse.ts';
import { parsePickle } from '../formats/pickle/parse.ts';
import { isZip, parseZip } from '../formats/zip/parse.ts';
import { isNumpyFacts, isPickleFacts, isZipFacts, scanArchive, scanNumpy, tierOf } from './archive.ts';
import { scanPickle } from './pickle.ts';

function identify(head: Uint8Array): Inner {
  return {
    access: isZip(head) ? 'random' : 'forward',
    parse: (sizeBytes, nesting): Parse<BaseFacts> => {
      if (isZip(head)) return parseZip({ sizeBytes, nesting, identify });
      return head[0] === 0x93 ? parseNumpy({ sizeBytes }) : parsePickle({ sizeBytes });
    },
  };
}

function scanMember(file: string, facts: BaseFacts, member: string): readonly Finding[] {
  if (isZipFacts(facts)) return scanArchive(file, facts, { scanMember, member });
  if (isNumpyFacts(facts)) return scanNumpy(file, facts, member);
  return isPickleFacts(facts) ? scanPickle(file, facts, member) : [];
}

function judged(input: Uint8Array) {
  const facts = drive(
    input,
    parseZip({ sizeBytes: input.length, nesting: outermost(input.length), identify }),
    'random',
  );
  const findings = scanArchive('model.pt', facts, { scanMember });
  return { findings, tier: tierOf(facts), verdict: fileVerdict(findings, facts.gaps) };
}

const harmless = bytes(proto(4), '}.');
const gadget = bytes(proto(4), call('os', 'system'), '.');
const pickled = (name: string, data: Buffer): ZipMember => ({ name, data });
const objects = Buffer.concat([
  bytes(
    '\x93NUMPY',
    1,
    0,
    59,
    0,
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }   \n".slice(0, 59),
  ),
  gadget,
]);

const CASES: readonly {
  name: string;
  input: Buffer;
  verdict: FileVerdict;
  member?: string;
  tier?: string;
}[] = [
  {
    name: 'a checkpoint of nothing',
    input: zip([pickled('a/data.pkl', harmless)]),
    verdict: 'clean',
    tier: 'weights-only',
  },
  {
    name: 'a gadget in data.pkl',
    input: zip([pickled('a/data.pkl', gadget)]),
    verdict: 'blocked',
    member: 'a/data.pkl',
    tier: 'dangerous',
  },
  {
    name: 'a gadget in a member without extension',
    input: zip([pickled('a/data.pkl', harmless), pickled('a/x', gadget)]),
    verdict: 'blocked',
    member: 'a/x',
    tier: 'dangerous',
  },
  {
    name: 'a gadget in an archive in the archive',
    input: zip([pickled('in', zip([pickled('x', gadget)]))]),
    verdict: 'blocked',
    member: 'in!x',
    tier: 'dangerous',
  },
  {
    name: 'a gadget in an array of objects',
    input: zip([{ name: 'w.npy', data: objects, deflate: true }]),
    verdict: 'blocked',
    member: 'w.npy',
    tier: 'dangerous',
  },
  {
    name: 'two headers that differ',
    input: zip([{ ...pickled('a/data.pkl', harmless), local: { name: 'b/data.pkl' } }]),
    verdict: 'inconclusive',
  },
  {
    name: 'one name twice',
    input: zip([pickled('a/data.pkl', harmless), pickled('a/data.pkl', harmless)]),
    verdict: 'inconclusive',
    tier: 'weights-only',
  },
  {
    name: 'TorchScript',
    input: zip([pickled('a/data.pkl', harmless), pickled('a/constants.pkl', harmless)]),
    verdict: 'inconclusive',
    tier: 'weights-only',
  },
];

for (const { name, input, verdict, member, tier } of CASES) {
  test(`an archive with ${name} is ${verdict}`, () => {
    const result = judged(input);
    assert.equal(result.verdict, verdict, JSON.stringify(result.findings));
    assert.equal(result.tier, tier);
    if (verdict !== 'clean') assert.notEqual(result.findings.length, 0);
    if (member !== undefined) assert.ok(result.findings.some((finding) => finding.member === member));
  });
}
