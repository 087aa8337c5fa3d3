/** The published schemas of Kubernetes and of CRDs, as strict as an API server that refuses what no field is called. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse as parseYaml } from 'yaml';

/** Schemas of the kinds that plans make. */
const KINDS: Readonly<Record<string, string>> = {
  Deployment: 'apps.v1.Deployment',
  Service: 'core.v1.Service',
  ServiceAccount: 'core.v1.ServiceAccount',
  NetworkPolicy: 'networking.v1.NetworkPolicy',
  PodDisruptionBudget: 'policy.v1.PodDisruptionBudget',
};

/** What is wrong with an object; the empty list where nothing is. Fails for a kind that is not known. */
export function kubernetesSchema(path: string): (item: { readonly kind: string }) => string[] {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const text = readFileSync(path, 'utf8');
  const place = '$defs' in JSON.parse(text) ? '$defs' : 'definitions';
  ajv.addSchema(JSON.parse(text.replaceAll('"_definitions.json#/', '"#/')), 'kubernetes');
  return (item) => {
    const kind = KINDS[item.kind];
    assert.ok(kind, item.kind);
    const valid = ajv.getSchema(`kubernetes#/${place}/io.k8s.api.${kind}`);
    assert.ok(valid, kind);
    return problemsOf(valid as ValidateFunction, item);
  };
}

/** The schema of a CRD, which prunes what it does not name: here that is refused. */
export function crdSchema(path: string, version: string): (item: unknown) => string[] {
  const { spec } = parseYaml(readFileSync(path, 'utf8'), { maxAliasCount: -1 });
  const found = spec.versions.find(({ name }: { name: string }) => name === version);
  const schema = closed(found.schema.openAPIV3Schema);
  const valid = new Ajv({ strict: false, validateFormats: false }).compile(schema as object);
  return (item) => problemsOf(valid, item);
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copied = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const open = copied['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in copied;
  const isWhole = 'apiVersion' in ((copied.properties as object | undefined) ?? {});
  if (copied.type === 'object' && copied.properties && !open && !isWhole) copied.additionalProperties = false;
  return copied;
}

/** The problems that a compiled schema has with a value, in words. */
export function problemsOf(valid: ValidateFunction, item: unknown): string[] {
  if (valid(item)) return [];
  return (valid.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
