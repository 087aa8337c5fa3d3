/** The advisories that ship, over the corpus, whose files hold what the advisories are about. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runCommand } from '../../src/cli/main.ts';
import type { Report } from '../../src/inspection/report.ts';
import { parseAdvisories } from '../../src/scan/advisory-file.ts';
import { capture } from '../story/capture.ts';

const CORPUS = path.resolve(import.meta.dirname, '../corpus');
const SHIPPED = path.resolve(import.meta.dirname, '../../advisories/advisories.json');

/** A home of its own, and what a command line there comes to. */
function commandLine(t: TestContext) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-advisories-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = async (...args: readonly string[]) => {
    const { terminal, out, err } = capture();
    const environment = { WEIGHLOCK_HOME: path.join(folder, 'home') };
    const exit = await runCommand(args, { directory: folder, environment, terminal });
    return { exit, out: out(), err: err() };
  };
  const scan = async (...args: readonly string[]): Promise<Report> =>
    JSON.parse((await run('scan', ...args, '--json')).out);
  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  return { run, scan, write };
}

const advisoriesOf = ({ repo }: Report) =>
  repo.findings.filter(({ rule }) => rule.startsWith('advisory/')).map(({ rule }) => rule.slice(9));

const ABOUT: readonly (readonly [file: string, id: string])[] = [
  ['configs/attention-kernel-internal.json', 'CVE-2026-4372'],
  ['configs/auto-map-other-repo.json', 'CVE-2025-66448'],
  ['configs/auto-map-deep.json', 'CVE-2026-22807'],
  ['containers-hostile/keras-function-os.keras', 'CVE-2025-1550'],
  ['containers-hostile/keras-get-file.keras', 'CVE-2025-8747'],
  ['containers-hostile/keras-lambda.h5', 'CVE-2025-9905'],
  ['containers-hostile/keras-unsafe-flag.keras', 'CVE-2025-9906'],
  ['containers-hostile/keras-string-lookup.keras', 'CVE-2025-12058'],
  ['containers-hostile/keras-torch-module.keras', 'CVE-2025-49655'],
  ['containers-hostile/keras-external.h5', 'CVE-2026-1669'],
  ['graphs/virtual.h5', 'CVE-2026-12480'],
  ['containers-hostile/onnx-external-absolute.onnx', 'CVE-2022-25882'],
  ['containers-hostile/onnx-external-absolute.onnx', 'CVE-2024-27318'],
  ['containers-hostile/onnx-external-absolute.onnx', 'CVE-2025-51480'],
  ['graphs/external.onnx', 'CVE-2026-34447'],
  ['containers-hostile/tar-gzip-config-target.nemo', 'CVE-2025-23304'],
  ['containers-hostile/tar-gzip-gadget.nemo', 'CVE-2025-23249'],
  ['containers-hostile/other-operator.skops', 'CVE-2025-54412'],
  ['containers-hostile/other-method.skops', 'CVE-2025-54413'],
  ['containers-hostile/other-pickle-member.skops', 'CVE-2025-54886'],
  ['containers-hostile/other-object-array.skops', 'CVE-2019-6446'],
  ['containers-hostile/gguf-template-escape.gguf', 'CVE-2024-34359'],
  ['containers-hostile/gguf-count-huge.gguf', 'CVE-2025-53630'],
  ['containers-hostile/gguf-count-huge.gguf', 'CVE-2026-7482'],
  ['containers-hostile/gguf-count-huge.gguf', 'CVE-2026-27940'],
];

const CONFIGS: readonly (readonly [config: unknown, id: string])[] = [
  [{ model_type: 'lightglue', keypoint_detector_config: { trust_remote_code: true } }, 'CVE-2026-5241'],
  [{ architectures: ['KimiK25ForConditionalGeneration'] }, 'CVE-2026-27893'],
  [
    { architectures: ['Llama_Nemotron_Nano_VL'], vision_config: { auto_map: { AutoModel: 'v.V' } } },
    'CVE-2026-27893',
  ],
];

describe('the advisories that ship', () => {
  it('are a file as it should be', () => {
    const { advisories } = parseAdvisories(readFileSync(SHIPPED, 'utf8'), SHIPPED);
    assert.equal(new Set(advisories.map(({ id }) => id)).size, advisories.length);
  });

  for (const [file, id] of ABOUT)
    it(`${id} is noted for ${file}`, async (t) => {
      const report = await commandLine(t).scan(path.join(CORPUS, file));
      const found = report.repo.findings.find(({ rule }) => rule === `advisory/${id}`);
      assert.ok(found, `only ${advisoriesOf(report)}`);
      assert.equal(found.verdict, 'clean');
      assert.ok(found.references.includes(id));
    });

  for (const [config, id] of CONFIGS)
    it(`${id} is noted for its configuration`, async (t) => {
      const line = commandLine(t);
      assert.ok(
        advisoriesOf(await line.scan(line.write('config.json', JSON.stringify(config)))).includes(id),
      );
    });

  it('say nothing of ordinary weights, configurations and text but those in the old tar format', async (t) => {
    const line = commandLine(t);
    for (const [folder, expected] of [
      ['benign/torch', ['tar.pt']],
      ['benign/nn', []],
      ['benign/tf', []],
    ] as const) {
      const report = await line.scan(path.join(CORPUS, folder));
      const clean = new Set(
        report.files.filter(({ verdict }) => verdict === 'clean').map((file) => file.path),
      );
      const noted = report.repo.findings
        .filter(({ rule }) => rule.startsWith('advisory/'))
        .flatMap(({ file, message }) => [
          file ?? '',
          ...(/\(([^()]*)\)$/.exec(message)?.[1] ?? '').split(', '),
        ])
        .filter((name) => clean.has(name));
      assert.deepEqual(noted, expected, folder);
    }
  });
});

describe('a loader that is named', () => {
  const AUTO_MAP = JSON.stringify({ auto_map: { AutoModel: 'modeling_x.M' } });
  const cases: readonly (readonly [loader: string, exit: number, ids: readonly string[]])[] = [
    ['vllm@0.13.0', 2, ['CVE-2026-22807']],
    ['vllm@0.10', 2, ['CVE-2026-22807']],
    ['vllm', 2, ['CVE-2026-22807']],
    ['vllm@nightly', 2, ['CVE-2026-22807']],
    ['vllm@0.14.0', 0, []],
    ['vllm@0.9.2', 0, []],
    ['llama.cpp', 0, []],
  ];
  for (const [loader, exit, ids] of cases)
    it(`${loader}: exit code ${exit}, ${ids.join(', ') || 'nothing'}`, async (t) => {
      const line = commandLine(t);
      const config = line.write('config.json', AUTO_MAP);
      const ended = await line.run('scan', config, '--loader', loader, '--json');
      assert.equal(ended.exit, exit, ended.err);
      assert.deepEqual(advisoriesOf(JSON.parse(ended.out)), ids);
    });

  it('answers for the libraries that it brings, whose versions nobody knows', async (t) => {
    const line = commandLine(t);
    const config = line.write('config.json', '{"_attn_implementation": "someone/kernel"}');
    assert.deepEqual(advisoriesOf(await line.scan(config, '--loader', 'vllm@99.0')), ['CVE-2026-4372']);
    assert.deepEqual(advisoriesOf(await line.scan(config, '--loader', 'transformers@5.3.0')), []);
  });

  it('must be one that is known', async (t) => {
    const line = commandLine(t);
    const ended = await line.run('scan', line.write('config.json', '{}'), '--loader', 'vlm');
    assert.equal(ended.exit, 64);
    assert.match(ended.err, /"vlm" is no loader that is known/);
  });
});

describe('weighlock advisory', () => {
  const shipped = JSON.parse(readFileSync(SHIPPED, 'utf8'));
  const newer = { ...shipped, version: '2999.1.1', advisories: shipped.advisories.slice(0, 2) };

  it('lists what is in force, and what concerns a loader', async (t) => {
    const line = commandLine(t);
    const all = JSON.parse((await line.run('advisory', 'list', '--json')).out);
    assert.equal(all.from, 'as shipped');
    assert.equal(all.version, shipped.version);
    assert.equal(all.advisories.length, shipped.advisories.length);
    const few = JSON.parse((await line.run('advisory', 'list', '--loader', 'skops@0.12.0', '--json')).out);
    const ids = few.advisories.map(({ id }: { id: string }) => id);
    assert.ok(ids.includes('CVE-2025-54886') && !ids.includes('CVE-2025-54412'), ids.join());
  });

  it('puts a newer file into force, and no older one', async (t) => {
    const line = commandLine(t);
    const file = line.write('newer.json', JSON.stringify(newer));
    assert.equal((await line.run('advisory', 'update', file)).exit, 0);
    const list = JSON.parse((await line.run('advisory', 'list', '--json')).out);
    assert.equal(list.advisories.length, 2);
    assert.match(list.from, /advisories\.json$/);
    const again = await line.run('advisory', 'update', file);
    assert.equal(again.exit, 78);
    const older = line.write('older.json', JSON.stringify({ ...newer, version: '2999.1.0' }));
    assert.equal((await line.run('advisory', 'update', older)).exit, 78);
    assert.equal(JSON.parse((await line.run('advisory', 'list', '--json')).out).version, '2999.1.1');
  });

  const BROKEN: readonly (readonly [what: string, text: string])[] = [
    ['no JSON', 'version: 1'],
    ['no advisories', '{}'],
    ['a key that is not known', JSON.stringify({ ...newer, code: 'x' })],
    ['a condition that is not known', JSON.stringify(withWhen([[{ regex: ['(a+)+$'] }]]))],
    ['a condition without end', JSON.stringify(withWhen([[{ rules: Array(1000).fill('a/b') }]]))],
    ['no condition', JSON.stringify(withWhen([]))],
    ['a version that is none', JSON.stringify({ ...newer, version: 'latest' })],
  ];

  function withWhen(when: unknown) {
    return { ...newer, advisories: [{ ...newer.advisories[0], when }] };
  }

  for (const [what, text] of BROKEN)
    it(`refuses a file with ${what}`, async (t) => {
      const line = commandLine(t);
      const ended = await line.run('advisory', 'update', line.write('broken.json', text));
      assert.equal(ended.exit, 78, ended.out);
      assert.match(ended.err, /WL_CONFIG_INVALID/);
    });

  it('never falls back to older advisories where those of this machine are damaged', async (t) => {
    const line = commandLine(t);
    await line.run('advisory', 'update', line.write('newer.json', JSON.stringify(newer)));
    line.write('home/advisories.json', '{"version":');
    const ended = await line.run('scan', line.write('config.json', '{}'));
    assert.equal(ended.exit, 78);
  });
});
