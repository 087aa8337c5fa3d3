/**
 * What a template adds to a conversation of its own accord: the fixed texts that it puts out, joined where they
 * follow each other however they were cut, the special tokens among them, and the conditions that look into what
 * somebody wrote or at the date.
 */
import { literalText, type Node, STOP, visit } from './template-tree.ts';

/** A condition on the text of a message or on the date, and the fixed text that depends on it. */
export interface TemplateCondition {
  readonly on: 'content' | 'date';
  /** What is looked for; empty where it is not a constant. */
  readonly text: string;
  /** Fixed text that stands under the condition, cut. */
  readonly puts: string;
}

export interface TemplateTexts {
  /** Fixed texts of more than a word, as they are put out, cut. */
  readonly texts: readonly string[];
  /** Special tokens: `<|im_start|>`, `[INST]`. Sorted and unique. */
  readonly tokens: readonly string[];
  readonly conditions: readonly TemplateCondition[];
  /** Texts with characters that nobody sees, these written as `\u{…}`. */
  readonly invisible: readonly string[];
  /** There is more than is kept here. */
  readonly more: boolean;
}

/** Most texts, characters of one, and characters of all: the wordiest templates have some 20,000. */
const TEXTS_MAX = 1024;
const TEXT_CHARS_MAX = 16 * 1024;
const ALL_CHARS_MAX = 128 * 1024;

/** Of a condition, what is kept to be shown. */
const SHOWN_CHARS_MAX = 500;
const LIST_MAX = 256;

/** Nodes that are looked at for one condition. */
const CONDITION_NODES_MAX = 2000;

/** Zero-width, bidirectional and tag characters, variation selectors for data, and other formats that show nothing. */
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e01ef}]/u;
const INVISIBLE_ALL = new RegExp(INVISIBLE.source, 'gu');

const TOKEN =
  /<\|[^|<>\s]{1,40}\|>|<｜[^｜<>]{1,40}｜>|\[\/?[A-Z][A-Z_]{1,30}\]|<\/?s>|<<\/?SYS>>|<\/?[a-z][a-z_]{2,30}>|<bos>|<eos>/g;

export function readTexts(program: Node): TemplateTexts {
  const reader = new Reader();
  visit(program, (node) => {
    if (node.type === 'SetStatement' || node.type === 'Set') reader.name(node);
  });
  visit(program, (node) => reader.node(node));
  return reader.texts();
}

/** Nothing was read: the template does not parse. */
export const NO_TEXTS: TemplateTexts = { texts: [], tokens: [], conditions: [], invisible: [], more: false };

class Reader {
  readonly #texts = new Set<string>();
  #chars = 0;
  #more = false;
  readonly #tokens = new Set<string>();
  readonly #conditions: TemplateCondition[] = [];
  readonly #invisible = new Set<string>();
  /** Constant texts by the name that they were given; undefined where it was given several. */
  readonly #named = new Map<string, string | undefined>();

  texts(): TemplateTexts {
    return {
      texts: [...this.#texts],
      tokens: [...this.#tokens].sort(),
      conditions: this.#conditions,
      invisible: [...this.#invisible],
      more: this.#more,
    };
  }

  /** Names that hold what somebody wrote, beside those that say so. */
  readonly #contents = new Set<string>();
  readonly #content: RegExpLike = { test: (name) => CONTENT.test(name) || this.#contents.has(name) };

  name(node: Node): void {
    const { assignee, value } = node as { readonly assignee?: Node; readonly value?: Node | null };
    const held = assignee?.type === 'MemberExpression' ? (assignee.property as Node) : assignee;
    if (
      value &&
      typeof held?.value === 'string' &&
      this.#contents.size < LIST_MAX &&
      mentions(value, this.#content)
    )
      this.#contents.add(held.value);
    if (assignee?.type !== 'Identifier' || typeof assignee.value !== 'string' || this.#named.size >= LIST_MAX)
      return;
    const text = value ? literalText(value) : undefined;
    this.#named.set(assignee.value, this.#named.has(assignee.value) ? undefined : text);
  }

  /** Nodes within `raise_exception(…)`: the model never sees these texts. */
  readonly #raised = new WeakSet<Node>();

  node(node: Node): void {
    if (this.#raised.has(node)) return;
    if (raises(node)) {
      visit(node, (inner) => this.#raised.add(inner));
      return;
    }
    if (Array.isArray(node.body)) this.#flow(node.body as readonly Node[]);
    if (Array.isArray(node.alternate)) this.#flow(node.alternate as readonly Node[]);
    if (node.type === 'StringLiteral' && typeof node.value === 'string') this.#literal(node.value);
    if (node.type === 'If' || node.type === 'Ternary') this.#condition(node);
    if (node.type === 'CallExpression') this.#replacement(node);
  }

  #literal(text: string): void {
    for (const [token] of text.matchAll(TOKEN)) if (this.#tokens.size < LIST_MAX) this.#tokens.add(token);
    if (INVISIBLE.test(text) && this.#invisible.size < LIST_MAX)
      this.#invisible.add(
        text
          .slice(0, SHOWN_CHARS_MAX)
          .replace(INVISIBLE_ALL, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`),
      );
    this.#text(text);
  }

  /** Constants that follow each other are one text, whatever braces stand between them. */
  #flow(body: readonly Node[]): void {
    let text = '';
    for (const node of body) {
      for (const part of raises(node) ? [undefined] : this.#parts(node)) {
        if (part === undefined) {
          this.#text(text);
          text = '';
        } else if (text.length < TEXT_CHARS_MAX) {
          text += part;
        }
      }
    }
    this.#text(text);
  }

  /** The constants of an expression in their order, `undefined` for what stands between them. */
  #parts(node: Node): readonly (string | undefined)[] {
    const parts: (string | undefined)[] = [];
    const open = [node];
    for (let next = open.pop(); next !== undefined && parts.length < LIST_MAX; next = open.pop()) {
      const operator = (next.operator as { readonly value?: unknown } | undefined)?.value;
      if (next.type === 'BinaryExpression' && (operator === '+' || operator === '~'))
        open.push(next.right as Node, next.left as Node);
      else if (next.type === 'Identifier' && typeof next.value === 'string')
        parts.push(this.#named.get(next.value));
      else if (next.type === 'Comment' || next.type === 'SetStatement' || next.type === 'Set') continue;
      else parts.push(literalText(next));
    }
    return parts;
  }

  #text(text: string): void {
    const kept = text.trim().slice(0, TEXT_CHARS_MAX);
    if (!/\p{L}+\s+\p{L}+|[A-Za-z0-9+/]{40}|:\/\/|!\[/u.test(kept) || this.#texts.has(kept)) return;
    if (
      this.#texts.size >= TEXTS_MAX ||
      this.#chars + kept.length > ALL_CHARS_MAX ||
      text.length > TEXT_CHARS_MAX
    )
      this.#more = true;
    if (this.#texts.size >= TEXTS_MAX || this.#chars + kept.length > ALL_CHARS_MAX) return;
    this.#chars += kept.length;
    this.#texts.add(kept);
  }

  #condition(node: Node): void {
    const test = (node.test ?? node.condition) as Node | undefined;
    const asked = test && askedOf(test, this.#content);
    if (asked === undefined) return;
    if (this.#conditions.length >= LIST_MAX) {
      this.#more = true;
      return;
    }
    const puts = [node.body, node.trueExpr, node.alternate, node.falseExpr]
      .flatMap((part) => (Array.isArray(part) ? (part as Node[]) : part ? [part as Node] : []))
      .map((part) => longestText(part))
      .reduce((a, b) => (b.length > a.length ? b : a), '');
    this.#conditions.push({ ...asked, puts: puts.slice(0, SHOWN_CHARS_MAX) });
  }

  /** `content.replace('blue', 'green')` puts words into the mouth of who wrote it. */
  #replacement(node: Node): void {
    const callee = node.callee as Node;
    const property = callee.type === 'MemberExpression' ? (callee.property as Node).value : undefined;
    const [from, to] = Array.isArray(node.args) ? (node.args as Node[]).map((one) => literalText(one)) : [];
    if (
      property !== 'replace' ||
      !mentions(callee.object as Node, this.#content) ||
      from === undefined ||
      to === undefined ||
      to === ''
    )
      return;
    if (this.#conditions.length < LIST_MAX)
      this.#conditions.push({
        on: 'content',
        text: from.slice(0, SHOWN_CHARS_MAX),
        puts: to.slice(0, SHOWN_CHARS_MAX),
      });
  }
}

/** What a test looks for in the text of a message, or that it looks at the date. */
function askedOf(test: Node, content: RegExpLike): Pick<TemplateCondition, 'on' | 'text'> | undefined {
  let found: Pick<TemplateCondition, 'on' | 'text'> | undefined;
  let left = CONDITION_NODES_MAX;
  visit(test, (node) => {
    left -= 1;
    if (left < 0 || found !== undefined) return STOP;
    if (node.type === 'BinaryExpression') found = compared(node, content);
    else if (node.type === 'CallExpression') found = calledOn(node, content);
    return undefined;
  });
  return found;
}

/** `'x' in message.content`, `message.content == 'x'`, `strftime_now('%m') == '12'`. */
function compared(node: Node, content: RegExpLike): Pick<TemplateCondition, 'on' | 'text'> | undefined {
  const operator = (node.operator as { readonly value?: unknown } | undefined)?.value;
  if (typeof operator !== 'string' || !/^(?:in|not in|==|!=|<|>|<=|>=)$/.test(operator)) return undefined;
  const [left, right] = [node.left as Node, node.right as Node];
  if (mentions(left, DATE) || mentions(right, DATE))
    return { on: 'date', text: literalText(right) ?? literalText(left) ?? '' };
  const [needle, hay] = operator.endsWith('in') ? [left, right] : [right, left];
  const text = literalText(needle);
  if (text === undefined || !mentions(hay, content) || mentions(hay, ROLE)) return undefined;
  return { on: 'content', text: text.slice(0, SHOWN_CHARS_MAX) };
}

/** `message.content.startswith('x')`, also `.find`, `.count` and their kin. */
function calledOn(node: Node, content: RegExpLike): Pick<TemplateCondition, 'on' | 'text'> | undefined {
  const callee = node.callee as Node;
  if (callee.type !== 'MemberExpression' || !mentions(callee.object as Node, content)) return undefined;
  const [first] = Array.isArray(node.args) ? (node.args as Node[]) : [];
  const text = first === undefined ? undefined : literalText(first);
  return text === undefined ? undefined : { on: 'content', text: text.slice(0, SHOWN_CHARS_MAX) };
}

const DATE = /^(?:strftime_now|date_string|today|now|current_date)$/;
const CONTENT = /^(?:(?:\w*_)?content(?:_\w*)?|text|prompt|query|instruction)$/i;

const ROLE = /^(?:role|type|from|name)$/;

/** What tells whether a name belongs to the content of a message. */
type RegExpLike = Pick<RegExp, 'test'>;

function mentions(node: Node, names: RegExpLike): boolean {
  let found = false;
  let left = CONDITION_NODES_MAX;
  visit(node, (inner) => {
    left -= 1;
    if (left < 0 || found) return STOP;
    const literal = inner.type === 'StringLiteral' || inner.type === 'Identifier';
    if (literal && typeof inner.value === 'string' && names.test(inner.value)) found = true;
    return undefined;
  });
  return found;
}

function raises(node: Node): boolean {
  const callee = node.callee as Node | undefined;
  return node.type === 'CallExpression' && callee?.value === 'raise_exception';
}

function longestText(node: Node): string {
  let longest = '';
  let left = CONDITION_NODES_MAX;
  const raised = new Set<Node>();
  visit(node, (inner) => {
    left -= 1;
    if (left < 0) return STOP;
    if (raised.has(inner)) return undefined;
    if (raises(inner)) {
      visit(inner, (one) => (raised.size < CONDITION_NODES_MAX ? raised.add(one) : STOP));
      return undefined;
    }
    const text = literalText(inner);
    if (text !== undefined && text.trim().length > longest.length) longest = text.trim();
    return undefined;
  });
  return longest;
}
