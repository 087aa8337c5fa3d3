/**
 * Where in a module the walk stands, and what code there mentions: the scopes that are open, and the calls between
 * definitions that come of it.
 */
import type { SyntaxNode } from '@lezer/common';
import { Calls, MODULE, SCRIPT, type When } from './python-calls.ts';
import type { Names } from './python-names.ts';

interface Scope {
  readonly name: string;
  readonly kind: 'function' | 'class' | 'script';
  readonly from: number;
  /** Names that the function binds itself: a parameter called `compile` is not the built-in. */
  readonly parameters: ReadonlySet<string>;
}

/** Deepest nesting whose names are told apart; deeper code belongs to the scope that it stands in. */
const SCOPES_MAX = 64;

const SCRIPT_TEST =
  /^if\s{1,8}\(?\s{0,8}(?:__name__\s{0,8}==\s{0,8}(["'])__main__\1|(["'])__main__\2\s{0,8}==\s{0,8}__name__)\s{0,8}\)?\s{0,8}:/;

/** A module that may give itself another name: what its guard keeps out is not known. */
const RENAMED =
  /__name__[\s)\]]{0,80}(?:=[^=]|[-+*/|&^%@]=|:|,)|(?:import|as|in|for|global|def|class|del)[\s(]{1,80}__name__|["']__name__["']|(?<![.\w])(?:exec|eval)\s{0,8}\(|=\s{0,8}(?:exec|eval)\b|\b(?:globals|locals|sys\s{0,8}\.\s{0,8}modules|from\s{1,8}sys|__import__|import_module)\b|\bvars\s{0,8}\(\s{0,8}\)/;

/** The guard as it is written, which is not what gives a name. */
const GUARDS = /^if\s{1,8}\(?__name__\s{0,8}==[^\n:]{0,40}:/gm;

export class Scopes {
  readonly calls = new Calls();
  readonly #names: Names;
  readonly #source: string;
  readonly #open: Scope[] = [];
  readonly #guards: boolean;
  /** Names of all functions, wherever they stand. */
  readonly #functions = new Set<string>();

  constructor(source: string, names: Names) {
    this.#source = source;
    this.#names = names;
    // CPython compares identifiers in NFKC; the guard itself ends in a colon after its text.
    this.#guards = !RENAMED.test(source.normalize('NFKC').replace(GUARDS, ''));
  }

  /** The place whose code stands here; a class body belongs to where the class is made. */
  get place(): string {
    const last = this.#open.findLastIndex(({ kind }) => kind !== 'class');
    return last < 0 ? MODULE : this.#qualified(last + 1);
  }

  /** Whether the name is a parameter of a function around this place. */
  binds(name: string): boolean {
    return this.#open.some(({ parameters }) => parameters.has(name));
  }

  when(place: string): When {
    return this.calls.when(place);
  }

  /** A definition begins: what it is called, and what making it runs. */
  define(node: SyntaxNode): void {
    const name = node.getChild('VariableName');
    if (name === null || this.#open.length >= SCOPES_MAX) return;
    const text = this.#names.text(name);
    if (node.name === 'FunctionDefinition') this.#functions.add(text);
    const place = this.#open.length === 0 ? text : `${this.#qualified(this.#open.length)}.${text}`;
    this.calls.define(place, node.name === 'FunctionDefinition' ? 'function' : 'class');
    if (node.name === 'ClassDefinition') this.#bases(node, place);
  }

  /** A body begins; `true` where it is one that `leave` must be told of. */
  enter(node: SyntaxNode): void {
    const { parent } = node;
    if (parent === null || this.#open.length >= SCOPES_MAX) return;
    if (parent.name === 'IfStatement') {
      if (!this.#isScript(parent, node)) return;
      this.calls.define(
        this.#open.length === 0 ? SCRIPT : `${this.#qualified(this.#open.length)}.${SCRIPT}`,
        'function',
      );
      this.#open.push({ name: SCRIPT, kind: 'script', from: node.from, parameters: new Set() });
      return;
    }
    if (parent.name !== 'FunctionDefinition' && parent.name !== 'ClassDefinition') return;
    const name = parent.getChild('VariableName');
    this.#open.push({
      name: name === null ? '' : this.#names.text(name),
      kind: parent.name === 'FunctionDefinition' ? 'function' : 'class',
      from: node.from,
      parameters: this.#parameters(parent),
    });
  }

  leave(from: number): void {
    if (this.#open.at(-1)?.from === from) this.#open.pop();
  }

  /** In deferred code every name mentioned counts; at import those that are called, handed on or kept in a list. */
  mention(name: string, node: SyntaxNode): void {
    const { place } = this;
    const means = this.#names.resolveDotted([name]).slice(0, 4);
    if (place === MODULE) {
      const parent = node.parent?.name ?? '';
      const called = parent === 'CallExpression';
      const handed = HANDING.test(parent) && [name, ...means].some((one) => this.#functions.has(one));
      if (!called && !handed) return;
    }
    for (const one of [name, ...means]) this.calls.mention(place, one);
  }

  /** A chain of names: `Runner.start()` runs code of `Runner`, `self.fetch()` a method of the class around it. */
  chain(node: SyntaxNode): void {
    const parts: string[] = [];
    let root: SyntaxNode | null = node;
    for (; root?.name === 'MemberExpression'; root = root.firstChild) {
      const property = root.getChild('PropertyName');
      if (property !== null && parts.length < 4) parts.unshift(this.#names.text(property));
    }
    const { place } = this;
    if (place === MODULE && node.parent?.name !== 'CallExpression') return;
    const [method = ''] = parts;
    if (root?.name === 'VariableName') {
      const name = this.#names.text(root);
      if (name !== 'self' && name !== 'cls') this.calls.mention(place, `${name}.${method}`);
      this.calls.mention(place, name);
      if (name !== 'self' && name !== 'cls') return;
    } else if (
      root?.name !== 'CallExpression' ||
      root.firstChild === null ||
      this.#names.text(root.firstChild) !== 'super'
    )
      return;
    const own = this.#open.findLastIndex(({ kind }) => kind === 'class');
    if (own >= 0) this.calls.mention(place, `${this.#qualified(own + 1)}.${method}`);
  }

  #qualified(length: number): string {
    return this.#open
      .slice(0, length)
      .map(({ name }) => name)
      .join('.');
  }

  #bases(node: SyntaxNode, of: string): void {
    const list = node.getChild('ArgList');
    for (let part = list?.firstChild ?? null; part !== null; part = part.nextSibling) {
      if (part.name !== 'VariableName') continue;
      const isKey = part.nextSibling?.name === 'AssignOp';
      const name = this.#names.text(part);
      if (isKey) continue;
      // A metaclass makes the class: all of it may run. A base only where it asks for it.
      if (part.prevSibling?.name === 'AssignOp') this.#metaclass(name);
      else this.calls.base(this.place, { of, base: name });
    }
  }

  #metaclass(name: string): void {
    for (const method of ['__new__', '__init__', '__prepare__', '__call__', 'mro'])
      this.calls.mention(this.place, `${name}.${method}`);
    this.calls.mention(this.place, name);
  }

  #isScript(statement: SyntaxNode, body: SyntaxNode): boolean {
    if (!this.#guards || statement.getChild('Body')?.from !== body.from) return false;
    const test = this.#source.slice(statement.from, body.from + 1);
    return test.length < 120 && SCRIPT_TEST.test(test);
  }

  #parameters(definition: SyntaxNode): ReadonlySet<string> {
    const names = definition.getChild('ParamList')?.getChildren('VariableName') ?? [];
    return new Set(names.filter(isParameter).map((node) => this.#names.text(node)));
  }
}

/** Places from which a function is called without its name being seen again. */
const HANDING =
  /^(?:ArgList|TupleExpression|ArrayExpression|DictionaryExpression|SetExpression|ForStatement|LambdaExpression|ConditionalExpression|\w*ComprehensionExpression|AssignStatement|ParenthesizedExpression|BinaryExpression)$/;

/** In a list of parameters, a name that stands for one and not for the default of another. */
export function isParameter(node: SyntaxNode): boolean {
  return node.prevSibling?.name !== 'AssignOp';
}
