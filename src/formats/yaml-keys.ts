/**
 * `key: value` pairs of YAML that decide which code a loader runs and what it fetches. They are looked for by lines and
 * braces, not by a YAML reader, so that anchors, tags and dialects cannot hide them from us and show them to a loader.
 */

export interface YamlKey {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

/** Most pairs kept of one file, of either kind. */
const KEYS_MAX = 64;

/** `key: value` that decides about code, on a line or within braces, as Hydra configs and training configs hold it. */
const DECIDING =
  /(?:^[ \t-]{0,64}|[{,][ \t]{0,64})["']?(_target_|trust_remote_code|auto_map|custom_pipeline)["']?[ \t]*:[ \t]*["']?([^\s"'#,}]{1,200})/gm;

/** The end of a key that names another repo; its beginning is looked for only where this stands, which is seldom. */
const NAMES_REPO = /_name_or_path["']?[ \t]{0,64}:[ \t]{0,64}["']?([^\s"'#,}]{1,200})/g;
const BEGINNING = /(?:^|[{,\n])[ \t-]{0,64}["']?(\w{1,40})$/;
const BEGINNING_CHARS = 108;

/** Beginnings that are looked for: text may be made of nothing but ends. */
const LOOKS_MAX = 4096;

export function yamlKeys(text: string): readonly YamlKey[] {
  return [...decidingKeys(text), ...repoKeys(text)];
}

function decidingKeys(text: string): YamlKey[] {
  const found: YamlKey[] = [];
  for (const { 1: key = '', 2: value = '', index } of text.matchAll(DECIDING)) {
    if (found.length >= KEYS_MAX) break;
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
    if (found.length >= KEYS_MAX || looks > LOOKS_MAX) break;
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
