/**
 * YARA rules, by YARA-X itself (VirusTotal's, as WebAssembly, so that hostile bytes meet it in a sandbox). A rule says
 * by its metadata what a match means: `verdict = "block"`, `"review"` (the default) or `"note"`.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Rules } from '@virustotal/yara-x';
import { z } from 'zod';
import { WeighlockError } from '../base/errors.ts';
import type { Engine, EngineMatch } from './engine.ts';

export interface YaraTicket {
  readonly kind: 'yara';
  /** Name and text of each file of rules. */
  readonly sources: readonly { readonly name: string; readonly text: string }[];
}

/** One look at one file. */
const SCAN_MS_MAX = 30_000;

/** Places of one pattern that are reported: one is enough. */
const MATCHES_PER_PATTERN_MAX = 1;

const resultSchema = z.object({
  valid: z.boolean(),
  matches: z.array(
    z.object({
      identifier: z.string(),
      isPrivate: z.boolean().optional(),
      metadata: z.array(z.unknown()).optional(),
      patterns: z.array(z.unknown()).optional(),
    }),
  ),
});

export class YaraEngine implements Engine {
  readonly name: string;
  readonly #rules: Rules;

  private constructor(rules: Rules, name: string) {
    this.#rules = rules;
    this.name = name;
  }

  /** Throws WL_CONFIG_INVALID with the compiler's words where the rules do not compile. */
  static async open({ sources }: YaraTicket): Promise<YaraEngine> {
    const { default: _, initSync, Compiler } = await import('@virustotal/yara-x');
    const module = fileURLToPath(import.meta.resolve('@virustotal/yara-x'));
    initSync({ module: await readFile(module.replace(/\.js$/, '_bg.wasm')) });
    const compiler = new Compiler();
    for (const { name, text } of sources) {
      try {
        compiler.newNamespace(name);
        compiler.addSource(text);
      } catch (error) {
        const [first = String(error)] = compiler.errors;
        throw new WeighlockError('WL_CONFIG_INVALID', `the YARA rules of ${name} do not compile: ${first}`);
      }
    }
    return new YaraEngine(compiler.build(), `yara-x (${sources.map(({ name }) => name).join(', ')})`);
  }

  async examine(bytes: Uint8Array): Promise<readonly EngineMatch[]> {
    const scanner = this.#rules.scanner();
    try {
      scanner.setTimeoutMs(SCAN_MS_MAX);
      scanner.setMaxMatchesPerPattern(MATCHES_PER_PATTERN_MAX);
      const result = resultSchema.parse(scanner.scan(bytes));
      return result.matches.filter(({ isPrivate }) => !isPrivate).map(matchOf);
    } finally {
      scanner.free();
    }
  }

  async close(): Promise<void> {
    this.#rules.free();
  }
}

function matchOf({
  identifier: name,
  metadata = [],
  patterns = [],
}: z.infer<typeof resultSchema>['matches'][number]): EngineMatch {
  const said = metaOf(metadata, 'verdict');
  const description = metaOf(metadata, 'description');
  const offset = offsetOf(patterns);
  return {
    name,
    weight: said === 'block' || said === 'note' ? said : 'review',
    ...(description !== undefined && { description }),
    ...(offset !== undefined && { offset }),
  };
}

const metaSchema = z.object({ identifier: z.string(), value: z.unknown() });

function metaOf(metadata: readonly unknown[], wanted: string): string | undefined {
  for (const entry of metadata) {
    const { data } = metaSchema.safeParse(entry);
    if (data?.identifier === wanted && typeof data.value === 'string') return data.value;
  }
  return undefined;
}

const patternSchema = z.object({ matches: z.array(z.object({ offset: z.number() })) });

function offsetOf(patterns: readonly unknown[]): number | undefined {
  const offsets = patterns.flatMap((pattern) => {
    const parsed = patternSchema.safeParse(pattern);
    return parsed.success ? parsed.data.matches.map(({ offset }) => offset) : [];
  });
  return offsets.length === 0 ? undefined : Math.min(...offsets);
}
