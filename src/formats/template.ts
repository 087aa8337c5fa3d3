/**
 * Jinja templates as a tree: chat templates are programs that a server runs on every request. Kept is what a
 * template reaches for: attributes, filters, calls, free names, strings that spell attributes. No judgement.
 */
import { createHash } from 'node:crypto';
import { parse, tokenize } from '@huggingface/jinja';
import { endlessLoops } from './template-loops.ts';
import { NO_TEXTS, readTexts, type TemplateTexts } from './template-text.ts';
import { literalText, type Node, visit } from './template-tree.ts';

/** One template and what it uses; lists are sorted, unique and bounded. */
export interface TemplateUse {
  /** Where it stands: a JSON path, a metadata key, or empty for a file that is a template. */
  readonly where: string;
  readonly sha256: string;
  readonly chars: number;
  readonly parsed: boolean;
  /** Why it does not parse. */
  readonly error?: string;
  /** Attributes and constant subscripts; concatenated constants are folded. */
  readonly attributes: readonly string[];
  readonly filters: readonly string[];
  /** Calls by name: `raise_exception`, `.split`. */
  readonly calls: readonly string[];
  /** Names that the template does not define itself. */
  readonly names: readonly string[];
  /** Strings that spell an attribute of Python's internals, wherever they stand. */
  readonly dunderStrings: readonly string[];
  /** Loops or texts of a size that no conversation has: `range(10**9)`, `'a' * 10**9`. */
  readonly huge: readonly string[];
  /** More was there than is kept. */
  readonly truncated: boolean;
  /** What it adds to a conversation of its own accord; nothing where it does not parse. */
  readonly adds: TemplateTexts;
}

/** Longest template that is parsed: the longest known chat templates have some 20,000 characters. */
const TEMPLATE_CHARS_MAX = 512 * 1024;

/** Most different names kept in each list. */
const NAMES_MAX = 512;
const NAME_CHARS_MAX = 200;

/** Most nodes visited: the parser builds a few for each character at most. */
const NODES_MAX = 1_000_000;

/** The text of templates that were read in this thread, as long as somebody holds what was found in them. */
const held = new WeakMap<TemplateUse, string>();

/** The text of a template, or undefined where it was read elsewhere. */
export function templateText(use: TemplateUse): string | undefined {
  return held.get(use);
}

/** Whether text holds template syntax at all. */
export function looksLikeTemplate(text: string): boolean {
  return text.includes('{%') || text.includes('{{') || text.includes('{#');
}

/** What the template uses. Never throws: what does not parse says so. */
export function analyseTemplate(text: string, where: string): TemplateUse {
  const lists = new Lists();
  let error: string | undefined;
  let adds = NO_TEXTS;
  if (text.length > TEMPLATE_CHARS_MAX) {
    error = `longer than ${TEMPLATE_CHARS_MAX} characters`;
  } else {
    try {
      const program = parse(tokenize(text)) as unknown as Node;
      lists.read(program);
      adds = readTexts(program);
    } catch (thrown) {
      // Syntax errors of the library, and RangeError where nesting exhausts its recursion: not parsed either way.
      error = thrown instanceof Error ? thrown.message.slice(0, NAME_CHARS_MAX) : 'unknown';
    }
  }
  // Jinja itself knows more syntax than this library: what is not parsed is still searched for the way out.
  if (error !== undefined) lists.search(text);
  const use: TemplateUse = {
    where,
    sha256: createHash('sha256').update(text).digest('hex'),
    chars: text.length,
    parsed: error === undefined,
    ...(error === undefined ? {} : { error }),
    ...lists.lists(),
    adds,
  };
  held.set(use, text);
  return use;
}

/** Stands among the attributes for a subscript whose text is put together at run time. */
export const COMPUTED = '?';

/** Whether a subscript builds text: Jinja takes `x[text]` for `x.text`. Arithmetic on indices does not. */
function computesText(node: Node): boolean {
  if (node.type === 'FilterExpression' || node.type === 'CallExpression') return true;
  if (node.type === 'MemberExpression') return isContent(node);
  if (node.type !== 'BinaryExpression') return false;
  const operator = (node.operator as { readonly value?: unknown } | undefined)?.value;
  if (operator === '~' || operator === '%') return true;
  let text = false;
  const look = (inner: Node) => (text ||= inner.type === 'StringLiteral');
  visit(node, look);
  return operator === '+' && text;
}

/** Joined, reversed or replaced, or taken from a message as it stands. */
function joinsText(node: Node): boolean {
  if (node.type === 'FilterExpression') return JOINING.test(nameOf(filterOf(node)) ?? '');
  if (node.type === 'MemberExpression') return isContent(node);
  return node.type === 'BinaryExpression' && computesText(node);
}

const JOINING = /^(?:join|reverse|replace|format|string)$/;

/** `x|join` and `x|join('')`: the name of the filter. */
function filterOf({ filter }: Node): unknown {
  const called = filter as Node | undefined;
  return called?.type === 'CallExpression' ? called.callee : called;
}

/** `x[message.content]`: whoever writes the message chooses the attribute. */
function isContent(node: Node): boolean {
  const { value } = (node.property ?? {}) as Partial<Node>;
  return value === 'content' || value === 'text';
}

/** Text that is the outcome of an expression: joined, sliced, or filtered. */
function buildsText(node: Node): boolean {
  return computesText(node) || (node.type === 'MemberExpression' && node.computed === true);
}

/** `'<{}>'.format(x)`: a format that fills places and reads no attribute of what it is given. */
function fillsPlaces(node: Node): boolean {
  const text = literalText(node);
  return text !== undefined && !/_$|^_/.test(text) && /^[^{}]*(?:\{\d{0,2}\}[^{}]*)*$/.test(text);
}

function nameOf(node: unknown): string | undefined {
  const { type, value } = (node ?? {}) as Partial<Node>;
  return type === 'Identifier' && typeof value === 'string' ? value : undefined;
}

/** Largest count that a chat template repeats something by. */
const COUNT_MAX = 100_000;

/** A format that pads to a width that no text has: `%999999999s`. */
const WIDE = /%[-+0 #]{0,4}\d{6,}|\{[^{}]{0,40}:[^{}]{0,8}\d{6,}/;

function argumentsOf(node: Node): readonly Node[] {
  return Array.isArray(node.args) ? (node.args as readonly Node[]) : [];
}

class Lists {
  readonly #attributes = new Set<string>();
  readonly #filters = new Set<string>();
  readonly #calls = new Set<string>();
  readonly #names = new Set<string>();
  readonly #defined = new Set<string>(['loop', 'true', 'false', 'none', 'True', 'False', 'None']);
  readonly #dunders = new Set<string>();
  readonly #huge = new Set<string>();
  /** Names that hold text put together at run time, and names that serve as subscripts. */
  readonly #built = new Set<string>();
  /** Of these, the ones that are joined of pieces, or are what somebody wrote. */
  readonly #joined = new Set<string>();
  readonly #subscripts = new Set<string>();
  #underscores = false;
  #truncated = false;

  lists() {
    const built = this.#underscores ? [...this.#built, ...this.#joined] : [...this.#joined];
    if (built.some((name) => this.#subscripts.has(name))) this.#add(this.#attributes, COMPUTED);
    const names = new Set([...this.#names].filter((name) => !this.#defined.has(name)));
    return {
      attributes: [...this.#attributes].sort(),
      filters: [...this.#filters].sort(),
      calls: [...this.#calls].sort(),
      names: [...names].sort(),
      dunderStrings: [...this.#dunders].sort(),
      huge: [...this.#huge].sort(),
      truncated: this.#truncated,
    };
  }

  search(text: string): void {
    for (const [name] of text.matchAll(/__[A-Za-z]\w{0,60}__/g)) this.#add(this.#dunders, name);
  }

  read(program: Node): void {
    let left = NODES_MAX;
    visit(program, (node, role) => {
      left -= 1;
      if (left < 0) throw new Error(`more than ${NODES_MAX} nodes`);
      this.#node(node, role);
    });
    for (const loop of endlessLoops(program)) this.#add(this.#huge, loop);
  }

  #node(node: Node, role: string): void {
    const text = literalText(node);
    if (text?.includes('__')) this.#add(this.#dunders, text);
    if (text !== undefined && WIDE.test(text)) this.#add(this.#huge, text);
    // Half a name is enough: `'_' * 2`, `'_c' ~ 'lass_'`.
    if (text !== undefined && /^_|_$|%c/.test(text)) this.#underscores = true;
    switch (node.type) {
      case 'Set':
      case 'SetStatement':
        this.#set(node);
        break;
      case 'BinaryExpression':
        this.#size(node);
        break;
      case 'KeywordArgumentExpression':
        this.#keyword(node);
        break;
      case 'MemberExpression':
        this.#member(node);
        break;
      case 'CallExpression':
        this.#call(node, role);
        if (role === 'filter') this.#filterArguments(node);
        for (const argument of argumentsOf(node)) this.#count(argument);
        break;
      case 'Identifier':
        if (typeof node.value === 'string') this.#identifier(node.value, role);
        break;
      default:
    }
  }

  #set(node: Node): void {
    const name = nameOf(node.assignee);
    const value = node.value as Node | undefined;
    // A block (`{% set x %}…{% endset %}`) builds text as well.
    if (name === undefined) return;
    if (value == null || buildsText(value)) this.#built.add(name);
    if (value != null && joinsText(value)) this.#joined.add(name);
  }

  /** `map('attr', x)` is the filter attr, and `map(attribute=x)` reads what x says. */
  #filterArguments(node: Node): void {
    const [first] = argumentsOf(node);
    const text = first === undefined ? undefined : literalText(first);
    if (text === 'attr') this.#add(this.#filters, text);
    for (const argument of argumentsOf(node)) {
      if (nameOf(argument.key) !== 'attribute') continue;
      if (literalText(argument.value as Node) === undefined) this.#add(this.#attributes, COMPUTED);
    }
  }

  /** `center(10**9)`, `batch(1000000)`: what is asked for this many times is made this many times. */
  #count(argument: Node): void {
    const { value } = (argument.type === 'KeywordArgumentExpression' ? argument.value : argument) as Node;
    if (typeof value === 'number' && value > COUNT_MAX) this.#add(this.#huge, `${value}`);
  }

  /** `dict(__class__=1)|first` spells a name without a string. */
  #keyword(node: Node): void {
    const name = nameOf(node.key);
    if (name?.startsWith('__')) this.#add(this.#dunders, name);
  }

  #size(node: Node): void {
    const operator = (node.operator as { readonly value?: unknown } | undefined)?.value;
    if (operator === '**') this.#add(this.#huge, '**');
    if (operator !== '*') return;
    for (const side of [node.left, node.right] as const) {
      const { value } = side as Node;
      if (typeof value === 'number' && value > COUNT_MAX) this.#add(this.#huge, `* ${value}`);
    }
  }

  #member(node: Node): void {
    const property = node.property as Node | undefined;
    if (property === undefined) return;
    const name =
      node.computed === true
        ? literalText(property)
        : property.type === 'Identifier'
          ? property.value
          : undefined;
    const variable = node.computed === true ? nameOf(property) : undefined;
    if (variable !== undefined && this.#subscripts.size < NAMES_MAX) this.#subscripts.add(variable);
    if (typeof name === 'string') this.#add(this.#attributes, name);
    else if (node.computed === true && computesText(property)) this.#add(this.#attributes, COMPUTED);
  }

  #call(node: Node, role: string): void {
    const callee = node.callee as Node | undefined;
    if (callee === undefined) return;
    if (role === 'filter') return;
    if (callee.type === 'Identifier' && typeof callee.value === 'string') {
      this.#add(this.#calls, callee.value);
      if (callee.value === 'range') this.#range(node);
    } else if (callee.type === 'MemberExpression') {
      const property = callee.property as Node | undefined;
      const name = property?.type === 'Identifier' ? property.value : undefined;
      if (name === 'format' && fillsPlaces(callee.object as Node)) return;
      this.#add(this.#calls, typeof name === 'string' ? `.${name}` : '.?');
    }
  }

  #range(node: Node): void {
    for (const argument of argumentsOf(node)) {
      if (typeof argument.value === 'number' && argument.value > COUNT_MAX)
        this.#add(this.#huge, `range(${argument.value})`);
    }
  }

  #identifier(name: string, role: string): void {
    if (role === 'filter') this.#add(this.#filters, name);
    else if (role === 'define') this.#defined.add(name);
    else if (role === 'name') this.#add(this.#names, name);
  }

  #add(list: Set<string>, name: string): void {
    if (list.size >= NAMES_MAX) this.#truncated = true;
    else list.add(name.slice(0, NAME_CHARS_MAX));
  }
}
