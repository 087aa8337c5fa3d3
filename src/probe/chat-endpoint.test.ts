/** An endpoint is a stranger: what it answers is bounded, what it asks for is not done, what it hides is no pass. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ChatEndpoint } from './chat-endpoint.ts';
import { helps } from './detectors.ts';
import { categoryResults, type Probe, putProbes } from './probe.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(t: TestContext, handler: Handler): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const completion = (message: unknown, finish = 'stop') =>
  JSON.stringify({ choices: [{ index: 0, message, finish_reason: finish }] });

const good: Handler = (_, response) =>
  response.end(completion({ role: 'assistant', content: 'Use a tool.' }));

const probe: Probe = {
  id: 'over-refusal/kill',
  category: 'over-refusal',
  conversations: [[{ role: 'user', content: 'How?' }]],
  detect: helps,
};

const settings = { temperature: 0, maxTokens: 10, seed: 1 };
const once = { repeat: 1, concurrency: 1, settings };

async function outcomeOf(url: string, timeoutMs = 5000) {
  await using endpoint = await ChatEndpoint.open({ url, timeoutMs });
  const [attempt] = await putProbes(endpoint.talk('m'), [probe], once);
  return attempt;
}

describe('an endpoint', () => {
  for (const [title, handler, why] of [
    ['that redirects', (_, r) => r.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(), /redirects/],
    [
      'that answers with an error',
      (_, r) => r.writeHead(500).end('{"error":{"message":"no GPU"}}'),
      /500: no GPU/,
    ],
    ['that stays busy', (_, r) => r.writeHead(503).end(), /answers 503/],
    ['that answers with a page', (_, r) => r.end('<html>'), /no JSON/],
    ['that answers with JSON of another kind', (_, r) => r.end('[1]'), /no chat completion/],
    [
      'that answers with content of another kind',
      (_, r) => r.end(completion({ content: 7 })),
      /no chat completion/,
    ],
    ['that answers without an end', (_, r) => void endless(r), /longer than/],
    ['that hangs up', (_, r) => void r.destroy(), /./],
    ['that does not answer', () => {}, /within 1 seconds/],
    ['that answers with nothing', (_, r) => r.end(completion({ content: null })), /empty/],
  ] as const satisfies readonly (readonly [string, Handler, RegExp])[])
    it(`${title} is an error of the attempt, and no pass`, async (t) => {
      const attempt = await outcomeOf(await serve(t, handler), 1000);
      assert.equal(attempt?.judgement.outcome, 'error');
      assert.match(attempt?.judgement.outcome === 'error' ? attempt.judgement.why : '', why);
      assert.deepEqual(categoryResults(attempt ? [attempt] : []), [
        { category: 'over-refusal', n: 0, failures: 0, errors: 1, interval: [0, 1] },
      ]);
    });

  it('that never answers ends the run after a few attempts', async (t) => {
    const url = await serve(t, (_, response) => void response.writeHead(502).end());
    await using endpoint = await ChatEndpoint.open({ url, timeoutMs: 1000 });
    const many = Array.from({ length: 50 }, (_, at) => ({ ...probe, id: `over-refusal/${at}` }));
    await assert.rejects(putProbes(endpoint.talk('m'), many, once), { code: 'WL_ENDPOINT_UNAVAILABLE' });
  });

  it('that wants a key ends the run at once', async (t) => {
    const url = await serve(t, (_, response) => void response.writeHead(401).end());
    await using endpoint = await ChatEndpoint.open({ url, timeoutMs: 1000 });
    await assert.rejects(endpoint.models(), { code: 'WL_ENDPOINT_DENIED' });
    await assert.rejects(putProbes(endpoint.talk('m'), [probe], once), { code: 'WL_ENDPOINT_DENIED' });
  });

  it('that is busy for a moment is asked again', async (t) => {
    let asked = 0;
    const url = await serve(t, (request, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(429).end();
      else good(request, response);
    });
    assert.equal((await outcomeOf(url))?.judgement.outcome, 'held');
  });

  it('gets the key at its own address alone, and what is asked word for word', async (t) => {
    const seen: { url: string | undefined; key: string | undefined; body: string }[] = [];
    const url = await serve(t, async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen.push({ url: request.url, key: request.headers.authorization, body });
      good(request, response);
    });
    await using endpoint = await ChatEndpoint.open({ url: `${url}/v1/`, key: 'k', timeoutMs: 1000 });
    await putProbes(endpoint.talk('m'), [probe], once);
    assert.deepEqual(
      seen.map(({ url: asked, key }) => [asked, key]),
      [['/v1/chat/completions', 'Bearer k']],
    );
    assert.deepEqual(JSON.parse(seen[0]?.body ?? ''), {
      model: 'm',
      messages: [{ role: 'user', content: 'How?' }],
      temperature: 0,
      max_tokens: 10,
      seed: 1,
      stream: false,
    });
  });

  for (const [title, url, key] of [
    ['no address', 'nowhere', undefined],
    ['of another protocol', 'ftp://host/', undefined],
    ['with credentials', 'https://a:b@host/', undefined],
    ['with a query', 'https://host/?a=b', undefined],
    ['to which a key would go in the clear', 'http://host.example/', 'k'],
  ] as const)
    it(`${title} is refused before anything is sent`, async () => {
      await assert.rejects(ChatEndpoint.open({ url, key, timeoutMs: 1000 }), { code: 'WL_USAGE' });
    });
});

describe('results', () => {
  it('count repeated attempts, and keep errors apart from what held', async (t) => {
    const answers = [completion({ content: 'Yes.' }), completion({ content: 'I cannot.' }), '{}'];
    let asked = 0;
    const url = await serve(t, (_, response) => {
      response.end(answers[asked % 3]);
      asked += 1;
    });
    await using endpoint = await ChatEndpoint.open({ url, timeoutMs: 1000 });
    const attempts = await putProbes(endpoint.talk('m'), [probe], { ...once, repeat: 6 });
    const [row] = categoryResults(attempts);
    assert.deepEqual([row?.n, row?.failures, row?.errors], [4, 2, 2]);
    assert.ok((row?.interval[0] ?? 1) < 0.5 && (row?.interval[1] ?? 0) > 0.5);
  });
});

/** More than anybody reads, until nobody does. */
function endless(response: ServerResponse): void {
  const chunk = 'x'.repeat(65_536);
  const timer = setInterval(() => {
    for (let at = 0; at < 8 && !response.destroyed; at++) response.write(chunk);
  }, 1);
  response.on('close', () => clearInterval(timer));
}
