/**
 * Keras configurations, wherever they stand: in a `.keras` archive, an attribute of an HDF5 file, a SavedModel's
 * metadata, or a bare JSON file. A *Keras object* is an object with the keys `class_name` and `config`: Keras looks
 * the class up by its name and module, and calls what it finds with the configuration. Ordinary configs have no
 * such pairs. https://github.com/keras-team/keras/blob/master/keras/src/saving/serialization_lib.py.
 */

/** What one object asks Keras to look up; the same request is kept once. */
export interface KerasObject {
  /** Where the first one stands, for example `config.layers.1`. */
  readonly path: string;
  readonly className: string;
  readonly module?: string;
  readonly registeredName?: string;
  /** `config` where it is text: the name of a function. */
  readonly functionName?: string;
  /** Text under keys of `config` that decide what is run or read. */
  readonly settings: Readonly<Record<string, string>>;
  readonly count: number;
}

/** Most different objects of one file; models have some hundreds. */
const OBJECTS_MAX = 4096;

/** Longest name kept. */
const CHARS_MAX = 256;

/** Keys of an object, and of its `config`, whose text is kept. */
const OBJECT_KEYS: ReadonlySet<string> = new Set(['class_name', 'module', 'registered_name', 'config']);
const SETTING_KEYS: ReadonlySet<string> = new Set([
  'function',
  'function_type',
  'module',
  'symbol',
  'vocabulary',
  'vocabulary_file',
  'filepath',
  'call_fn',
]);

interface Frame {
  /** The key under which it stands, and where. */
  readonly key: string | number | undefined;
  /** Made when there is something to keep: a tokenizer opens half a million lists. */
  texts: Map<string, string> | undefined;
  hasConfig: boolean;
  settings: ReadonlyMap<string, string> | undefined;
}

/** Watches a JSON document as it is read. */
export class KerasWatch {
  overflow = false;
  readonly #objects = new Map<string, KerasObject>();
  readonly #frames: Frame[] = [];

  get objects(): readonly KerasObject[] {
    return [...this.#objects.values()];
  }

  open(key: string | number | undefined): void {
    const parent = this.#frames.at(-1);
    if (key === 'config' && parent !== undefined) parent.hasConfig = true;
    // A list under `function` is bytecode, as old versions wrote it.
    if (typeof key === 'string' && parent !== undefined && SETTING_KEYS.has(key)) keep(parent, key, NESTED);
    this.#frames.push({ key, texts: undefined, hasConfig: false, settings: undefined });
  }

  value(key: string | number | undefined, value: string | number | boolean | null): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || typeof key !== 'string') return;
    if (key === 'config') frame.hasConfig = true;
    if (typeof value !== 'string' || !(OBJECT_KEYS.has(key) || SETTING_KEYS.has(key))) return;
    // Of a key that stands twice, the last one counts for Python; a class counts whichever it is.
    if (key === 'class_name' && frame.texts?.has(key)) this.#add(frame, frame.texts, '');
    keep(frame, key, value.length > CHARS_MAX ? `${value.slice(0, CHARS_MAX)}…` : value);
  }

  close(path: () => string): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    const parent = this.#frames.at(-1);
    if (frame.key === 'config' && parent !== undefined) parent.settings = frame.texts;
    if (frame.hasConfig && frame.texts?.has('class_name')) this.#add(frame, frame.texts, path());
  }

  #add({ settings = new Map() }: Frame, texts: ReadonlyMap<string, string>, path: string): void {
    const [module, registeredName, functionName] = ['module', 'registered_name', 'config'].map((key) =>
      texts.get(key),
    );
    const object = {
      className: texts.get('class_name') ?? '',
      ...(module === undefined ? {} : { module }),
      ...(registeredName === undefined ? {} : { registeredName }),
      ...(functionName === undefined ? {} : { functionName }),
      settings: Object.fromEntries([...settings].filter(([key]) => SETTING_KEYS.has(key))),
    };
    const key = JSON.stringify(object);
    const known = this.#objects.get(key);
    if (known === undefined && this.#objects.size >= OBJECTS_MAX) this.overflow = true;
    else this.#objects.set(key, { path: known?.path ?? path, ...object, count: (known?.count ?? 0) + 1 });
  }
}

function keep(frame: Frame, key: string, text: string): void {
  frame.texts ??= new Map();
  frame.texts.set(key, text);
}

/** Stands for a setting that is an object or a list. */
export const NESTED = '<nested>';
