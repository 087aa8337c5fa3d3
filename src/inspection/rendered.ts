/**
 * What the templates that findings are about make of a sample conversation, and what they make of one that holds the
 * words that they wait for. Shown to a person beside the findings; it decides nothing.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { parseRandomCompletely } from '../formats/drive.ts';
import type { Facts } from '../formats/facts.ts';
import { type TemplateUse, templateText } from '../formats/template.ts';
import { renderTemplate } from '../rendering/render.ts';
import type { InspectedFile, Inspection } from './inspect.ts';
import { OPEN_FLAGS } from './local.ts';
import type { Subject } from './subject.ts';

export interface RenderedTemplate {
  readonly file: string;
  /** Where in the file; empty for a file that is a template. */
  readonly where: string;
  /** Words that were put into the last message of the conversation. */
  readonly asked?: string;
  readonly outcome: 'rendered' | 'failed' | 'ended';
  readonly text?: string;
  /** How long the whole is, of which `text` is the beginning. */
  readonly chars?: number;
  /** Why there is no text. */
  readonly reason?: string;
}

/** Templates that are rendered of one subject, and words that one of them is asked with: each takes a process. */
const TEMPLATES_MAX = 8;
const ASKED_MAX = 2;

const TRIGGER = 'template/depends-on-content';

/** Of local files only: what is elsewhere was read by ranges, and the text of a template is not kept. */
export async function renderTemplates(
  subject: Subject,
  inspection: Inspection,
): Promise<readonly RenderedTemplate[]> {
  const { ticket } = subject;
  const told = inspection.files.filter(({ findings }) =>
    findings.some(({ rule }) => rule.startsWith('template/')),
  );
  const rendered: RenderedTemplate[] = [];
  for (const file of told) {
    const places = file.facts === undefined ? [] : templatesOf(file.facts).map(({ where }) => where);
    if (ticket.kind !== 'local') {
      const reason = 'only templates of files on this machine are rendered';
      rendered.push({ file: file.path, where: places[0] ?? '', outcome: 'failed', reason });
      continue;
    }
    for (const use of await readAgain(path.join(ticket.root, file.path))) {
      if (rendered.length >= TEMPLATES_MAX) return rendered;
      rendered.push(...(await renderOne(file, use)));
    }
  }
  return rendered;
}

async function renderOne(file: InspectedFile, use: TemplateUse): Promise<readonly RenderedTemplate[]> {
  const text = templateText(use);
  if (text === undefined) return [];
  const of = { file: file.path, where: use.where };
  const rendered: RenderedTemplate[] = [{ ...of, ...(await renderTemplate(text)) }];
  const words = file.findings.flatMap(({ rule, subject }) => (rule === TRIGGER && subject ? [subject] : []));
  const waits = words.filter((word) => use.adds.conditions.some((one) => one.text.startsWith(word)));
  for (const asked of waits.slice(0, ASKED_MAX))
    rendered.push({ ...of, asked, ...(await renderTemplate(text, { asked })) });
  return rendered;
}

/** The templates of a file with their texts: none where it cannot be read any more. */
async function readAgain(place: string): Promise<readonly TemplateUse[]> {
  let fd: number | undefined;
  try {
    const opened = openSync(place, OPEN_FLAGS);
    fd = opened;
    const sizeBytes = fstatSync(opened).size;
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, sizeBytes - offset)));
      return bytes.subarray(0, readSync(opened, bytes, 0, bytes.length, offset));
    };
    return templatesOf(await parseRandomCompletely({ sizeBytes, read }));
  } catch {
    return [];
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function templatesOf(facts: Facts): readonly TemplateUse[] {
  if (facts.format === 'json' || facts.format === 'gguf') return facts.templates;
  if (facts.format === 'template') return [facts.template];
  if (facts.format === 'text' || facts.format === 'python') return facts.template ? [facts.template] : [];
  return [];
}
