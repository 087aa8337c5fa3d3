/**
 * The program in a TorchScript archive: which *operators* its sources name. An operator is a function of PyTorch's
 * runtime, written `torch.<name>` or `ops.<library>.<name>`; it is the only way by which a program reaches anything
 * outside of itself. A *member* is a name behind a dot: a method or attribute of a class of the program, or, where
 * the type of the value before it lacks it, an operator once more (`x.set_(…)` is `torch.set_(x, …)`). Types are not
 * followed here: a name that one class declares may still be an operator where it is reached from another value.
 *
 * Facts only: which operators are harmless is the scanner's business.
 * Source: torch/csrc/jit/serialization/import_source.cpp (the names that a program starts with: `torch`, `ops`,
 * `CONSTANTS`, and forms of the language), frontend/sugared_value.cpp (what a member of a value is).
 */
import { Malformed } from '../malformed.ts';
import { type Token, tokensOf } from './tokens.ts';

/** Sources of one archive in all: the programs of large models have a few hundred kilobytes. Bounds the time. */
export const SOURCE_BYTES_MAX = 4 << 20;

/** Distinct names kept of one archive: PyTorch has some two thousand operators. */
const NAMES_MAX = 8192;

/** Where a name stands first. */
export interface NamePlace {
  readonly name: string;
  readonly member: string;
  readonly line: number;
}

export interface ProgramFacts {
  readonly sources: number;
  /** `aten::conv1d`, `torchvision::nms`; what is reached through classes made in C++ as `class::<name>`. */
  readonly operators: readonly NamePlace[];
  /** Names behind a dot. `declared`: some class of the program declares them, or they only stand in paths of `__torch__`. */
  readonly members: readonly (NamePlace & { readonly declared: boolean })[];
  /** The archive holds bytecode of the mobile interpreter as well, which was not read. */
  readonly bytecode: boolean;
}

/** Reads the sources of one archive, one after another. */
export class Program {
  readonly #operators = new Map<string, NamePlace>();
  readonly #members = new Map<string, NamePlace>();
  readonly #paths = new Map<string, NamePlace>();
  readonly #declared = new Set<string>();
  #sources = 0;

  /** Takes one source in. Throws Malformed where it is not what PyTorch writes: nothing is known of its rest. */
  take(member: string, source: string): void {
    this.#sources += 1;
    const line = lineCounter(source);
    const note = (into: Map<string, NamePlace>, name: string, offset: number) => {
      if (into.has(name)) return;
      if (into.size >= NAMES_MAX)
        throw new Malformed('torchscript-names', offset, `more than ${NAMES_MAX} names in one program`);
      into.set(name, { name, member, line: line(offset) });
    };
    const names = { operator: this.#operators, member: this.#members, path: this.#paths };
    for (const mention of mentionsOf(source)) {
      if (mention.kind === 'declared') this.#declare(mention);
      else note(names[mention.kind], mention.name, mention.offset);
    }
  }

  #declare({ name, offset }: Mention): void {
    if (this.#declared.size >= NAMES_MAX && !this.#declared.has(name))
      throw new Malformed('torchscript-names', offset, `more than ${NAMES_MAX} names in one program`);
    this.#declared.add(name);
  }

  facts(bytecode: ProgramFacts['bytecode']): ProgramFacts {
    const members = [...this.#members.values()].map((place) => ({
      ...place,
      declared: this.#declared.has(place.name),
    }));
    const paths = [...this.#paths.values()].filter(({ name }) => !this.#members.has(name));
    return {
      sources: this.#sources,
      operators: [...this.#operators.values()],
      members: [...members, ...paths.map((place) => ({ ...place, declared: true }))],
      bytecode,
    };
  }
}

/** The line, counted from 1, of offsets that only grow. */
function lineCounter(source: string): (offset: number) => number {
  let [at, line] = [0, 1];
  return (offset) => {
    for (; at < offset; at++) if (source.charCodeAt(at) === 0x0a) line += 1;
    return line;
  };
}

interface Mention {
  /** `path`: a name behind `__torch__`, of a folder, class or function of the program, or of a member of one of these. */
  readonly kind: 'operator' | 'member' | 'path' | 'declared';
  readonly name: string;
  readonly offset: number;
}

const END: Token = { kind: 'line', text: '', offset: 0 };

/** What PyTorch puts into paths to tell classes of one name apart: no operator. */
const MANGLED = /^___torch_mangle_[0-9]+$/;

/** Every name of a source that is declared, reached by a dot, or an operator. */
function* mentionsOf(source: string): Generator<Mention, void, void> {
  const tokens = new Cursor(source);
  let before = END;
  let depth = 0;
  /** How deep the arguments of each `getattr` stand that is not closed yet. */
  const byName: number[] = [];
  for (let token = tokens.next(); token !== undefined; token = tokens.next()) {
    // Within brackets a statement goes on over lines.
    if (token.kind === 'line' && depth > 0) continue;
    if (token.kind === 'name') {
      if (token.text === 'getattr') byName.push(argumentsOfGetattr(token, tokens, depth));
      yield* declaration(token, before, tokens);
      yield* pathFrom(token, before, tokens);
    } else if (token.kind === 'sign') {
      if ('([{'.includes(token.text)) depth += 1;
      else if (')]}'.includes(token.text)) {
        if (byName.at(-1) === depth) byName.pop();
        depth -= 1;
      } else if (token.text === ',' && byName.at(-1) === depth) yield memberByName(token, tokens);
    }
    before = token;
  }
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text;
}

/** The attacker's move: `getattr` under another name, whose calls nothing would show. */
function argumentsOfGetattr(token: Token, tokens: Cursor, depth: number): number {
  if (isSign(tokens.peek(), '(')) return depth + 1;
  throw new Malformed('torchscript-source', token.offset, '`getattr` is used as a value');
}

/**
 * The second argument of `getattr`. PyTorch writes members that way whose names it cannot write behind a dot. The attacker's
 * move: a name in brackets, in two strings, or with escapes; or `getattr(x, "set_")` itself.
 */
function memberByName(comma: Token, tokens: Cursor): Mention {
  const name = tokens.next();
  if (name?.kind !== 'string' || !isSign(tokens.peek(), ')') || /\\|^[A-Za-z_][A-Za-z0-9_]*$/.test(name.text))
    throw new Malformed(
      'torchscript-source',
      comma.offset,
      '`getattr` is called as PyTorch does not write it',
    );
  return { kind: 'member', name: name.text, offset: name.offset };
}

/** `def f`, `class C`, and `name : Type` or `__annotations__["name"] = Type` at the start of a line. */
function* declaration(token: Token, before: Token, tokens: Cursor): Generator<Mention, void, void> {
  const { text: name, offset } = token;
  if (before.kind === 'name' && (before.text === 'def' || before.text === 'class'))
    yield { kind: 'declared', name, offset };
  else if (before.kind === 'line' && isSign(tokens.peek(), ':')) yield { kind: 'declared', name, offset };
  else if (before.kind === 'line' && name === '__annotations__' && isSign(tokens.peek(), '[')) {
    tokens.next();
    const member = tokens.next();
    if (member?.kind !== 'string' || !isSign(tokens.next(), ']'))
      throw new Malformed('torchscript-source', offset, 'an annotation that PyTorch does not write');
    yield { kind: 'declared', name: member.text, offset: member.offset };
  }
}

/** A name with all that follows it by dots. What begins behind a dot is a member of the value before it. */
function* pathFrom(token: Token, before: Token, tokens: Cursor): Generator<Mention, void, void> {
  const steps = [token];
  while (isSign(tokens.peek(), '.')) {
    tokens.next();
    const step = tokens.next();
    if (step?.kind !== 'name')
      throw new Malformed('torchscript-source', token.offset, 'a dot without a name behind it');
    steps.push(step);
  }
  if (isSign(before, '.')) yield* each('member', steps);
  else yield* rooted(token, steps.slice(1));
}

function* rooted(root: Token, steps: readonly Token[]): Generator<Mention, void, void> {
  const [first, second] = steps;
  switch (root.text) {
    case 'torch':
      if (first === undefined) throw asValue(root);
      yield { kind: 'operator', name: `aten::${first.text}`, offset: root.offset };
      return yield* each('member', steps.slice(1));
    case 'ops':
      if (first === undefined || second === undefined) throw asValue(root);
      yield { kind: 'operator', name: `${first.text}::${second.text}`, offset: root.offset };
      return yield* each('member', steps.slice(2));
    case '__torch__':
      return yield* owned(root, steps);
    case 'CONSTANTS':
      return yield* each('member', steps.slice(1));
    default:
      return yield* each('member', steps);
  }
}

/** The program's own functions and classes, but for those that are registered in C++. */
function* owned(root: Token, steps: readonly Token[]): Generator<Mention, void, void> {
  const [first, second] = steps;
  if (first === undefined || (first.text === 'torch' && second === undefined)) throw asValue(root);
  if (first.text === 'torch' && second?.text === 'classes') {
    const names = steps.slice(2).map(({ text }) => text);
    yield { kind: 'operator', name: `class::${names.join('.')}`, offset: root.offset };
  } else
    yield* each(
      'path',
      steps.filter(({ text }) => !MANGLED.test(text)),
    );
}

function* each(kind: Mention['kind'], names: readonly Token[]): Generator<Mention, void, void> {
  for (const { text: name, offset } of names) yield { kind, name, offset };
}

/** The attacker's move: a root under another name, behind which no path would show what is reached. */
function asValue({ text, offset }: Token): Malformed {
  return new Malformed('torchscript-source', offset, `\`${text}\` is used as a value`);
}

/** Tokens with one of them seen ahead. */
class Cursor {
  readonly #tokens: Generator<Token, void, void>;
  #ahead: Token | undefined;

  constructor(source: string) {
    this.#tokens = tokensOf(source);
    this.#ahead = this.#tokens.next().value ?? undefined;
  }

  peek(): Token | undefined {
    return this.#ahead;
  }

  next(): Token | undefined {
    const token = this.#ahead;
    this.#ahead = token === undefined ? undefined : (this.#tokens.next().value ?? undefined);
    return token;
  }
}
