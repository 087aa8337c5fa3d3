/**
 * The program in a TorchScript archive: which *operators* its sources name. An operator is a function of PyTorch's
 * runtime, written `torch.<name>` or `ops.<library>.<name>`; it is the only way by which a program reaches anything
 * outside of itself. A *member* is a name behind a dot: a method or attribute of a class of the program, or, where
 * no class of the program declares it, an operator once more (`x.save(…)` is `torch.save(x, …)`).
 *
 * Facts only: which operators are harmless is the scanner's business.
 * Source: torch/csrc/jit/serialization/import_source.cpp (the names that a program starts with: `torch`, `ops`,
 * `CONSTANTS`, and forms of the language).
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
  /** Names behind a dot. */
  readonly members: readonly (NamePlace & { readonly declared: boolean })[];
  /** The archive holds bytecode of the mobile interpreter as well, which was not read. */
  readonly bytecode: boolean;
}

/** Reads the sources of one archive, one after another. */
export class Program {
  readonly #operators = new Map<string, NamePlace>();
  readonly #members = new Map<string, NamePlace>();
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
    for (const mention of mentionsOf(source)) {
      if (mention.kind === 'declared') this.#declare(mention);
      else note(mention.kind === 'operator' ? this.#operators : this.#members, mention.name, mention.offset);
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
    return { sources: this.#sources, operators: [...this.#operators.values()], members, bytecode };
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
  readonly kind: 'operator' | 'member' | 'declared';
  readonly name: string;
  readonly offset: number;
}

const END: Token = { kind: 'line', text: '', offset: 0 };

/** Every name of a source that is declared, reached by a dot, or an operator. */
function* mentionsOf(source: string): Generator<Mention, void, void> {
  const tokens = new Cursor(source);
  let before = END;
  let depth = 0;
  /** The statement calls `getattr`, which takes a member's name as a text. */
  let byName = false;
  for (let token = tokens.next(); token !== undefined; token = tokens.next()) {
    const { kind, text, offset } = token;
    // Within brackets a statement goes on over lines.
    if (kind === 'line' && depth > 0) continue;
    if (kind === 'name') {
      if (text === 'getattr') byName = true;
      yield* declaration(token, before, tokens.peek());
      yield* pathFrom(token, before, tokens);
    } else if (kind === 'string') {
      // __annotations__["0"] = …: a member that no name could spell.
      if (before.text === '[') yield { kind: 'declared', name: text, offset };
      else if (byName && before.text === ',') yield { kind: 'member', name: text, offset };
    } else if ('([{'.includes(text)) depth += 1;
    else if (')]}'.includes(text)) depth -= 1;
    else if (kind === 'line') byName = false;
    before = token;
  }
}

/** `def f`, `class C`, and `name : Type` at the start of a line. */
function* declaration(token: Token, before: Token, after: Token | undefined): Generator<Mention, void, void> {
  const defined = before.kind === 'name' && (before.text === 'def' || before.text === 'class');
  if (defined || (before.kind === 'line' && after?.text === ':'))
    yield { kind: 'declared', name: token.text, offset: token.offset };
}

/** A name with all that follows it by dots. What begins behind a dot is a member of the value before it. */
function* pathFrom(token: Token, before: Token, tokens: Cursor): Generator<Mention, void, void> {
  const steps = [token];
  while (tokens.peek()?.text === '.') {
    tokens.next();
    const step = tokens.next();
    if (step?.kind !== 'name')
      throw new Malformed('torchscript-source', token.offset, 'a dot without a name behind it');
    steps.push(step);
  }
  if (before.text === '.') {
    for (const { text: name, offset } of steps) yield { kind: 'member', name, offset };
    return;
  }
  yield* rooted(token, steps.slice(1));
}

function* rooted(root: Token, steps: readonly Token[]): Generator<Mention, void, void> {
  const [first, second] = steps;
  let members = steps;
  if (root.text === 'torch' || root.text === 'ops') {
    // The attacker's move: a bare `torch` under another name, whose operators no path would show.
    if (first === undefined || (root.text === 'ops' && second === undefined))
      throw new Malformed('torchscript-source', root.offset, `\`${root.text}\` is used as a value`);
    const name = root.text === 'torch' ? `aten::${first.text}` : `${first.text}::${second?.text}`;
    yield { kind: 'operator', name, offset: root.offset };
    members = steps.slice(root.text === 'torch' ? 1 : 2);
  } else if (root.text === '__torch__') {
    // The program's own functions and classes, but for those that are registered in C++.
    if (first?.text !== 'torch' || second?.text !== 'classes') return;
    const name = `class::${steps
      .slice(2)
      .map(({ text }) => text)
      .join('.')}`;
    yield { kind: 'operator', name, offset: root.offset };
    return;
  } else if (root.text === 'CONSTANTS') members = steps.slice(1);
  for (const { text: name, offset } of members) yield { kind: 'member', name, offset };
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
