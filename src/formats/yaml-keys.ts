/**
 * `key: value` pairs of YAML that decide which code a loader runs and what it fetches. They are looked for by lines and
 * braces, not by a YAML reader, so that anchors, tags and dialects cannot hide them from us and show them to a loader.
 */

export interface YamlKey {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

/** Most different pairs kept of one file, of either kind: whoever has more is not described by them. */
export const YAML_KEYS_MAX = 256;

/** `key: value` that decides about code, on a line or within braces, as Hydra configs and training configs hold it. */
const DECIDING =
  /(?:^[ \t-]{0,64}|[{,][ \t]{0,64})["']?(_target_|trust_remote_code|auto_map|custom_pipeline|class_name)["']?[ \t]*:[ \t]*["']?([^\s"'#,}]{1,200})/gm;

/** The end of a key that names another repo; its beginning is looked for only where this stands, which is seldom. */
const NAMES_REPO = /_name_or_path["']?[ \t]{0,64}:[ \t]{0,64}["']?([^\s"'#,}]{1,200})/g;
const BEGINNING = /(?:^|[{,\n])[ \t-]{0,64}["']?(\w{1,40})$/;
const BEGINNING_CHARS = 108;

/** Beginnings that are looked for: text may be made of nothing but ends. */
const LOOKS_MAX = 4096;

export interface YamlKeys {
  readonly keys: readonly YamlKey[];
  /** Not all pairs are among them: there are too many different ones. */
  readonly cut: boolean;
}

/**
 * Each pair once, by its first place. The attacker's move: the same harmless pair as often as pairs are kept, and the
 * one that matters behind them.
 */
export function yamlKeys(text: string): YamlKeys {
  const found = new Map<string, YamlKey>();
  for (const key of [...decidingKeys(text), ...repoKeys(text)]) found.set(`${key.key} ${key.value}`, key);
  return { keys: [...found.values()].slice(0, YAML_KEYS_MAX), cut: found.size > YAML_KEYS_MAX };
}

function decidingKeys(text: string): YamlKey[] {
  const found: YamlKey[] = [];
  const seen = new Set<string>();
  for (const { 1: key = '', 2: value = '', index } of text.matchAll(DECIDING)) {
    if (found.length > YAML_KEYS_MAX) break;
    if (seen.has(`${key} ${value}`)) continue;
    seen.add(`${key} ${value}`);
    found.push({ key, value, line: lineOf(text, index) });
  }
  return found;
}

/** `tokenizer_name_or_path: org/name`. */
function repoKeys(text: string): YamlKey[] {
  const found: YamlKey[] = [];
  let looks = 0;
  for (const { 1: value = '', index } of text.matchAll(NAMES_REPO)) {
    looks += 1;
    if (found.length > YAML_KEYS_MAX || looks > LOOKS_MAX) break;
    const beginning = BEGINNING.exec(text.slice(Math.max(0, index - BEGINNING_CHARS), index))?.[1];
    if (beginning !== undefined)
      found.push({ key: `${beginning}_name_or_path`, value, line: lineOf(text, index) });
  }
  return found;
}

function lineOf(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
