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
  OF_THE_MACHINE,
  WRITING_METHODS,
} from './python-families.ts';
import { parsePython } from './python-grammar.ts';
import { readNames, type Taken } from './python-imports.ts';
import { ASKING, handedModule, handedNamespace, IMPORTING_TEXT, importedModule } from './python-modules.ts';
import { Names } from './python-names.ts';
import { takesDataOnly } from './python-safe-calls.ts';
import { isParameter, Scopes } from './python-scopes.ts';

type Lists = Pick<
  PythonFacts,
  'imports' | 'uses' | 'outside' | 'encodedStrings' | 'spelledChars' | 'repos' | 'trustsRemoteCode'
>;

interface OutsideCall {
  readonly name: string;
  readonly line: number;
  readonly place: string;
}

/** Libraries whose functions no repo brings: calls of theirs lead nowhere that is here to be read. */
const LIBRARIES =
  /^(?:torch\w*|transformers|numpy|np|tensorflow|tf|jax|flax|math|os|re|sys|typing|dataclasses|functools|logging|json|collections|itertools|warnings|copy|einops|diffusers|accelerate|PIL|sentencepiece|tokenizers|huggingface_hub|peft|tqdm|scipy|pandas|packaging|inspect|abc|enum|pathlib|random|time|string)\./;

/** Calls that fetch a repo by its name, and the keywords that may hold it; otherwise it is the first argument. */
const LOADING =
  /^(?:from_pretrained|hf_hub_download|snapshot_download|cached_file|get_kernel|load_lora_weights|load_ip_adapter|SentenceTransformer|CrossEncoder)$/;
const REPO_KEYWORDS = ['repo_id', 'pretrained_model_name_or_path', 'model_name_or_path'];

/** Most uses kept; ordinary modelling files have fewer than ten. */
const USES_MAX = 2000;

/** Most imports, strings, repos and lines kept. */
const LIST_MAX = 500;

/** Of a literal, what is searched for code in text. */
const LITERAL_CHARS_MAX = 64 * 1024;

/** From this length on, a literal of one alphabet is taken for encoded data. Hashes and ids are shorter. */
const ENCODED_CHARS_MIN = 400;

/** Texts that are run as code, and read for it, in one module. */
const EVALUATED_MAX = 16;

/** `evaluate`: how many texts that are run as code are read too. */
export function walkPython(
  tree: Tree,
  source: string,
  evaluate = EVALUATED_MAX,
): { readonly lists: Lists; readonly truncated: boolean } {
  const names = new Names(source);
  const { imports, taken } = readNames(tree, names);
  const walk = new Walk(source, names, evaluate);
  for (const one of taken) walk.take(one);
  tree.cursor().iterate(
    (node) => walk.enter(node),
    (node) => walk.leave(node),
  );
  return {
    lists: { imports: [...imports].sort(), ...walk.lists() },
    truncated: walk.truncated || names.truncated,
  };
}

interface OpenUse extends Omit<PythonUse, 'when' | 'path' | 'entrances'> {
  readonly place: string;
}

/** Modules that call from outside are shown as many ways in. */
const ENTRANCES_MAX = 16;

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
  #evaluating: number;
  readonly #scopes: Scopes;
  readonly #outside = new Map<string, OutsideCall>();

  constructor(source: string, names: Names, evaluate: number) {
    this.#evaluating = evaluate;
    this.#source = source;
    this.#names = names;
    this.#scopes = new Scopes(source, names);
    for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1))
      this.#lineStarts.push(at + 1);
  }

  enter(ref: SyntaxNodeRef): void {
    switch (ref.name) {
      case 'FunctionDefinition':
      case 'ClassDefinition':
        this.#scopes.define(ref.node);
        break;
      case 'Body':
        this.#scopes.enter(ref.node);
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

  take({ name, node }: Taken): void {
    const found = familyOf(name);
    if (found !== undefined) this.#use({ ...found, called: false, dynamic: false }, node);
  }

  leave(ref: SyntaxNodeRef): void {
    if (ref.name === 'Body') this.#scopes.leave(ref.from);
  }

  /** Uses with the way that leads to them, and the other lists. */
  lists(): Omit<Lists, 'imports'> {
    const { calls } = this.#scopes;
    const way = (place: string) => {
      const when = calls.when(place);
      const entrances = when === 'import' ? [] : calls.entrances(place, ENTRANCES_MAX);
      return { when, path: calls.path(place), ...(entrances.length === 0 ? {} : { entrances }) };
    };
    const uses = this.#uses.map(({ place, ...use }) => ({ ...use, ...way(place) }));
    const outside = [...this.#outside.values()].map(({ name, line, place }) => ({
      name,
      line,
      ...way(place),
    }));
    return {
      uses,
      outside,
      encodedStrings: this.#encoded,
      spelledChars: this.#spelled,
      repos: this.#repos,
      trustsRemoteCode: this.#trusts,
    };
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
    if (this.#scopes.binds(name)) return;
    this.#scopes.mention(name, node);
    this.#reflection(handedModule(node, this.#names), node);
    this.#reference(node);
  }

  #decorator(node: SyntaxNode): void {
    const parts = node.getChildren('VariableName').map((part) => this.#names.text(part));
    const [root = '', method] = parts;
    const { calls, place } = this.#scopes;
    for (const name of [root, ...this.#names.resolveDotted([root])]) calls.mention(place, name);
    if (method !== undefined) calls.mention(place, `${root}.${method}`);
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
      // `atexit.register(os.system, 'x')`: whoever is handed a process calls it.
      const handed = found.family === 'process' && parent?.name === 'ArgList' && !this.#isAsked(parent);
      const dynamic = !called || parent === null || !this.#constantCall(parent);
      if (called && parent !== null && found.family === 'code') this.#evaluated(parent);
      this.#use({ ...found, called: called || handed, dynamic }, node);
    }
    if (node.name === 'MemberExpression') this.#scopes.chain(node);
    if (called) this.#foreign(node);
  }

  /** `isinstance(p, subprocess.Popen)` only asks. */
  #isAsked(list: SyntaxNode): boolean {
    const callee = list.parent?.firstChild;
    return (
      list.parent?.name === 'ClassDefinition' ||
      (callee?.name === 'VariableName' && ASKING.has(this.#names.text(callee)))
    );
  }

  /** What a constant text does that is run as code: its uses stand where the text is run. */
  #evaluated(call: SyntaxNode): void {
    const [first] = this.#names.arguments(call).positional;
    const text = first === undefined ? undefined : this.#names.spelled(first);
    if (text === undefined || this.#evaluating === 0) return;
    this.#evaluating -= 1;
    const inner = walkPython(parsePython(text), text, 0);
    for (const { family, name, called, dynamic } of inner.lists.uses)
      this.#use({ family, name, called, dynamic }, call);
    if (inner.lists.imports.length > 0)
      this.#use({ family: 'code', name: 'text that imports', called: true, dynamic: true }, call);
  }

  /** A call of what another module defines, by its dotted name: `.util.fetch`. */
  #foreign(node: SyntaxNode): void {
    const { place } = this.#scopes;
    for (const name of this.#names.resolve(node)) {
      const isOutside = /^\.|\./.test(name) && this.#names.isImported(name) && !LIBRARIES.test(name);
      const key = `${place} ${name}`;
      if (!isOutside || this.#outside.has(key) || this.#outside.size >= LIST_MAX) continue;
      this.#outside.set(key, { name, line: this.#line(node.from), place });
    }
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
    if (LOADING.test(name)) {
      const named = REPO_KEYWORDS.find((keyword) => keywords.has(keyword));
      const repo = named === undefined ? positional[0] : keywords.get(named);
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
    const [, variable, path] = OF_THE_MACHINE.exec(text.slice(0, ENCODED_CHARS_MIN)) ?? [];
    const machine = variable ?? path;
    if (machine !== undefined && !isDocumentation(ref.node))
      this.#use({ family: 'machine', name: machine, called: false, dynamic: false }, ref.node);
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
    const { place } = this.#scopes;
    const line = this.#line(node.from);
    const last = this.#uses.at(-1);
    if (last?.name === use.name && last.line === line && last.place === place) return;
    this.#uses.push({ ...use, name: use.name.slice(0, 200), line, place });
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
