/** The Hub source over TLS, as the real Hub is reached. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { HubSource } from '../../src/sources/hub.ts';
import { MODEL, recordingClock } from './served.ts';

const skip =
  spawnSync('openssl', ['version']).status === 0
    ? false
    : 'openssl is not installed: no certificate can be made';

describe('HubSource over TLS', () => {
  test('a certificate that nobody vouches for ends at once, with what to do about it', {
    skip,
  }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'weighlock-tls-'));
    t.after(() => rm(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });

    let requests = 0;
    const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (_, response) => {
      requests += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    t.after(() => server.close());
    const endpoint = `https://localhost:${(server.address() as AddressInfo).port}`;
    const clock = recordingClock();
    const source = new HubSource({ kind: 'hub', endpoint, hosts: [] }, { clock });
    t.after(() => source.close());

    await assert.rejects(source.resolve(MODEL, undefined), {
      code: 'WL_SOURCE_UNAVAILABLE',
      message: /shows no certificate to be trusted/,
      hint: /NODE_EXTRA_CA_CERTS/,
    });
    assert.deepEqual([requests, clock.slept.length], [0, 0]);
  });
});
