/**
 * A small real server for deployments on this machine: a program of its own that loads a file, is healthy after a while,
 * and answers with what it loaded. Its arguments: file, port, and what it does wrong, if anything.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [, , file = '', port = '0', mood = 'well'] = process.argv;
const loaded = readFileSync(file, 'utf8').trim();
if (mood === 'dies' || loaded.includes('dies at start')) {
  process.stderr.write('cannot load: not enough memory\n');
  process.exit(1);
}
const loadingUntil = performance.now() + 300;
const answerMs = 50;

createServer(async (request, response) => {
  if (request.url === '/health') {
    response.writeHead(performance.now() < loadingUntil || mood === 'never-healthy' ? 503 : 200).end();
    return;
  }
  if (request.url === '/crash') process.exit(3);
  let body = '';
  for await (const chunk of request) body += chunk;
  if (body.includes('please crash')) process.exit(3);
  if (body.includes('take long')) {
    response.write(' ');
    await pause(60_000);
  }
  await pause(answerMs);
  const { HF_TOKEN, HF_HUB_OFFLINE } = process.env;
  const content = JSON.stringify({ loaded, token: HF_TOKEN ?? null, offline: HF_HUB_OFFLINE ?? null });
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({ choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }] }),
  );
}).listen(Number(port), '127.0.0.1');
