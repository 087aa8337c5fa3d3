/** The contract of a vault, kept by buckets of every server that is at hand, with versions and without. */
import { after, before, describe } from 'node:test';
import { vaultContract } from '../../src/vault/contract.ts';
import { openStagingDoor, openVault } from '../../src/vault/open.ts';
import type { S3Settings } from '../../src/vault/s3-place.ts';
import { S3_SERVERS, type S3Server } from './server.ts';

/** Parts of one file that may be held: fewer than a large file has. */
const PARTS_BYTES = 16 << 20;

for (const { name, skip, start } of S3_SERVERS) {
  for (const versioning of ['on', 'off'] as const) {
    describe(`a bucket of ${name}, versioning ${versioning}`, { skip }, () => {
      let server: S3Server;
      let made = 0;
      before(async () => {
        server = await start();
        Object.assign(process.env, server.environment);
      });
      after(() => server?.close());
      vaultContract(`S3Vault on ${name}`, async () => {
        made += 1;
        const bucket = `contract-${made}`;
        await server.makeBucket(bucket, { versioning });
        const settings: S3Settings = {
          bucket,
          prefix: made % 2 ? 'some/prefix' : '',
          region: server.region,
          endpoint: server.endpoint,
          pathStyle: true,
        };
        const open = () => openVault({ kind: 's3', settings });
        const vault = await open();
        return {
          vault,
          reopen: open,
          door: (ticket) => openStagingDoor(ticket, PARTS_BYTES),
          close: () => vault.close(),
        };
      });
    });
  }
}
