/**
 * Text: strict UTF-8 without NUL, then by content one of: pickle of protocol 0, LFS pointer, JSON, SVG or other markup, Python,
 * template, plain text. One text can be several things to several readers; the order below asks for the most
 * dangerous reading that fits first, and what plain text still may be is kept with it.
 */
import { describeJson, type JsonFacts } from './json.ts';
import { recogniseLicense } from './license-text.ts';
import type { BaseFacts, Parse } from './parse.ts';
import type { PickleFacts } from './pickle/facts.ts';
import { asPickle } from './pickle-shaped.ts';
import { describePython, foreignCoding, isInertPython, type PythonFacts } from './python.ts';
import { analyseTemplate, looksLikeTemplate, type TemplateUse } from './template.ts';
import { TENSORS_MAX } from './tensors.ts';
import { type TextBase, textBase } from './text-base.ts';
import { decodeUtf8 } from './utf8.ts';
import { type YamlKey, yamlKeys } from './yaml-keys.ts';

const TEXT_PARSER = 'text/4';
const LFS_PARSER = 'lfs-pointer/1';
const TEMPLATE_PARSER = 'template/3';

/** Parsers whose facts this file makes, beside those of JSON and Python. */
export const TEXT_PARSERS: readonly string[] = [TEXT_PARSER, LFS_PARSER, TEMPLATE_PARSER];

/** Text held and read whole; the largest tokenizers have some 35 MB. Longer text is not read. */
export const TEXT_BYTES_MAX = 64 * 1024 * 1024;

/** A git LFS pointer where the content should be: whoever loads it finds 130 bytes of text. */
export interface LfsPointerFacts extends BaseFacts, TextBase {
  readonly format: 'lfs-pointer';
  readonly sha256: string;
  readonly pointsToBytes: number;
}

export interface TemplateFileFacts extends BaseFacts, TextBase {
  readonly format: 'template';
  readonly template: TemplateUse;
}

export interface PlainFacts extends BaseFacts, TextBase {
  readonly format: 'text';
  readonly kind: 'plain' | 'markdown' | 'yaml' | 'git-attributes' | 'svg' | 'markup';
  /** `#!` and what follows, cut. */
  readonly shebang?: string;
  /** Nothing but blank lines and lines that begin with `#`: also an empty Python file. */
  readonly onlyComments: boolean;
  /** Valid Python that does nothing: `__version__ = "1"`. */
  readonly inertPython: boolean;
  /** YAML tags that make Python build objects, and `key: value` pairs that decide about code. */
  readonly yamlTags: readonly string[];
  readonly notable: readonly YamlKey[];
  /** What the YAML at the top of a model card says of licence and base model. */
  readonly card?: {
    readonly license?: string;
    /** Where there is more than one: the others. */
    readonly moreLicenses?: readonly string[];
    readonly licenseName?: string;
    readonly baseModels: readonly string[];
  };
  /** The licence of which it is the text. */
  readonly licenseText?: string;
  /** Operations of a TensorFlow graph that is written as text. */
  readonly operations?: readonly string[];
  /** What runs when an SVG is shown by a browser: `script`, event handlers, references outside. */
  readonly active: readonly string[];
  /** Layers of an OpenVINO model that are of no set of operations of its own: `type` and `version`, cut. */
  readonly customLayers?: readonly string[];
  /** Of an OpenVINO model, which bytes of the file of weights beside it its constants take. */
  readonly weights?: readonly { readonly begin: number; readonly length: number }[];
  /** The text as a template, where it holds the syntax of one: only a name can tell that it is meant as one. */
  readonly template?: TemplateUse;
}

export type TextFacts = JsonFacts | PythonFacts | TemplateFileFacts | LfsPointerFacts | PlainFacts;

/** The text of facts that this parser made, while they are in this thread's memory. */
const held = new WeakMap<object, string>();

/** The text behind facts, or undefined where they came from elsewhere or the text was not read. */
export function textOf(facts: TextFacts): string | undefined {
  return held.get(facts);
}

/** Lets go of the text behind facts: secrets are not looked for in it then. */
export function forgetText(facts: BaseFacts): void {
  held.delete(facts);
}

export function isTextFacts(facts: BaseFacts): facts is TextFacts {
  return 'secretsScanned' in facts;
}

export function* parseText(sizeBytes: number): Parse<TextFacts | PickleFacts> {
  if (sizeBytes > TEXT_BYTES_MAX)
    return unread(sizeBytes, 'text-too-long', `text longer than ${TEXT_BYTES_MAX} bytes is not read`);
  const bytes = yield { offset: 0, length: sizeBytes };
  const pickle = asPickle(bytes);
  if (pickle !== undefined) return pickle;
  const text = decodeUtf8(bytes);
  if (text === undefined) return unread(sizeBytes, 'not-utf8', 'text by its beginning, but not UTF-8');
  if (text.includes('\0')) return unread(sizeBytes, 'nul-in-text', 'text by its beginning, but it holds NUL');
  const facts = describeText(text, sizeBytes);
  held.set(facts, text);
  return facts;
}

function describeText(text: string, sizeBytes: number): TextFacts {
  const base = textBase(text);
  const pointer = describePointer(text, sizeBytes, base);
  if (pointer !== undefined) return pointer;
  if (/^\ufeff?\s*[{[]/.test(text)) {
    const json = describeJson(text, sizeBytes);
    if ('facts' in json) return { ...base, ...json.facts };
    // JSON beyond our limits is still JSON to its loader: it must not pass as prose.
    if (json.code.startsWith('too-')) return unread(sizeBytes, json.code, json.detail);
  }
  const template = looksLikeTemplate(text) ? analyseTemplate(text, '') : undefined;
  const python = /^\ufeff?\s*</.test(text) ? undefined : describePython(text, sizeBytes);
  if (template !== undefined && (opensAsTemplate(text) || (python === undefined && mostlyTemplate(text)))) {
    const file = { ...plainBase(sizeBytes, TEMPLATE_PARSER), ...base, format: 'template' as const, template };
    // `{{ f() }}` is a set of a set to Python, which calls f before it complains.
    return python === undefined || python.uses.length === 0 ? file : { ...file, ...alsoPython(sizeBytes) };
  }
  const quoted = template === undefined ? {} : { template };
  if (python !== undefined) return { ...base, ...python, ...quoted };
  return { ...describePlain(text, sizeBytes, base), ...quoted };
}

function opensAsTemplate(text: string): boolean {
  return /^\ufeff?\s*\{[%#{]/.test(text);
}

function alsoPython(sizeBytes: number) {
  const reason = 'it is a template and also Python that does something';
  return {
    gaps: [{ offset: 0, length: sizeBytes, reason }],
    problems: [{ code: 'polyglot-python', offset: 0, detail: reason }],
  };
}

/** A README may quote `{{`; a template is built of it. Statements at the beginning of lines tell. */
function mostlyTemplate(text: string): boolean {
  return (text.match(/^[ \t]*\{%/gm)?.length ?? 0) >= 5;
}

function plainBase(sizeBytes: number, parser: string) {
  return { parser, sizeBytes, gaps: [], problems: [] };
}

const POINTER =
  /^version (?:https:\/\/git-lfs\.github\.com\/spec\/v1|https:\/\/hawser\.github\.com\/spec\/v1|http:\/\/git-media\.io\/v\/2)\r?\n(?:ext-\d+-[^\r\n]{1,200}\r?\n){0,10}oid sha256:([0-9a-f]{64})\r?\nsize (\d{1,15})\s{0,4}$/;

/** https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: a pointer is shorter than 1,024 bytes; two older addresses count. */
function describePointer(text: string, sizeBytes: number, base: TextBase): LfsPointerFacts | undefined {
  if (sizeBytes > 1024) return undefined;
  const [, sha256, size] = POINTER.exec(text) ?? [];
  if (sha256 === undefined || size === undefined) return undefined;
  return {
    ...plainBase(sizeBytes, LFS_PARSER),
    ...base,
    format: 'lfs-pointer',
    sha256,
    pointsToBytes: Number(size),
  };
}

/**
 * YAML's Python tags: `!!python/object/apply:os.system` runs when an unsafe loader reads it. A `%TAG` line gives them
 * another name, and `%79` is a `y` in a tag (YAML 1.1, 5.6 and 6.8.2): both hide what is called.
 */
const YAML_TAG =
  /(?:!!python\/|!<?tag:yaml\.org,2002:python\/)[\w/.:-]{1,100}|^%TAG[ \t][^\n]{1,200}|(?:!!|!<)[\w:.,/-]{0,100}%[0-9A-Fa-f]{2}[\w%/.:,-]{0,100}/gm;

/** Most tags kept of one file. */
const YAML_MAX = 64;

const SVG_ACTIVE = /<script|\bon[a-z]{3,20}\s*=|javascript:|<foreignObject|<!ENTITY/gi;

/**
 * What makes a reader of PMML, OpenVINO or TEI fetch another file or host (XXE, XInclude), and any entity that the
 * document declares itself: entities of entities grow without end.
 */
const XML_ENTITY =
  /<!ENTITY\s[^>]{0,100}|<xi:include\b[^>]{0,100}|<!(?:ENTITY|DOCTYPE)[^>[]{0,300}\b(?:SYSTEM|PUBLIC)[ \t\r\n]+["'](?!-\/\/W3C|https?:\/\/www\.w3\.org)[^"']{0,200}["']/g;

/**
 * A line that only Python has. An expression nested so deeply that the grammar gives up makes Python look like
 * prose to us, and to CPython it may still be Python.
 */
const PYTHON_LINE =
  /^(?:from [\w.]{1,100} import [\w*(]|import [\w.]{1,100}(?: as \w{1,100})?[ \t]*\r?$|def \w{1,100}\(|class \w{1,100}[(:])/m;

function describePlain(text: string, sizeBytes: number, base: TextBase): PlainFacts {
  const tags = distinct(text.matchAll(YAML_TAG));
  const yamlTags = tags.slice(0, YAML_MAX);
  const kind = kindOf(text);
  const { keys: notable, cut } = kind === 'markdown' ? { keys: [], cut: false } : yamlKeys(text);
  const card = readCard(text);
  const licenseText = recogniseLicense(text);
  const shebang = /^#![^\n]{0,120}/.exec(text)?.[0];
  const unclear = kind === 'plain' && PYTHON_LINE.test(text);
  const reason = unclear
    ? 'it has lines of Python, but the grammar does not understand it'
    : 'it has more different tags, or keys that decide about code, than are kept';
  const unread = unclear || cut || tags.length > YAML_MAX;
  return {
    ...plainBase(sizeBytes, TEXT_PARSER),
    gaps: unread ? [{ offset: 0, length: sizeBytes, reason }] : [],
    problems: unclear ? [{ code: 'python-unclear', offset: 0, detail: reason }] : [],
    ...base,
    format: 'text',
    kind,
    onlyComments: !/^[ \t]*[^#\s]/m.test(text) && foreignCoding(text) === undefined,
    inertPython: foreignCoding(text) === undefined && isInertPython(text),
    yamlTags,
    notable,
    active:
      kind === 'svg' || kind === 'markup'
        ? distinct(text.matchAll(kind === 'svg' ? SVG_ACTIVE : XML_ENTITY)).slice(0, YAML_MAX)
        : [],
    ...(shebang === undefined ? {} : { shebang }),
    ...(kind === 'markup' ? openvino(text) : {}),
    ...graphOf(text),
    ...(card === undefined ? {} : { card }),
    ...(licenseText === undefined ? {} : { licenseText }),
  };
}

/** `saved_model.pbtxt` and `graph.pbtxt`: TensorFlow loads them as it does the binary form. */
const GRAPH_TEXT =
  /\b(?:meta_graphs|graph_def|node_def|saved_model_schema_version)\b|\bnode\s{0,8}:?\s{0,8}[{<]/;
const OPERATION =
  /(?<![\w."'/-])op(?![\w."'/-])(?:\s{0,8}:\s{0,8}((?:"[^"\n]{0,200}"|'[^'\n]{0,200}')(?:\s{0,8}["'])?))?/g;

/** Most different operations kept: there are some two thousand. */
const OPERATIONS_MAX = 4096;

/** Names in pieces, with escapes, or with a comment before them are no names of operations: judged as unknown. */
function graphOf(text: string): Pick<PlainFacts, 'operations'> {
  if (!GRAPH_TEXT.test(text)) return {};
  const operations = new Set<string>();
  let named = false;
  for (const [, name] of text.matchAll(OPERATION)) {
    named ||= name !== undefined;
    if (operations.size < OPERATIONS_MAX) operations.add(name?.slice(1, -1) ?? 'unclear');
  }
  return named ? { operations: [...operations].sort() } : {};
}

const NET = /<net\s[^<>]{0,500}>/;
/** A tag, as far as it is written as XML wants it: one that holds `<`, or is longer, is unclear. */
const LAYER = /<layer(?=\s)([^<>]{0,2000}>)?/g;

const CONSTANT = /<data\s[^<>]{0,1000}>/g;

/** Constants say `offset` and `size`, in any order among other attributes. */
function weightsOf(text: string): Pick<PlainFacts, 'weights'> {
  const weights: { begin: number; length: number }[] = [];
  for (const [data] of text.matchAll(CONSTANT)) {
    const begin = /\soffset\s*=\s*["'](\d{1,15})["']/.exec(data)?.[1];
    const length = /\ssize\s*=\s*["'](\d{1,15})["']/.exec(data)?.[1];
    if (begin === undefined || length === undefined) continue;
    if (weights.length >= TENSORS_MAX) return {};
    weights.push({ begin: Number(begin), length: Number(length) });
  }
  return weights.length === 0 ? {} : { weights };
}

/** https://docs.openvino.ai/2025/documentation/openvino-ir-format.html: `version` names the set of operations. */
function openvino(text: string): Pick<PlainFacts, 'customLayers' | 'weights'> {
  if (!NET.test(text.slice(0, 8192))) return {};
  const custom = new Set<string>();
  for (const [, layer] of text.matchAll(LAYER)) {
    if (layer === undefined) {
      custom.add('unclear');
      continue;
    }
    const version = /\sversion\s*=\s*["']([^"']{0,64})/.exec(layer)?.[1] ?? '';
    const type = /\stype\s*=\s*["']([^"']{0,64})/.exec(layer)?.[1] ?? '';
    if (!/^(?:opset\d{1,3}|experimental|)$/.test(version) && custom.size < YAML_MAX)
      custom.add(`${type} of ${version}`);
  }
  return { ...(custom.size === 0 ? {} : { customLayers: [...custom] }), ...weightsOf(text) };
}

/** What was matched, each once; one more than are kept says that there are more. */
function distinct(matches: Iterable<RegExpMatchArray>): string[] {
  const found = new Set<string>();
  for (const [hit] of matches) {
    found.add(hit);
    if (found.size > YAML_MAX) break;
  }
  return [...found];
}

function kindOf(text: string): PlainFacts['kind'] {
  const head = text.slice(0, 4096);
  if (
    /^\ufeff?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,1000}-->\s*)?(?:<!DOCTYPE svg[^>]{0,500}>\s*)?<svg/i.test(
      head,
    )
  )
    return 'svg';
  if (/^\ufeff?\s*<(?:!doctype|\?xml|html|[a-z])/i.test(head) && !/^#{1,6} /m.test(head)) return 'markup';
  if (
    /^\S+[ \t]+(?:\S+[ \t]+)*(?:filter=lfs|-?text|binary|eol=)/m.test(head.slice(0, 1024)) &&
    !/^#{1,6} \S/m.test(head)
  )
    return 'git-attributes';
  if (/^(?:---\r?\n|#{1,6} |\s*<[a-z!])/m.test(head) && /^#{1,6} \S|\]\(|^\s*[*-] /m.test(head))
    return 'markdown';
  if (/^[\w"'.-]{1,100}:(?:[ \t]|$)/m.test(head)) return 'yaml';
  return 'plain';
}

/** Longest front matter that is read. */
const CARD_CHARS_MAX = 64 * 1024;

function readCard(text: string): PlainFacts['card'] {
  if (!/^---\r?\n/.test(text)) return undefined;
  const end = text.slice(0, CARD_CHARS_MAX).search(/\n---[ \t]*(?:\r?\n|$)/);
  if (end < 0) return undefined;
  const lines = text.slice(4, end).split(/\r?\n/);
  const [license, ...moreLicenses] = valuesOf('license', lines);
  const [licenseName] = valuesOf('license_name', lines);
  return {
    ...(license === undefined ? {} : { license }),
    ...(moreLicenses.length === 0 ? {} : { moreLicenses }),
    ...(licenseName === undefined ? {} : { licenseName }),
    baseModels: valuesOf('base_model', lines),
  };
}

/**
 * The plain scalars under a top key, alone or as a list. Only these are taken from the card, so that no YAML
 * reader has to be trusted with anchors that multiply.
 */
function valuesOf(key: string, lines: readonly string[]): readonly string[] {
  const at = lines.findIndex((line) => line.startsWith(`${key}:`));
  const first = lines[at];
  if (first === undefined) return [];
  const inline = scalar(first.slice(key.length + 1));
  if (inline !== '') return [inline];
  const values: string[] = [];
  for (const line of lines.slice(at + 1, at + 1 + CARD_VALUES_MAX)) {
    const [, item] = /^[ \t]*-[ \t]+(.*)$/.exec(line) ?? [];
    if (item === undefined) break;
    values.push(scalar(item));
  }
  return values;
}

/** Most values of one key in a card. */
const CARD_VALUES_MAX = 64;

function scalar(text: string): string {
  const bare = text.trim().slice(0, 200);
  return /^(['"]).*\1$/.test(bare) ? bare.slice(1, -1) : bare.replace(/\s+#.*$/, '');
}

function unread(sizeBytes: number, code: string, detail: string): PlainFacts {
  return {
    format: 'text',
    parser: TEXT_PARSER,
    sizeBytes,
    gaps: [{ offset: 0, length: sizeBytes, reason: detail }],
    problems: [{ code, offset: 0, detail }],
    lines: 0,
    secretsScanned: false,
    secrets: [],
    bidiLines: [],
    kind: 'plain',
    onlyComments: false,
    inertPython: false,
    yamlTags: [],
    notable: [],
    active: [],
  };
}
