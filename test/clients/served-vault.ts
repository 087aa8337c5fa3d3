/** A vault with admitted models behind `weighlock serve`, for clients to read from. */
import assert from 'node:assert/strict';
import type { StandInModel } from '../../src/hub-stand-in/model.ts';
import { startServe } from '../gateway/serving.ts';
import type { S3Server } from '../s3/server.ts';
import { openS3Stage } from '../story/s3-stage.ts';
import { openStage } from '../story/stage.ts';
import { type StrictPresignProxy, startStrictPresignProxy } from './strict-presign-proxy.ts';

export interface ServedVault extends AsyncDisposable {
  /** Of the gateway. */
  readonly endpoint: string;
  readonly token: string;
  /** What clients are sent to for bytes; a directory's files come from the gateway itself. */
  readonly data: StrictPresignProxy | undefined;
  commitOf(model: string): string;
  /** Requests that the gateway failed at so far, by its access log. */
  failed(): readonly string[];
}

export interface ServedVaultOptions {
  readonly models: readonly StandInModel[];
  /** Where the vault's bucket is; a directory where absent. */
  readonly server?: S3Server | undefined;
  /** More options of `weighlock serve`. */
  readonly serve?: readonly string[];
}

/** What npm @huggingface/hub takes for a token, and llama.cpp does not drop. */
const TOKEN = /^hf_[a-zA-Z0-9]{34,}$/;

/** Admits the models from a Hub stand-in, one after the other, and starts the gateway over the vault. */
export async function openServedVault({
  models,
  server,
  serve = [],
}: ServedVaultOptions): Promise<ServedVault> {
  const stage = await (server ? openS3Stage(server, { models }) : openStage({ models }));
  let data: StrictPresignProxy | undefined;
  try {
    for (const { id } of models) {
      const admitted = await stage.here(['admit', id]);
      assert.equal(admitted.exit, 0, `${id} was not admitted:\n${admitted.stdout}${admitted.stderr}`);
    }
    const granted = await stage.ask<{ token: string }>(['access', 'grant', 'clients']);
    assert.equal(granted.exit, 0, granted.stderr);
    assert.match(granted.json.token, TOKEN);
    data = server && (await startStrictPresignProxy(server));
    const gateway = await startServe(stage, [...serve, ...(data ? ['--data-endpoint', data.endpoint] : [])]);
    return {
      endpoint: gateway.endpoint,
      token: granted.json.token,
      data,
      commitOf: (model) => stage.hub.commitOf(model),
      failed: () =>
        gateway
          .log()
          .split('\n')
          .filter((line) => /"status":5\d\d/.test(line)),
      async [Symbol.asyncDispose]() {
        await gateway.stop();
        await data?.close();
        await stage[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await data?.close();
    await stage[Symbol.asyncDispose]();
    throw error;
  }
}
