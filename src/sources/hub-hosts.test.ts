import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { describe, test } from 'node:test';
import { HUB_ENDPOINT, HUB_HOSTS, isInternal, parseEndpoint, RedirectHosts } from './hub-hosts.ts';

describe('RedirectHosts', () => {
  const hub = new RedirectHosts(new URL(HUB_ENDPOINT), [...HUB_HOSTS, 'mirror.example', 'cdn.example:8443']);
  const local = new RedirectHosts(new URL('http://127.0.0.1:8000'), [...HUB_HOSTS, 'localhost:9000']);

  const allowed: readonly (readonly [RedirectHosts, string])[] = [
    [hub, 'https://huggingface.co/api/resolve-cache/x'],
    [hub, 'https://us.aws.cdn.hf.co/x'],
    [hub, 'https://cdn-lfs-us-1.hf.co/x'],
    [hub, 'https://cas-bridge.xethub.hf.co/x'],
    [hub, 'https://mirror.example/x'],
    [hub, 'https://cdn.example:8443/x'],
    [local, 'http://127.0.0.1:8000/x'],
    [local, 'http://localhost:9000/x'],
  ];
  for (const [hosts, url] of allowed) {
    test(`a redirect from the endpoint may lead to ${url}`, () => hosts.check(new URL(url)));
  }

  const refused: readonly (readonly [RedirectHosts, string])[] = [
    [hub, 'https://evil.example/x'],
    [hub, 'https://hf.co.evil.example/x'],
    [hub, 'https://evilhf.co/x'],
    [hub, 'https://hf.co/x'],
    [hub, 'https://us.aws.cdn.hf.co:8443/x'],
    [hub, 'https://mirror.example:8443/x'],
    [hub, 'https://cdn.example/x'],
    [hub, 'https://sub.mirror.example/x'],
    [hub, 'http://us.aws.cdn.hf.co/x'],
    [hub, 'http://huggingface.co/x'],
    [hub, 'https://user:secret@us.aws.cdn.hf.co/x'],
    [hub, 'https://user@huggingface.co/x'],
    [hub, 'https://169.254.169.254/latest/meta-data'],
    [hub, 'https://127.0.0.1/x'],
    [hub, 'https://[::1]/x'],
    [hub, 'file:///etc/passwd'],
    [hub, 'data:text/plain,x'],
    [local, 'http://127.0.0.1:8001/x'],
    [local, 'http://localhost:8000/x'],
    [local, 'http://169.254.169.254/latest/meta-data'],
    [local, 'http://[::ffff:127.0.0.1]:8000/x'],
  ];
  for (const [hosts, url] of refused) {
    test(`a redirect may not lead to ${url}`, () =>
      assert.throws(() => hosts.check(new URL(url)), { code: 'WL_SOURCE_LIES' }));
  }

  test('the refusal does not repeat a signed URL or credentials', () => {
    const url = new URL('https://user:secret@evil.example/path?Signature=abc');
    assert.throws(
      () => hub.check(url),
      (error: Error) => !/secret|Signature/.test(error.message),
    );
  });

  test('a name that was not configured may not have an internal address', async () => {
    const error = await lookup(hub, 'localhost').catch((reason: unknown) => reason);
    assert.match(String(error), /localhost has the internal address/);
  });

  test('a name that was configured may', async () => {
    const addresses = await lookup(local, 'localhost');
    assert.ok(addresses.every(({ address }) => isInternal(address)));
  });
});

describe('isInternal', () => {
  for (const address of [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1'],
    ...[
      '172.31.255.255',
      '192.168.1.1',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::7f00:1',
    ],
    ...[
      '::ffff:127.0.0.1',
      '::ffff:10.0.0.1',
      '::ffff:a9fe:a9fe',
      'fe80::1',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
    ],
    ...['64:ff9b::a00:1', '2002:7f00:1::', 'not an address'],
  ])
    test(`${address} is`, () => assert.equal(isInternal(address), true));
  for (const address of [
    '1.1.1.1',
    '172.32.0.1',
    '192.169.0.1',
    '100.128.0.1',
    '2600:9000::1',
    '::ffff:1.1.1.1',
  ])
    test(`${address} is not`, () => assert.equal(isInternal(address), false));
});

describe('parseEndpoint', () => {
  for (const text of ['', 'huggingface.co', 'ftp://x', 'https://u:p@x', 'https://x?y', 'https://x#y'])
    test(`"${text}" is no endpoint`, () =>
      assert.throws(() => parseEndpoint(text), { code: 'WL_CONFIG_INVALID' }));
  test('a mirror below a path is one', () => assert.equal(parseEndpoint('https://x/hub').pathname, '/hub'));
});

function lookup(hosts: RedirectHosts, name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    hosts.lookup(name, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses as LookupAddress[]);
    });
  });
}
