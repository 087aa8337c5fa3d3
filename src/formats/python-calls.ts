/**
 * Which code of a module leads to which: a *place* is a definition by its qualified name (`Model.forward`), or the
 * empty name for what the module does when it is imported; a *mention* is a name that code at a place refers to. What
 * importing the module, loading the model and using it set off follows from there, and the way to each place too.
 */

/** When code runs: on import; when a loader makes the object; when the model is used; or when somebody calls it. */
export type When = 'import' | 'load' | 'use' | 'function';

/** The module body. */
export const MODULE = '';

/** What `if __name__ == "__main__":` keeps from running when the module is imported. */
export const SCRIPT = '__main__';

/** Most definitions, and most names that one of them mentions. */
const PLACES_MAX = 10_000;
const MENTIONS_MAX = 2000;

/** Callers of callers that are followed backwards for one use. */
const CALLERS_MAX = 256;

/** Local base classes that are followed for a method, and enclosing scopes for a name. */
const BASES_MAX = 16;
const SCOPES_MAX = 64;

/** Steps of a path that are shown, and characters of one: first the root, then the last ones before the use. */
const STEPS_HEAD = 3;
const STEPS_TAIL = 4;
const STEP_CHARS_MAX = 60;

interface Step {
  readonly when: When;
  readonly from: string | undefined;
}

/** Methods that a loader calls while it makes the object of a model, a tokenizer or a handler. */
const LOADED =
  /^(?:__(?:new|init|post_init|setstate|reduce|reduce_ex|getstate|getnewargs|getnewargs_ex|del|getattr|set_name|class_getitem)__|from_pretrained|from_config|_from_config|load|load_model|load_state_dict|_load_from_state_dict|_load_pyfunc|load_context|model_fn|_init_weights|post_init|setup|initialize|init|build|_set_vocab|vocab_size)$/;

/** Methods that run once the model is used. */
const USED =
  /^(?:__(?:call|getattribute|getitem|iter|next|enter|exit|len)__|forward|call|generate|predict|predict_fn|input_fn|output_fn|transform_fn|inference|preprocess|postprocess|handle|encode|decode|tokenize|_tokenize|_convert_token_to_id|_convert_id_to_token|convert_tokens_to_string|apply_chat_template|prepare_inputs_for_generation|execute|run)$/;

/** What making an object of a class runs. */
const CONSTRUCTORS = ['__new__', '__init__', '__post_init__', '__del__'];

export class Calls {
  readonly #kinds = new Map<string, 'function' | 'class'>();
  readonly #children = new Map<string, string[]>();
  readonly #mentions = new Map<string, Set<string>>();
  readonly #bases = new Map<string, string[]>();
  #steps: ReadonlyMap<string, Step> | undefined;

  define(place: string, kind: 'function' | 'class'): void {
    if (this.#kinds.has(place) || this.#kinds.size >= PLACES_MAX) return;
    this.#kinds.set(place, kind);
    const parent = place.slice(0, Math.max(0, place.lastIndexOf('.')));
    const siblings = this.#children.get(parent) ?? [];
    siblings.push(place);
    this.#children.set(parent, siblings);
  }

  /** `name` as it is written at the place, or from the outside in: `helper`, `Runner.start`. */
  mention(place: string, name: string): void {
    const mentions = this.#mentions.get(place) ?? new Set();
    if (mentions.size < MENTIONS_MAX) mentions.add(name);
    this.#mentions.set(place, mentions);
  }

  /** A class that is the base of another runs `__init_subclass__` where that one is defined. */
  base(place: string, { of, base }: { readonly of: string; readonly base: string }): void {
    const bases = this.#bases.get(of) ?? [];
    if (bases.length < BASES_MAX) bases.push(base);
    this.#bases.set(of, bases);
    this.mention(place, `${base}.__init_subclass__`);
    this.mention(place, `${base}.__mro_entries__`);
  }

  /** When code at the place runs. */
  when(place: string): When {
    return place === MODULE ? 'import' : (this.#reached().get(place)?.when ?? 'function');
  }

  /** The way to the place as text, its steps joined by arrows: `import → setup() → Fetcher.get()`. */
  path(place: string): string {
    if (place === MODULE) return 'import';
    const reached = this.#reached();
    const places: string[] = [];
    let at: string | undefined = place;
    for (let left = PLACES_MAX; at !== undefined && at !== MODULE && left > 0; left -= 1) {
      places.push(at);
      at = reached.get(at)?.from;
    }
    places.reverse();
    const head = STEPS_HEAD - 1;
    const cut = places.length - head - STEPS_TAIL;
    const shown = (some: readonly string[]) =>
      some.map((one) => `${one.length > STEP_CHARS_MAX ? `…${one.slice(-STEP_CHARS_MAX)}` : one}()`);
    const steps =
      cut > 0 ? [...shown(places.slice(0, head)), '…', ...shown(places.slice(-STEPS_TAIL))] : shown(places);
    const when = this.when(place);
    if (when !== 'function') steps.unshift(when);
    return steps.join(' → ');
  }

  /** The outermost definitions through which the place can be reached: what another module would call. */
  entrances(place: string, max: number): readonly string[] {
    const callers = this.#callers();
    const seen = new Set([place]);
    const found = new Set<string>();
    for (const at of seen) {
      const outer = at.split('.', 1)[0] ?? at;
      if (outer !== '') found.add(outer);
      if (found.size >= max || seen.size >= CALLERS_MAX) break;
      for (const caller of [outer, ...(callers.get(at) ?? []), ...(callers.get(outer) ?? [])])
        seen.add(caller);
    }
    return [...found].slice(0, max);
  }

  #callersOf: ReadonlyMap<string, readonly string[]> | undefined;

  #callers(): ReadonlyMap<string, readonly string[]> {
    if (this.#callersOf !== undefined) return this.#callersOf;
    const callers = new Map<string, string[]>();
    for (const place of [MODULE, ...this.#kinds.keys()]) {
      for (const next of this.#next(place)) {
        const known = callers.get(next) ?? [];
        if (known.length < MENTIONS_MAX) known.push(place);
        callers.set(next, known);
      }
    }
    this.#callersOf = callers;
    return callers;
  }

  #reached(): ReadonlyMap<string, Step> {
    this.#steps ??= this.#spreadAll();
    return this.#steps;
  }

  #spreadAll(): ReadonlyMap<string, Step> {
    const reached = new Map<string, Step>();
    const roots = [MODULE, '__getattr__', '__dir__'].filter(
      (name) => name === MODULE || this.#kinds.has(name),
    );
    for (const root of roots)
      reached.set(root, { when: 'import', from: root === MODULE ? undefined : MODULE });
    this.#spread(reached, roots, 'import');
    // Of a class whose object exists at import, any method may have been called by its name alone.
    for (const [place] of reached) {
      if (place === MODULE) continue;
      const inner = (this.#children.get(place) ?? []).filter((child) => !reached.has(child));
      for (const child of inner) reached.set(child, { when: 'import', from: place });
      this.#spread(reached, inner, 'import');
    }
    for (const [when, names] of [
      ['load', LOADED],
      ['use', USED],
    ] as const) {
      const entries = [...this.#kinds.keys()].filter(
        (place) => !reached.has(place) && this.#isEntry(place, names),
      );
      for (const place of entries) reached.set(place, { when, from: undefined });
      this.#spread(reached, entries, when);
    }
    // What only runs as a script.
    if (!reached.has(SCRIPT) && this.#kinds.has(SCRIPT)) {
      reached.set(SCRIPT, { when: 'function', from: undefined });
      this.#spread(reached, [SCRIPT], 'function');
    }
    return reached;
  }

  #isEntry(place: string, names: RegExp): boolean {
    const dot = place.lastIndexOf('.');
    if (dot >= 0 && this.#kinds.get(place.slice(0, dot)) !== 'class') return false;
    return this.#kinds.get(place) === 'function' && names.test(place.slice(dot + 1));
  }

  #spread(reached: Map<string, Step>, roots: readonly string[], when: When): void {
    const queue = [...roots];
    for (const place of queue) {
      for (const next of this.#next(place)) {
        if (reached.has(next)) continue;
        reached.set(next, { when, from: place });
        queue.push(next);
      }
    }
  }

  /** The definitions that code at the place leads to by name. */
  #next(place: string): readonly string[] {
    const next = new Set<string>();
    for (const name of this.#mentions.get(place) ?? []) {
      const found = this.#find(place, name);
      if (found !== undefined) next.add(found);
    }
    if (this.#kinds.get(place) === 'class') {
      for (const name of CONSTRUCTORS) if (this.#kinds.has(`${place}.${name}`)) next.add(`${place}.${name}`);
      for (const base of this.#bases.get(place) ?? []) {
        const found = this.#find(place, base);
        if (found !== undefined) next.add(found);
      }
    }
    next.delete(place);
    return [...next];
  }

  /** The definition that a name means at a place: the innermost enclosing one, as Python looks names up. */
  #find(place: string, name: string): string | undefined {
    let scope = place;
    for (let left = SCOPES_MAX; left > 0; left -= 1) {
      const inner = scope === MODULE ? name : `${scope}.${name}`;
      if (this.#kinds.has(inner)) return inner;
      const inherited = scope === MODULE ? this.#inherited(name) : undefined;
      if (inherited !== undefined) return inherited;
      if (scope === MODULE) return undefined;
      scope = scope.slice(0, Math.max(0, scope.lastIndexOf('.')));
    }
    return undefined;
  }

  /** `Model.fetch` where a base of `Model` in this module has it. */
  #inherited(name: string): string | undefined {
    const dot = name.lastIndexOf('.');
    if (dot < 0) return undefined;
    const method = name.slice(dot + 1);
    const open = new Set([name.slice(0, dot)]);
    for (const owner of open) {
      if (this.#kinds.has(`${owner}.${method}`)) return `${owner}.${method}`;
      if (open.size < BASES_MAX) for (const base of this.#bases.get(owner) ?? []) open.add(base);
    }
    return undefined;
  }
}
