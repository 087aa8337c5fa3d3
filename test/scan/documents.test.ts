/** The documents of a scan against the schemas that their standards publish. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bytes, call, proto } from '../pickles.ts';
import { type CommandLine, commandLine } from '../story/command-line.ts';
import { BOM, bomValidator, SARIF, schemaValidator } from './document-schemas.ts';

/** A folder with everything that a report can say: blocked, unknown, unread, empty, clean, odd names. */
async function folder(t: TestContext): Promise<{ readonly line: CommandLine; readonly at: string }> {
  const line = await commandLine(t, []);
  const at = path.join(line.folder, 'model');
  mkdirSync(at);
  const files: Readonly<Record<string, Uint8Array | string>> = {
    'bad ü.bin': bytes(proto(4), call('posix', 'system'), '.'),
    'unknown.pkl': bytes(proto(4), call('mylib', 'Net'), '.'),
    'noise.dat': Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 97 + 131) % 256)),
    'empty.txt': '',
    'config.json': '{"model_type":"x","auto_map":{"AutoModel":"other/repo--code.Net"}}',
    'README.md': '---\nlicense: mit\n---\n# A model\n',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(at, name), content);
  return { line, at };
}

describe('the documents of a scan', () => {
  it('are SARIF 2.1.0, with a place and a fingerprint for each result', { skip: SARIF.skip }, async (t) => {
    const { line, at } = await folder(t);
    const { exit, out } = await line.run('scan', at, '--sarif');
    assert.equal(exit, 1);
    const document = JSON.parse(out);
    const valid = schemaValidator(SARIF.path, []);
    valid(document);
    assert.deepEqual(valid.errors, null);
    const [run] = document.runs;
    const blocked = run.results.find(
      (result: { ruleId: string }) => result.ruleId === 'pickle/dangerous-call',
    );
    assert.equal(blocked.level, 'error');
    assert.equal(blocked.locations[0].physicalLocation.artifactLocation.uri, 'bad%20%C3%BC.bin');
    assert.equal(typeof blocked.locations[0].physicalLocation.region.byteOffset, 'number');
    for (const result of run.results) assert.equal(run.tool.driver.rules[result.ruleIndex].id, result.ruleId);
    const again = JSON.parse((await line.run('scan', at, '--sarif')).out);
    assert.deepEqual(again, document);
  });

  it('are a CycloneDX 1.7 bill of materials with every file and its digest', {
    skip: BOM.skip,
  }, async (t) => {
    const { line, at } = await folder(t);
    const { out } = await line.run('scan', at, '--cyclonedx');
    const document = JSON.parse(out);
    const valid = bomValidator();
    valid(document);
    assert.deepEqual(valid.errors, null);
    const names = document.components.map((component: { name: string }) => component.name);
    for (const name of ['bad ü.bin', 'config.json', 'other/repo']) assert.ok(names.includes(name), name);
    assert.deepEqual(document.dependencies[0].dependsOn, ['reference:other/repo']);
  });

  it('are one JSON document with a verdict for each file and for all', async (t) => {
    const { line, at } = await folder(t);
    const { out } = await line.run('scan', at, '--json');
    const report = JSON.parse(out);
    assert.equal(report.verdict, 'blocked');
    const verdicts = Object.fromEntries(
      report.files.map((file: { path: string; verdict: string }) => [file.path, file.verdict]),
    );
    assert.deepEqual(verdicts, {
      'README.md': 'clean',
      'bad ü.bin': 'blocked',
      'config.json': 'clean',
      'empty.txt': 'inconclusive',
      'noise.dat': 'inconclusive',
      'unknown.pkl': 'inconclusive',
    });
    assert.deepEqual(report.repo.references[0].repo, 'other/repo');
    const [finding] = report.files.find((file: { path: string }) => file.path === 'bad ü.bin').findings;
    assert.equal(finding.global, 'posix.system');
    for (const field of ['rule', 'severity', 'message', 'why', 'fix', 'references'])
      assert.ok(field in finding, field);
  });
});
