/**
 * The service models that AWS publishes with botocore, read as they are, and a validator that is stricter than botocore's own:
 * it also holds enums, patterns, and the lengths of everything.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { installed } from '../peers.ts';

export const SERVICE_MODELS = installed('aws/lib/python3.11/site-packages/botocore/data', 's3');

interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string; readonly location?: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
}

export class ServiceModel {
  readonly #operations: Readonly<Record<string, { readonly input?: { readonly shape: string } }>>;
  readonly #shapes: Readonly<Record<string, Shape>>;

  constructor(service: string) {
    const folder = path.join(SERVICE_MODELS.path, service);
    const version = readdirSync(folder).sort().at(-1) ?? '';
    const file = gunzipSync(readFileSync(path.join(folder, version, 'service-2.json.gz')));
    const { operations, shapes } = JSON.parse(file.toString('utf8'));
    this.#operations = operations;
    this.#shapes = shapes;
  }

  has(operation: string): boolean {
    return Object.hasOwn(this.#operations, operation);
  }

  enumOf(shape: string): readonly string[] {
    return this.#shape(shape).enum ?? [];
  }

  /** Everything that is wrong with the input of an operation, each with its place. */
  problems(operation: string, input: unknown): string[] {
    const shape = this.#operations[operation]?.input?.shape;
    if (shape === undefined) return [`there is no operation ${operation}`];
    return this.#check(shape, input, operation);
  }

  #shape(name: string): Shape {
    const shape = this.#shapes[name];
    if (!shape) throw new Error(`there is no shape ${name}`);
    return shape;
  }

  #check(name: string, value: unknown, at: string): string[] {
    const shape = this.#shape(name);
    switch (shape.type) {
      case 'structure':
        return this.#structure(shape, value, at);
      case 'list':
        if (!Array.isArray(value)) return [`${at} is no list`];
        return [
          ...sized(shape, value.length, at),
          ...value.flatMap((item, number) =>
            this.#check(shape.member?.shape ?? '', item, `${at}[${number}]`),
          ),
        ];
      case 'map':
        return this.#map(shape, value, at);
      case 'string':
        if (typeof value !== 'string') return [`${at} is no string`];
        return [...sized(shape, [...value].length, at), ...formed(shape, value, at)];
      case 'integer':
      case 'long':
        return Number.isInteger(value) ? sized(shape, value as number, at) : [`${at} is no whole number`];
      case 'float':
      case 'double':
        return typeof value === 'number' ? sized(shape, value, at) : [`${at} is no number`];
      case 'boolean':
        return typeof value === 'boolean' ? [] : [`${at} is neither true nor false`];
      default:
        return [`${at} is a ${shape.type}, which nobody here sends`];
    }
  }

  #structure(shape: Shape, value: unknown, at: string): string[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no structure`];
    const members = shape.members ?? {};
    const given = Object.entries(value);
    const missing = (shape.required ?? []).filter((name) => !given.some(([key]) => key === name));
    return [
      ...missing.map((name) => `${at}.${name} is missing`),
      ...given.flatMap(([key, item]) => {
        const member = Object.hasOwn(members, key) ? members[key] : undefined;
        return member ? this.#check(member.shape, item, `${at}.${key}`) : [`${at}.${key} is not known`];
      }),
    ];
  }

  #map(shape: Shape, value: unknown, at: string): string[] {
    if (typeof value !== 'object' || value === null) return [`${at} is no map`];
    const entries = Object.entries(value);
    return [
      ...sized(shape, entries.length, at),
      ...entries.flatMap(([key, item]) => [
        ...this.#check(shape.key?.shape ?? '', key, `${at} key ${key}`),
        ...this.#check(shape.value?.shape ?? '', item, `${at}.${key}`),
      ]),
    ];
  }
}

function sized({ min, max }: Shape, size: number, at: string): string[] {
  if (min !== undefined && size < min) return [`${at} is ${size}, less than ${min}`];
  if (max !== undefined && size > max) return [`${at} is ${size}, more than ${max}`];
  return [];
}

function formed(shape: Shape, value: string, at: string): string[] {
  if (shape.enum && !shape.enum.includes(value)) return [`${at} is ${value}, which is no choice`];
  if (shape.pattern !== undefined && !matches(shape.pattern, value))
    return [`${at} does not match ${shape.pattern}`];
  return [];
}

/** Patterns are Java's; most are read alike with `u`, the rest without. */
function matches(pattern: string, value: string): boolean {
  const whole = `^(?:${pattern.replace(/^\^|\$$/g, '')})$`;
  try {
    return new RegExp(whole, 'u').test(value);
  } catch {
    return new RegExp(whole).test(value);
  }
}
