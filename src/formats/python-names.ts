/**
 * Which dotted name an expression of a Python module stands for: imports and aliases followed, constant text
 * folded, and the usual detours (`__import__('os')`, `getattr(os, 'system')`, `vars(os)['system']`) undone.
 * Flow-insensitive: a name that ever meant `os` means `os` everywhere.
 */
import type { SyntaxNode } from '@lezer/common';
import { type Constants, foldText } from './python-constants.ts';

/** Most meanings followed for one name, and deepest expression followed. */
const MEANINGS_MAX = 8;
const DEPTH_MAX = 48;

/** Longest dotted name followed, and most names that get a meaning: aliases of aliases grow without end. */
const NAME_CHARS_MAX = 120;
const NAMES_MAX = 10_000;

export class Names {
  /** More names than are followed: what they mean is not known. */
  truncated = false;
  readonly #source: string;
  readonly #meanings = new Map<string, Set<string>>();
  /** What was looked up since the last definition. */
  readonly #resolved = new Map<string, readonly string[]>();
  /** Modules whose names were all imported: `from os import *`. */
  readonly #stars = new Set<string>();
  readonly #imported = new Set<string>();
  /** Constant text that a name was given; undefined where it was given several. */
  readonly #texts = new Map<string, string | undefined>();
  readonly #literal: Constants = {
    by: 'literal',
    source: (node) => this.#source.slice(node.from, node.to),
    text: (name) => this.#texts.get(name),
    resolve: (node) => this.resolveDotted(this.#parts(node)),
    arguments: (call) => this.arguments(call),
  };
  readonly #spelled: Constants = { ...this.#literal, by: 'spelled' };

  constructor(source: string) {
    this.#source = source;
  }

  /** CPython compares identifiers in NFKC (PEP 3131): `ｏｓ` is `os`. */
  text(node: SyntaxNode): string {
    return this.#source.slice(node.from, node.to).normalize('NFKC');
  }

  define(name: string, meaning: string): void {
    if (name === meaning || meaning.length > NAME_CHARS_MAX) return;
    if (this.#meanings.size >= NAMES_MAX && !this.#meanings.has(name)) {
      this.truncated = true;
      return;
    }
    const meanings = this.#meanings.get(name) ?? new Set();
    if (meanings.has(meaning) || meanings.size >= MEANINGS_MAX) return;
    meanings.add(meaning);
    this.#resolved.clear();
    this.#meanings.set(name, meanings);
  }

  /** Whether the root of a dotted name came of an import. */
  isImported(name: string): boolean {
    return name.startsWith('.') || this.#imported.has(name.split('.', 1)[0] ?? name);
  }

  imported(root: string): void {
    if (this.#imported.size < NAMES_MAX) this.#imported.add(root);
  }

  star(module: string): void {
    if (this.#stars.size < MEANINGS_MAX) this.#stars.add(module);
    this.#resolved.clear();
  }

  /** Every dotted name that the expression may stand for; none where it is no name. */
  resolve(node: SyntaxNode, depth = 0): readonly string[] {
    if (depth > DEPTH_MAX) return [];
    switch (node.name) {
      case 'VariableName':
        return this.#variable(this.text(node));
      case 'ParenthesizedExpression':
      case 'AwaitExpression': {
        const inner = node.firstChild?.nextSibling;
        return inner ? this.resolve(inner, depth + 1) : [];
      }
      case 'MemberExpression':
        return this.#member(node, depth);
      case 'CallExpression':
        return this.#call(node, depth);
      default:
        return [];
    }
  }

  /** The same for a name given as its parts: decorators are no expressions in the grammar. */
  resolveDotted(parts: readonly string[]): readonly string[] {
    const [root = '', ...rest] = parts;
    return this.#variable(root).map((meaning) => [meaning, ...rest].join('.'));
  }

  /** The parts of a dotted name; none for any other expression. */
  #parts(node: SyntaxNode): readonly string[] {
    const parts: string[] = [];
    let at: SyntaxNode | null = node;
    for (; at?.name === 'MemberExpression' && parts.length < DEPTH_MAX; at = at.firstChild) {
      const property = at.getChild('PropertyName');
      if (property === null) return [];
      parts.unshift(this.text(property));
    }
    return at?.name === 'VariableName' ? [this.text(at), ...parts] : [];
  }

  #variable(name: string): readonly string[] {
    const known = this.#resolved.get(name);
    if (known !== undefined) return known;
    const resolved = this.#lookUp(name);
    this.#resolved.set(name, resolved);
    return resolved;
  }

  #lookUp(name: string): readonly string[] {
    const meanings = this.#meanings.get(name);
    if (meanings !== undefined)
      return [...new Set([...meanings].flatMap((meaning) => this.#follow(meaning)))].slice(
        0,
        2 * MEANINGS_MAX,
      );
    return [name, ...[...this.#stars].map((module) => `${module}.${name}`)];
  }

  /** One more step for `o = os` after `import os as o2; os = o2`: aliases of aliases, not of themselves. */
  #follow(meaning: string): readonly string[] {
    const [root = '', ...rest] = meaning.split('.');
    const next = this.#meanings.get(root);
    if (next === undefined) return [meaning];
    return [meaning, ...[...next].map((other) => [other, ...rest].join('.'))];
  }

  #member(node: SyntaxNode, depth: number): readonly string[] {
    const object = node.firstChild;
    if (object === null) return [];
    const property = node.getChild('PropertyName');
    if (property !== null) return this.#join(this.resolve(object, depth + 1), this.text(property));
    const index = object.nextSibling?.nextSibling;
    const key = index ? this.spelled(index) : undefined;
    if (key === undefined) return [];
    // A subscript with a name: `sys.modules['os']` is the module, `vars(os)['system']` its member.
    return this.resolve(object, depth + 1).flatMap((name) => {
      if (name === 'sys.modules') return [key];
      if (name.endsWith('.__dict__')) return [`${name.slice(0, -'.__dict__'.length)}.${key}`];
      if (/^(?:globals|locals|vars)\(\)$/.test(name)) return this.#variable(key);
      if (name === '__builtins__') return [`builtins.${key}`];
      return [];
    });
  }

  #join(objects: readonly string[], property: string): readonly string[] {
    return objects.map((object) => (object.length < NAME_CHARS_MAX ? `${object}.${property}` : object));
  }

  #call(node: SyntaxNode, depth: number): readonly string[] {
    const callee = node.firstChild;
    if (callee === null) return [];
    const { positional } = this.arguments(node);
    const [first, second] = positional;
    return this.resolve(callee, depth + 1).flatMap((name) => {
      if (/^(?:builtins\.)?(?:globals|locals|vars)$/.test(name))
        return first === undefined
          ? [`${name}()`]
          : this.resolve(first, depth + 1).map((module) => `${module}.__dict__`);
      if (first === undefined) return [];
      if (
        /^(?:builtins\.)?__import__$|^importlib\.(?:import_module|__import__)$|^pydoc\.locate$/.test(name)
      ) {
        const module = this.spelled(first);
        return module === undefined ? [] : [module];
      }
      if (/^(?:builtins\.)?getattr$|^operator\.attrgetter$/.test(name) && second !== undefined) {
        const attribute = this.spelled(second);
        return attribute === undefined ? [] : this.#join(this.resolve(first, depth + 1), attribute);
      }
      return [];
    });
  }

  /** The arguments of a call, keyword arguments by name. */
  arguments(call: SyntaxNode): {
    readonly positional: readonly SyntaxNode[];
    readonly keywords: ReadonlyMap<string, SyntaxNode>;
  } {
    const positional: SyntaxNode[] = [];
    const keywords = new Map<string, SyntaxNode>();
    const list = call.getChild('ArgList');
    for (let node = list?.firstChild ?? null; node !== null; node = node.nextSibling) {
      if (/^[(),]$/.test(node.name)) continue;
      const assign = node.nextSibling;
      const value = assign?.name === 'AssignOp' ? assign.nextSibling : null;
      if (node.name === 'VariableName' && value) {
        keywords.set(this.text(node), value);
        node = value;
      } else {
        positional.push(node);
      }
    }
    return { positional, keywords };
  }

  /** The text that literals come to, alone or joined: it can be nothing else. Undefined otherwise. */
  constant(node: SyntaxNode): string | undefined {
    return foldText(node, this.#literal);
  }

  /** The text that an expression probably comes to: names may be given another value elsewhere. */
  spelled(node: SyntaxNode): string | undefined {
    return foldText(node, this.#spelled);
  }

  /** Notes that a name was given a constant text; a second text makes it unknown. */
  defineText(name: string, text: string | undefined): void {
    if (this.#texts.size >= NAMES_MAX && !this.#texts.has(name)) return;
    this.#texts.set(name, this.#texts.has(name) && this.#texts.get(name) !== text ? undefined : text);
  }
}
