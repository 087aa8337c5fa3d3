/**
 * Licences: whether the card names one that anybody knows, and whether the text beside it is the text of that one. What
 * may come in under which licence is for the policy to say (`repo.license`); here it is only noted.
 */
import spdxDeprecated from 'spdx-license-ids/deprecated.json' with { type: 'json' };
import spdxIds from 'spdx-license-ids/index.json' with { type: 'json' };
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import { finding, quoted, type Rule } from './judgement.ts';

const UNKNOWN: Rule = {
  rule: 'license/unknown',
  severity: 'info',
  verdict: 'clean',
  why: 'Neither SPDX nor the Hub knows a licence of this name, so nobody can say what it allows.',
  fix: 'Ask the publisher which licence is meant.',
};

const UNNAMED: Rule = {
  ...UNKNOWN,
  rule: 'license/unnamed',
  why: 'Another licence applies, and has no name.',
};

const DIFFERS: Rule = {
  rule: 'license/differs',
  severity: 'low',
  verdict: 'clean',
  why: 'A policy that goes by the card permits what the licence itself may not.',
  fix: 'Read the text, and ask the publisher which of the two counts.',
};

/** Ids of the Hub that SPDX does not have: https://huggingface.co/docs/hub/repositories-licenses. */
const HUB_IDS = `
  other unknown cc bsd gpl lgpl gfdl artistic-2.0 apple-ascl apple-amlr openrail openrail++ creativeml-openrail-m
  bigscience-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m open-mdw openmdw-1.0 intel-research
  odc-by deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma
  grok2-community h-research etalab-2.0 pddl odbl lgpl-lr c-uda cdla-permissive-1.0 cdla-permissive-2.0
  cdla-sharing-1.0`
  .trim()
  .split(/\s+/);

const KNOWN: ReadonlySet<string> = new Set(
  [...spdxIds, ...spdxDeprecated, ...HUB_IDS].map((id) => id.toLowerCase()),
);

/** The licence of a repo as a whole; others speak of parts of it: `LICENSE-CODE`. */
const LICENSE_FILE = /^(?:LICEN[CS]E|COPYING)(?:\.(?:txt|md))?$/i;

export function scanLicenses(files: readonly { readonly path: string; readonly facts: Facts }[]): Finding[] {
  const readme = files.find(({ path }) => path === 'README.md')?.facts;
  const card = readme?.format === 'text' ? readme.card : undefined;
  if (card?.license === undefined) return [];
  const ids = [card.license, ...(card.moreLicenses ?? [])].map((id) => id.toLowerCase());
  const unknown = ids.filter((id) => !KNOWN.has(id));
  const about = (id: string) => ({ file: 'README.md', subject: id });
  if (unknown.length > 0)
    return unknown.map((id) =>
      finding(UNKNOWN, { ...about(id), message: `the card names the licence ${quoted(id)}` }),
    );
  const unnamed = ids.includes('other') && card.licenseName === undefined;
  return [
    ...(unnamed
      ? [finding(UNNAMED, { ...about('other'), message: 'the card names the licence "other"' })]
      : []),
    ...files.flatMap(({ path, facts }) => {
      const text = facts.format === 'text' ? facts.licenseText : undefined;
      if (text === undefined || !LICENSE_FILE.test(path) || ids.some((id) => agree(id, text))) return [];
      const message = `the card says ${ids.join(', ')}, and the text is that of ${text}`;
      return [finding(DIFFERS, { file: path, subject: text, message })];
    }),
  ];
}

/** `cc`, `bsd` and `openrail` stand for any of their kind, and `other` for what has no id. */
function agree(card: string, text: string): boolean {
  if (card === 'other' || card === 'unknown') return true;
  if (card === 'openrail') return text.includes('rail');
  const plain = card.replace(/-(?:only|or-later)$/, '');
  return text === plain || text.startsWith(`${plain}-`);
}
