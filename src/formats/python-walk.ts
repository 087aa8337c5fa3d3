/**
 * The walk over a Python tree. Two passes: names first (imports and aliases may follow their use), then uses.
 * A use inside a function counts as done at import where that function is called or handed on at import.
 */
import type { SyntaxNode, SyntaxNodeRef, Tree } from '@lezer/common';
import type { PythonFacts, PythonUse } from './python.ts';
import {
  DANGEROUS_MODULES,
  ESCAPE_ATTRIBUTES,
  type Family,
  familyOf,
  WRITING_METHODS,
} from './python-families.ts';
import { readNames } from './python-imports.ts';
import { handedModule, handedNamespace, IMPORTING_TEXT, importedModule } from './python-modules.ts';
import { Names } from './python-names.ts';
import { takesDataOnly } from './python-safe-calls.ts';

type Lists = Pick<
  PythonFacts,
  'imports' | 'uses' | 'encodedStrings' | 'spelledChars' | 'repos' | 'trustsRemoteCode'
>;

/** Most uses kept; ordinary modelling files have fewer than ten. */
const USES_MAX = 2000;

/** Most imports, strings, repos and lines kept. */
const LIST_MAX = 500;

/** Of a literal, what is searched for code in text. */
const LITERAL_CHARS_MAX = 64 * 1024;

/** From this length on, a literal of one alphabet is taken for encoded data. Hashes and ids are shorter. */
const ENCODED_CHARS_MIN = 400;

export function walkPython(
  tree: Tree,
  source: string,
): { readonly lists: Lists; readonly truncated: boolean } {
  const names = new Names(source);
  const imports = readNames(tree, names);
  const walk = new Walk(source, names);
  tree.cursor().iterate(
    (node) => walk.enter(node),
    (node) => walk.leave(node),
  );
  return {
    lists: { imports: [...imports].sort(), ...walk.lists() },
    truncated: walk.truncated || names.truncated,
  };
}

interface Scope {
  readonly name: string;
  readonly defers: boolean;
  readonly from: number;
  /** Names that the function binds itself: a parameter called `compile` is not the built-in. */
  readonly parameters: ReadonlySet<string>;
}

interface OpenUse extends PythonUse {
  readonly owner: string | undefined;
}

class Walk {
  truncated = false;
  readonly #source: string;
  readonly #names: Names;
  readonly #lineStarts: number[] = [0];
  readonly #uses: OpenUse[] = [];
  readonly #encoded: { line: number; length: number }[] = [];
  readonly #repos: { repo: string; line: number }[] = [];
  readonly #trusts: number[] = [];
  #spelled = 0;
  /** Names of the definitions that enclose the place, outermost first; functions defer, classes do not. */
  readonly #scopes: Scope[] = [];
  /** For each outermost definition, the names that its deferred code refers to; `undefined` is the module. */
  readonly #references = new Map<string | undefined, Set<string>>();
  readonly #functions = new Set<string>();

  constructor(source: string, names: Names) {
    this.#source = source;
    this.#names = names;
    for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1))
      this.#lineStarts.push(at + 1);
  }

  enter(ref: SyntaxNodeRef): void {
    switch (ref.name) {
      case 'FunctionDefinition':
      case 'ClassDefinition':
        this.#define(ref.node);
        break;
      case 'Body':
        this.#body(ref.node);
        break;
      case 'MemberExpression':
        this.#reference(ref.node);
        this.#attribute(ref.node);
        break;
      case 'VariableName':
        this.#variable(ref.node);
        break;
      case 'CallExpression':
        this.#call(ref.node);
        break;
      case 'Decorator':
        this.#decorator(ref.node);
        break;
      case 'String':
        this.#string(ref);
        break;
      default:
    }
  }

  leave(ref: SyntaxNodeRef): void {
    if (ref.name === 'Body' && this.#scopes.at(-1)?.from === ref.from) this.#scopes.pop();
  }

  /** Uses with the functions that run at import promoted, and the other lists. */
  lists(): Omit<Lists, 'imports'> {
    const run = new Set<string>();
    const open = [...(this.#references.get(undefined) ?? [])];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (run.has(name)) continue;
      run.add(name);
      open.push(...(this.#references.get(name) ?? []));
    }
    const uses = this.#uses.map(({ owner, ...use }) =>
      owner !== undefined && run.has(owner) ? { ...use, when: 'import' as const } : use,
    );
    return {
      uses,
      encodedStrings: this.#encoded,
      spelledChars: this.#spelled,
      repos: this.#repos,
      trustsRemoteCode: this.#trusts,
    };
  }

  #define(node: SyntaxNode): void {
    const name = node.getChild('VariableName');
    if (name !== null && node.name === 'FunctionDefinition' && this.#functions.size < USES_MAX)
      this.#functions.add(this.#names.text(name));
  }

  #body(node: SyntaxNode): void {
    const parent = node.parent;
    if (parent?.name !== 'FunctionDefinition' && parent?.name !== 'ClassDefinition') return;
    const name = parent.getChild('VariableName');
    this.#scopes.push({
      name: name === null ? '' : this.#names.text(name),
      defers: parent.name === 'FunctionDefinition',
      from: node.from,
      parameters: this.#parameters(parent),
    });
  }

  #parameters(definition: SyntaxNode): ReadonlySet<string> {
    const names = definition.getChild('ParamList')?.getChildren('VariableName') ?? [];
    return new Set(names.filter(isParameter).map((node) => this.#names.text(node)));
  }

  /** The outermost definition around this place, if code here runs only when it is called. */
  get #owner(): string | undefined {
    return this.#scopes.some(({ defers }) => defers) ? this.#scopes[0]?.name : undefined;
  }

  /** A name: a use by itself, unless it is part of a longer one, a keyword, a parameter or a definition. */
  #variable(node: SyntaxNode): void {
    const { parent } = node;
    if (
      parent === null ||
      /^(?:ImportStatement|FunctionDefinition|ClassDefinition|Decorator)$/.test(parent.name)
    )
      return;
    if (parent.name === 'ArgList' && node.nextSibling?.name === 'AssignOp') return;
    if (parent.name === 'ParamList' && isParameter(node)) return;
    if (parent.name === 'MemberExpression' && parent.firstChild?.from === node.from) return;
    if (parent.name === 'AssignStatement' && parent.lastChild?.from !== node.from) return;
    const name = this.#names.text(node);
    if (this.#scopes.some(({ parameters }) => parameters.has(name))) return;
    this.#mention(name, node);
    this.#reflection(handedModule(node, this.#names), node);
    this.#reference(node);
  }

  /** In deferred code every name mentioned counts; at import those that are called or handed to a call. */
  #mention(name: string, node: SyntaxNode): void {
    const owner = this.#owner;
    if (owner === undefined) {
      const called = node.parent?.name === 'CallExpression';
      const handed = node.parent?.name === 'ArgList' && this.#isFunction(name);
      if (!called && !handed) return;
    }
    const references = this.#references.get(owner) ?? new Set();
    if (references.size < USES_MAX) references.add(name);
    this.#references.set(owner, references);
  }

  /** Functions may be defined below the place that mentions them only if that place is deferred. */
  #isFunction(name: string): boolean {
    return this.#functions.has(name);
  }

  #decorator(node: SyntaxNode): void {
    const parts = node.getChildren('VariableName').map((part) => this.#names.text(part));
    const [root = ''] = parts;
    const references = this.#references.get(this.#owner) ?? new Set();
    references.add(root);
    this.#references.set(this.#owner, references);
    for (const meaning of this.#names.resolveDotted(parts)) {
      const found = familyOf(meaning);
      if (found !== undefined) this.#use({ ...found, called: true, dynamic: true }, node);
    }
  }

  /** The longest chain only: `os.path.join` is not also a use of `os.path`. */
  #reference(node: SyntaxNode): void {
    const { parent } = node;
    if (
      parent?.name === 'MemberExpression' &&
      parent.firstChild?.from === node.from &&
      node.name !== 'VariableName'
    )
      if (parent.getChild('PropertyName') !== null) return;
    const called = parent?.name === 'CallExpression' && parent.firstChild?.from === node.from;
    for (const meaning of this.#names.resolve(node)) {
      const found = familyOf(meaning);
      if (found === undefined) continue;
      if (called && parent !== null && takesDataOnly(found.name, parent, this.#names)) continue;
      this.#use(
        { ...found, called, dynamic: !called || parent === null || !this.#constantCall(parent) },
        node,
      );
    }
    if (node.name === 'MemberExpression') this.#root(node);
  }

  /** The name at the root of a chain: `Runner.start()` runs code of `Runner`. */
  #root(node: SyntaxNode): void {
    let root = node.firstChild;
    while (root?.name === 'MemberExpression') root = root.firstChild;
    if (root?.name !== 'VariableName') return;
    const owner = this.#owner;
    if (owner === undefined && node.parent?.name !== 'CallExpression') return;
    const references = this.#references.get(owner) ?? new Set();
    if (references.size < USES_MAX) references.add(this.#names.text(root));
    this.#references.set(owner, references);
  }

  #attribute(node: SyntaxNode): void {
    const property = node.getChild('PropertyName');
    if (property === null) return;
    const name = this.#names.text(property);
    this.#reflection(ESCAPE_ATTRIBUTES.has(name) ? `.${name}` : handedNamespace(node, this.#names), property);
  }

  #reflection(name: string | undefined, node: SyntaxNode): void {
    if (name !== undefined) this.#use({ family: 'reflection', name, called: false, dynamic: false }, node);
  }

  #call(node: SyntaxNode): void {
    const callee = node.firstChild;
    if (callee === null) return;
    const { positional, keywords } = this.#names.arguments(node);
    const trust = keywords.get('trust_remote_code');
    if (trust !== undefined && this.#names.text(trust) === 'True' && this.#trusts.length < LIST_MAX)
      this.#trusts.push(this.#line(node.from));
    if (callee.name === 'CallExpression') {
      // `getattr(os, 'system')('…')`: what the inner call stands for is called here.
      for (const meaning of this.#names.resolve(callee)) {
        const found = familyOf(meaning);
        if (found !== undefined)
          this.#use({ ...found, called: true, dynamic: !this.#constantCall(node) }, node);
      }
    }
    this.#reflection(importedModule(node, this.#names), node);
    const names = this.#names.resolve(callee);
    for (const name of names) this.#namedCall(name, node, positional);
    this.#method(callee, node, positional, keywords);
  }

  #namedCall(name: string, node: SyntaxNode, positional: readonly SyntaxNode[]): void {
    const [first, second] = positional;
    const bare = name.replace(/^builtins\./, '');
    if (bare === 'chr' && first?.name === 'Number') this.#spelled += 1;
    if (
      /^(?:__import__|importlib\.(?:import_module|__import__)|pydoc\.locate|pkgutil\.resolve_name)$/.test(
        bare,
      )
    ) {
      if (first === undefined || this.#names.constant(first) === undefined)
        this.#use({ family: 'reflection', name: bare, called: true, dynamic: true }, node);
    }
    if (bare === 'getattr' && second !== undefined && this.#names.constant(second) === undefined) {
      const from = first === undefined ? [] : this.#names.resolve(first);
      if (from.some((module) => DANGEROUS_MODULES.has(module)))
        this.#use(
          { family: 'reflection', name: `getattr(${from[0] ?? ''}, …)`, called: true, dynamic: true },
          node,
        );
    }
  }

  #method(
    callee: SyntaxNode,
    node: SyntaxNode,
    positional: readonly SyntaxNode[],
    keywords: ReadonlyMap<string, SyntaxNode>,
  ): void {
    const property = callee.name === 'MemberExpression' ? callee.getChild('PropertyName') : null;
    const name = this.#names.text(property ?? callee);
    if (property !== null && WRITING_METHODS.has(name))
      this.#use({ family: 'files', name: `.${name}`, called: true, dynamic: true }, node);
    if (name === 'open' && callee.name === 'VariableName') {
      const mode = keywords.get('mode') ?? positional[1];
      const text = mode === undefined ? 'r' : this.#names.constant(mode);
      if (text === undefined || /[wax+]/.test(text))
        this.#use({ family: 'files', name: 'open', called: true, dynamic: text === undefined }, node);
    }
    if (/^(?:from_pretrained|hf_hub_download|snapshot_download|cached_file)$/.test(name)) {
      const repo = keywords.get('repo_id') ?? keywords.get('pretrained_model_name_or_path') ?? positional[0];
      const text = repo === undefined ? undefined : this.#names.constant(repo);
      if (text !== undefined && /^[\w.-]+\/[\w.-]+$/.test(text) && this.#repos.length < LIST_MAX)
        this.#repos.push({ repo: text, line: this.#line(node.from) });
    }
  }

  /** Whether the first argument is a constant: `exec('x = 1')`. */
  #constantCall(call: SyntaxNode): boolean {
    const [first] = this.#names.arguments(call).positional;
    return first !== undefined && this.#names.constant(first) !== undefined;
  }

  #string(ref: SyntaxNodeRef): void {
    const length = ref.to - ref.from;
    const text = this.#source.slice(ref.from, Math.min(ref.to, ref.from + LITERAL_CHARS_MAX));
    if (IMPORTING_TEXT.test(text) && !isDocumentation(ref.node))
      this.#reflection('text that imports', ref.node);
    if (length < ENCODED_CHARS_MIN || this.#encoded.length >= LIST_MAX) return;
    const body = this.#source
      .slice(ref.from, ref.to)
      .replace(/^[A-Za-z]{0,2}["']{1,3}|["']{1,3}$|\\?\r?\n/g, '');
    const escapes = body.match(/\\x[0-9a-fA-F]{2}/g)?.length ?? 0;
    if (/^[A-Za-z0-9+/=_-]+$/.test(body) || escapes * 4 > body.length / 2)
      this.#encoded.push({ line: this.#line(ref.from), length });
  }

  #use(
    use: {
      readonly family: Family;
      readonly name: string;
      readonly called: boolean;
      readonly dynamic: boolean;
    },
    node: SyntaxNode,
  ): void {
    if (this.#uses.length >= USES_MAX) {
      this.truncated = true;
      return;
    }
    const owner = this.#owner;
    const line = this.#line(node.from);
    const last = this.#uses.at(-1);
    if (last?.name === use.name && last.line === line && last.owner === owner) return;
    this.#uses.push({
      ...use,
      name: use.name.slice(0, 200),
      line,
      when: owner === undefined ? 'import' : 'function',
      owner,
    });
  }

  #line(at: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}

/** A string that stands alone as a statement is documentation. */
function isDocumentation(node: SyntaxNode): boolean {
  return node.parent?.name === 'ExpressionStatement';
}

/** In a list of parameters, a name that stands for one and not for the default of another. */
function isParameter(node: SyntaxNode): boolean {
  return node.prevSibling?.name !== 'AssignOp';
}
