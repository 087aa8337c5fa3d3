/** A model and what it refers to, admitted as one unit: all of it comes in, or the model does not. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { StandInModel } from '../../src/hub-stand-in/model.ts';
import { bytes, call, proto } from '../pickles.ts';
import { type CommandLine, commandLine } from './command-line.ts';
import { bytesFile, plainModel, safetensors, textFile } from './models.ts';

const DANGEROUS = bytes(proto(4), call('posix', 'system'), '.');

/** An adapter of the model that it names. */
function adapter(id: string, base: string, more: Record<string, unknown> = {}): StandInModel {
  const config = { peft_type: 'LORA', base_model_name_or_path: base, ...more };
  return {
    id,
    cardData: { license: 'mit' },
    commits: [
      {
        files: [
          textFile('README.md', `---\nlicense: mit\nbase_model: never/needed\n---\n# ${id}\n`),
          textFile('adapter_config.json', JSON.stringify(config)),
          bytesFile('adapter_model.safetensors', safetensors(id)),
        ],
      },
    ],
  };
}

interface UnitOutput {
  readonly model: string;
  readonly commit: string;
  readonly verdict: string;
  readonly outcome: string;
  readonly unit: string;
  readonly rules: readonly { readonly rule: string; readonly outcome: string; readonly because: string }[];
  readonly references: readonly {
    readonly repo: string;
    readonly role: string;
    readonly verdict: string;
    readonly commit?: string;
    readonly record?: string;
    readonly because?: string;
  }[];
}

async function admitUnit(line: CommandLine, exit: number, model: string): Promise<UnitOutput> {
  const ended = await line.run('admit', model, '--with-references', '--json');
  assert.equal(ended.exit, exit, ended.err || ended.out);
  return JSON.parse(ended.out);
}

/** Models of which a revision is published. */
const listed = async (line: CommandLine): Promise<readonly string[]> => {
  const rows: { model: string; status: string }[] = JSON.parse((await line.run('list', '--json')).out);
  return rows.filter(({ status }) => status === 'published').map(({ model }) => model);
};

describe('weighlock admit --with-references', () => {
  it('admits what an adapter adapts before the adapter, and names it in the record', async (t) => {
    const line = await commandLine(t, [adapter('a/lora', 'a/base'), plainModel('a/base')]);
    const unit = await admitUnit(line, 0, 'a/lora');
    assert.equal(unit.unit, 'admitted');
    const [part] = unit.references;
    assert.deepEqual(
      unit.references.map(({ repo, role, verdict }) => [repo, role, verdict]),
      [['a/base', 'content', 'admitted']],
    );
    assert.deepEqual(await listed(line), ['a/base', 'a/lora']);
    const shown = (await line.run('show', `a/lora@${unit.commit}`)).out;
    const digest = /references {2}([0-9a-f]{64})/.exec(shown)?.[1];
    assert.ok(digest, shown);
    const evidence = path.join(line.folder, 'weighlock-data/registry/evidence', digest);
    assert.ok(existsSync(evidence));
    const { references } = JSON.parse(readFileSync(evidence, 'utf8'));
    assert.equal(references[0].commit, part?.commit);
    assert.equal(references[0].record, part?.record);
    assert.equal((await line.run('verify', 'a/lora')).exit, 0);
  });

  it('follows a reference of a reference', async (t) => {
    const line = await commandLine(t, [
      adapter('a/second', 'a/first'),
      adapter('a/first', 'a/base'),
      plainModel('a/base'),
    ]);
    const unit = await admitUnit(line, 0, 'a/second');
    assert.deepEqual(unit.references.map(({ repo }) => repo).sort(), ['a/base', 'a/first']);
  });

  it('ends where models refer to each other', async (t) => {
    const line = await commandLine(t, [adapter('a/one', 'a/two'), adapter('a/two', 'a/one')]);
    const unit = await admitUnit(line, 0, 'a/one');
    assert.deepEqual(await listed(line), ['a/one', 'a/two']);
    assert.equal(unit.references.length, 1);
  });

  it('holds a model of which a part is not there', async (t) => {
    const line = await commandLine(t, [adapter('a/lora', 'a/gone')]);
    const unit = await admitUnit(line, 2, 'a/lora');
    assert.equal(unit.verdict, 'held');
    assert.match(unit.rules[0]?.because ?? '', /adapter_config\.json .*needs a\/gone/);
    assert.deepEqual(await listed(line), []);
  });

  it('refuses a model of which a part is refused', async (t) => {
    const evil: StandInModel = {
      id: 'a/base',
      cardData: { license: 'mit' },
      commits: [{ files: [bytesFile('pytorch_model.bin', DANGEROUS)] }],
    };
    const line = await commandLine(t, [adapter('a/lora', 'a/base'), evil]);
    const unit = await admitUnit(line, 1, 'a/lora');
    assert.equal(unit.verdict, 'refused');
    assert.deepEqual(await listed(line), []);
  });

  it('asks for the parts of a model that is held for people, too: they approve it with its parts', async (t) => {
    const lora = adapter('a/lora', 'a/base');
    const code = [
      textFile('config.json', JSON.stringify({ auto_map: { AutoModel: 'modeling.Net' } })),
      textFile('modeling.py', 'class Net: pass\n'),
    ];
    const held = { ...lora, commits: lora.commits.map(({ files }) => ({ files: [...files, ...code] })) };
    const line = await commandLine(t, [held, plainModel('a/base')]);
    const unit = await admitUnit(line, 2, 'a/lora');
    assert.equal(unit.verdict, 'held');
    assert.deepEqual(
      unit.references.map(({ repo, verdict }) => [repo, verdict]),
      [['a/base', 'admitted']],
    );
    assert.deepEqual(await listed(line), ['a/base']);
  });

  it('says where a chain is too long', async (t) => {
    const names = ['a/0', 'a/1', 'a/2', 'a/3', 'a/4', 'a/5'];
    const chain = names.map((name, at) => adapter(name, names[at + 1] ?? 'a/6'));
    const line = await commandLine(t, [...chain, plainModel('a/6')]);
    const unit = await admitUnit(line, 2, 'a/0');
    assert.ok(
      unit.references.some(({ because }) => /more than 3 references away/.test(because ?? '')),
      JSON.stringify(unit.references),
    );
  });

  it('says where there are too many', async (t) => {
    const towers = Object.fromEntries(
      Array.from({ length: 20 }, (_, number) => [`tower${number}_name_or_path`, `a/tower${number}`]),
    );
    // That they are not there makes no difference to their number, and takes no time.
    const line = await commandLine(t, [adapter('a/lora', 'a/base', towers)]);
    const unit = await admitUnit(line, 2, 'a/lora');
    const beyond = unit.references.filter(({ because }) => /16 other repos at most/.test(because ?? ''));
    assert.equal(unit.references.length - beyond.length, 16);
    assert.equal(beyond.length, 5);
  });

  it('brings in what a model on record needs, and says so where it cannot', async (t) => {
    const line = await commandLine(t, [
      adapter('a/lora', 'a/base'),
      plainModel('a/base'),
      adapter('a/bad', 'a/gone'),
    ]);
    await line.admit(0, 'a/lora');
    assert.deepEqual(await listed(line), ['a/lora']);
    const unit = await admitUnit(line, 0, 'a/lora');
    assert.equal(unit.outcome, 'found');
    assert.deepEqual(await listed(line), ['a/base', 'a/lora']);
    await line.admit(0, 'a/bad');
    assert.equal((await admitUnit(line, 2, 'a/bad')).unit, 'held');
  });

  it('leaves what is only mentioned where it is', async (t) => {
    const line = await commandLine(t, [plainModel('a/base')]);
    assert.deepEqual((await admitUnit(line, 0, 'a/base')).references, []);
  });

  it('is not for a rehearsal', async (t) => {
    const line = await commandLine(t, []);
    assert.equal((await line.run('admit', 'a/base', '--with-references', '--dry-run')).exit, 64);
  });
});
