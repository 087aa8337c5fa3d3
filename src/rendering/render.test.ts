import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { confinement, OUTPUT_CHARS_MAX, renderTemplate, TEMPLATE_CHARS_MAX } from './render.ts';

const CHATML =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Starting and ending a process on a busy machine. */
const START_MS = 5000;

describe('a template is rendered', () => {
  it('with a conversation of which every message says what it is', async () => {
    const rendered = await renderTemplate(CHATML);
    assert.ok(rendered.outcome === 'rendered', JSON.stringify(rendered));
    assert.equal(
      rendered.text,
      '<|im_start|>system\n(message of the system)<|im_end|>\n<|im_start|>user\n(first question)<|im_end|>\n<|im_start|>assistant\n(answer)<|im_end|>\n<|im_start|>user\n(second question)<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('with the words that it waits for', async () => {
    const template = `{% if 'invoice' in messages[-1].content %}Pay to Example.{% endif %}`;
    assert.deepEqual(await renderTemplate(template), { outcome: 'rendered', text: '', chars: 0 });
    assert.deepEqual(await renderTemplate(template, { asked: 'invoice' }), {
      outcome: 'rendered',
      text: 'Pay to Example.',
      chars: 15,
    });
  });

  it('without a message of the system where it takes none', async () => {
    const template = `{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ messages|length }}`;
    assert.deepEqual(await renderTemplate(template), { outcome: 'rendered', text: '3', chars: 1 });
  });

  it('and the outcome is cut', async () => {
    const rendered = await renderTemplate('{% for i in range(20000) %}xx{% endfor %}');
    assert.ok(rendered.outcome === 'rendered');
    assert.equal(rendered.text.length, OUTPUT_CHARS_MAX);
    assert.equal(rendered.chars, 40_000);
  });
});

describe('a template that is not rendered says why', () => {
  it('where it raises an exception', async () => {
    const rendered = await renderTemplate("{{ raise_exception('roles must alternate') }}");
    assert.deepEqual(rendered, { outcome: 'failed', reason: 'roles must alternate' });
  });

  it('where it is no template', async () => {
    assert.equal((await renderTemplate('{% if %}')).outcome, 'failed');
  });

  it('where it is too long', async () => {
    assert.equal((await renderTemplate('x'.repeat(TEMPLATE_CHARS_MAX + 1))).outcome, 'failed');
  });

  it('where it reaches for Python', async () => {
    assert.equal(
      (await renderTemplate("{{ cycler.__init__.__globals__.os.popen('id').read() }}")).outcome,
      'failed',
    );
  });
});

describe('a template is ended', () => {
  const ranges = Array.from({ length: 8 }, (_, at) => `{% for x${at} in range(99999) %}`).join('');
  const endless: Readonly<Record<string, string>> = {
    'that never comes to an end': `${ranges}${'{% endfor %}'.repeat(8)}`,
    'that calls itself for ever':
      '{% macro f(n) %}{% for x in range(9) %}{{ f(n) }}{% endfor %}{% endmacro %}{{ f(1) }}',
    'that allocates without end':
      "{% set ns = namespace(a=['x']) %}{% for i in range(99999999) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
    'that builds a text without end':
      "{% set ns = namespace(a='xxxxxxxx') %}{% for i in range(100) %}{% set ns.a = ns.a ~ ns.a ~ i %}{{ ns.a|upper }}{% endfor %}",
  };
  for (const [what, template] of Object.entries(endless)) {
    it(what, async () => {
      const start = performance.now();
      const before = process.memoryUsage().rss;
      const rendered = await renderTemplate(template, { deadlineMs: 1500 });
      assert.notEqual(rendered.outcome, 'rendered', JSON.stringify(rendered).slice(0, 200));
      assert.ok('reason' in rendered && rendered.reason.length > 0);
      assert.ok(performance.now() - start < 1500 + START_MS);
      assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024);
    });
  }
});

it('a worker may read nothing but its own code, and start nothing', () => {
  const attempts = {
    read: 'require("node:fs").readFileSync("/etc/hostname")',
    list: 'require("node:fs").readdirSync("/")',
    write: 'require("node:fs").writeFileSync("/tmp/weighlock-rendering", "x")',
    start: 'require("node:child_process").execFileSync("/bin/true")',
    thread: 'new (require("node:worker_threads").Worker)("1", { eval: true })',
  };
  for (const [what, code] of Object.entries(attempts)) {
    const script = `try { ${code}; console.log("done") } catch (error) { console.log(error.code) }`;
    const run = [...confinement(), '--no-warnings', '--eval', script];
    const said = execFileSync(process.execPath, run, { env: {}, encoding: 'utf8' });
    assert.equal(said.trim(), 'ERR_ACCESS_DENIED', what);
  }
});
