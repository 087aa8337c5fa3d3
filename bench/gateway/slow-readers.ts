/**
 * Clients that take a little at a time: `node bench/gateway/slow-readers.ts <url> <clients> <seconds>`. At its end it
 * prints how many of them got bytes, and how many bytes all of them got.
 */
import http from 'node:http';

/** Of each client: 64 kB a second. */
const BYTES = 16 << 10;
const EVERY_MS = 250;

const [url = '', clients = '0', seconds = '0'] = process.argv.slice(2);
let bytes = 0;
let answered = 0;
let refused = 0;
const got = new Set<number>();

const requests = Array.from({ length: Number(clients) }, (_, client) => {
  const request = http.get(url, { agent: false }, (response) => {
    if (response.statusCode !== 200) refused += 1;
    answered += 1;
    const timer = setInterval(() => {
      const chunk = response.read(BYTES) as Buffer | null;
      if (chunk === null) return;
      bytes += chunk.length;
      got.add(client);
    }, EVERY_MS);
    response.on('close', () => clearInterval(timer)).on('error', () => {});
  });
  return request.on('error', () => {});
});

setTimeout(() => {
  process.stdout.write(`${JSON.stringify({ answered, refused, reading: got.size, bytes })}\n`, () => {
    for (const request of requests) request.destroy();
  });
}, Number(seconds) * 1000);
