/** Keys of publishers, as the configuration names them. */
import { readFileSync } from 'node:fs';
import { isGateKey, keyIdOf } from '../attest/key.ts';
import type { PublisherKey } from '../attest/upstream-signature.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import type { Config } from './config.ts';

/** The keys for one model. Throws WL_CONFIG_INVALID for a file that holds no key of P-256. */
export function publisherKeys({ upstreamKeys }: Pick<Config, 'upstreamKeys'>) {
  return (model: ModelName): readonly PublisherKey[] =>
    upstreamKeys.filter(({ models }) => matches(models, model)).map(({ key }) => read(key));
}

/** Part by part, whole parts only: `org/*` is every model of org, and of no org-2. */
function matches(pattern: string, model: ModelName): boolean {
  const [wanted, parts] = [pattern.split('/'), model.split('/')];
  return (
    wanted.length === parts.length && wanted.every((part, index) => part === '*' || part === parts[index])
  );
}

function read(file: string): PublisherKey {
  let publicKey: string;
  try {
    publicKey = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new WeighlockError('WL_CONFIG_INVALID', `cannot read the key ${file} of upstreamKeys`, { cause });
  }
  if (!isGateKey(publicKey))
    throw new WeighlockError('WL_CONFIG_INVALID', `${file} of upstreamKeys is no P-256 public key in PEM`);
  return { name: file, publicKey, keyId: keyIdOf(publicKey) };
}
