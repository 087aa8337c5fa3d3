/**
 * Units: a model together with the repos that loading it needs (the code that its configuration names, the weights
 * below an adapter, kernels, towers), and with what those need. Each is resolved to a commit and admitted with a record
 * of its own before the model is decided about; the model's record names them. A model of which one part cannot be
 * admitted is not admitted either.
 */
import type { SignedRecord } from '../attest/record.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { type ErrorCode, WeighlockError } from '../base/errors.ts';
import { type Commit, parseModelName } from '../base/name.ts';
import { type RuleOutcome, type Verdict, verdictOf } from '../base/verdict.ts';
import { asFacts, type Facts } from '../formats/facts.ts';
import type { BaseFacts } from '../formats/parse.ts';
import type { Gate } from '../registry/gate.ts';
import type { Reference } from '../scan/references.ts';
import { scanRepo } from '../scan/scan.ts';
import { factsKey } from '../vault/layout.ts';
import {
  type Admission,
  type AdmissionOptions,
  type AdmissionRequest,
  type Attachment,
  admit,
} from './admit.ts';
import type { AdmissionSource } from './source.ts';

/** Repos in one unit beside the model: real ones need one or two, a chain without end is an attack. */
const PARTS_MAX = 16;

/** How far references are followed from the model: an adapter, its model, and the code of that. */
const DEPTH_MAX = 3;

/** Longest facts that are read of a file on record. */
const FACTS_BYTES_MAX = 256 << 20;

export interface UnitOptions extends AdmissionOptions {
  /** Where the repos are that a model refers to. */
  readonly referencesFrom: AdmissionSource;
}

/** A repo that the unit needs, as it was decided about. */
export interface UnitPart {
  readonly repo: string;
  readonly role: Reference['role'];
  readonly from: string;
  readonly key: string;
  readonly verdict: Verdict;
  /** Undefined where it could not be admitted at all; `because` says why. */
  readonly commit?: Commit;
  readonly record?: Sha256;
  readonly because?: string;
}

export interface AdmittedUnit {
  readonly admission: Admission;
  readonly parts: readonly UnitPart[];
  /** That of the whole: a model that was on record already may have parts that are not. */
  readonly verdict: Verdict;
}

export async function admitUnit(
  gate: Gate,
  request: AdmissionRequest,
  options: UnitOptions,
): Promise<AdmittedUnit> {
  const unit = new Unit(gate, options);
  const trail = [request.model];
  const { admission, rules } = await unit.admit(request, trail, options.source);
  return { admission, parts: unit.parts, verdict: worseOf(admission.record.body.verdict, verdictOf(rules)) };
}

/** What a reference may lead to without its being anybody's fault here: the model waits for a person. */
const NOT_THERE: ReadonlySet<ErrorCode> = new Set([
  'WL_NAME_INVALID',
  'WL_MODEL_NOT_FOUND',
  'WL_REVISION_NOT_FOUND',
  'WL_MODEL_GATED',
  'WL_MODEL_RENAMED',
  'WL_IDENTITY_CHANGED',
  'WL_PATH_REFUSED',
  'WL_REVOKED',
  'WL_SELECTION_CONFLICT',
]);

interface Following {
  readonly rules: readonly RuleOutcome[];
  readonly parts: readonly UnitPart[];
}

class Unit {
  readonly #gate: Gate;
  readonly #options: UnitOptions;
  /** By repo and revision; what is needed twice is admitted once. */
  readonly #parts = new Map<string, UnitPart>();

  constructor(gate: Gate, options: UnitOptions) {
    this.#gate = gate;
    this.#options = options;
  }

  get parts(): readonly UnitPart[] {
    return [...this.#parts.values()];
  }

  /** `trail`: the models that led here, this one last. */
  async admit(
    request: AdmissionRequest,
    trail: readonly string[],
    source: AdmissionSource,
  ): Promise<{ readonly admission: Admission; readonly rules: readonly RuleOutcome[] }> {
    const attach = async (references: readonly Reference[]): Promise<Attachment> => {
      const { rules, parts } = await this.#follow(references, trail);
      const document = { type: 'weighlock.references/v1', references: parts };
      return { rules, evidence: [{ type: 'references', bytes: Buffer.from(canonicalJson(document)) }] };
    };
    const admission = await admit(this.#gate, request, { ...this.#options, source, attach });
    if (admission.outcome === 'decided') return { admission, rules: [] };
    const { rules } = await this.#follow(await referencesOnRecord(this.#gate, admission.record), trail);
    return { admission, rules };
  }

  async #follow(references: readonly Reference[], trail: readonly string[]): Promise<Following> {
    const needed = new Map<string, Reference>();
    for (const reference of references) {
      const { repo, role, revision = '' } = reference;
      // What leads back to where it came from is part of the unit already.
      if (role !== 'mention' && !trail.includes(repo)) needed.set(`${repo}@${revision}`, reference);
    }
    const parts: UnitPart[] = [];
    for (const [name, reference] of needed) {
      const known = this.#parts.get(name);
      const part = known ?? (await this.#part(reference, trail));
      if (known === undefined) this.#parts.set(name, part);
      parts.push(part);
    }
    return { parts, rules: parts.flatMap(ruleOf) };
  }

  async #part(reference: Reference, trail: readonly string[]): Promise<UnitPart> {
    const { repo, role, from, key, revision } = reference;
    const about = { repo, role, from, key };
    const not = (because: string): UnitPart => ({ ...about, verdict: 'held', because });
    if (trail.length > DEPTH_MAX) return not(`it is more than ${DEPTH_MAX} references away from the model`);
    if (this.#parts.size >= PARTS_MAX) return not(`a model may need ${PARTS_MAX} other repos at most`);
    this.#options.report({ kind: 'reference', reference });
    try {
      const selection = { include: [], exclude: [] };
      const request = { model: parseModelName(repo), revision, selection };
      const { admission, rules } = await this.admit(request, [...trail, repo], this.#options.referencesFrom);
      const { id, record } = admission;
      const verdict = worseOf(record.body.verdict, verdictOf(rules));
      return { ...about, verdict, commit: id.commit, record: record.digest };
    } catch (error) {
      if (error instanceof WeighlockError && NOT_THERE.has(error.code)) return not(error.message);
      throw error;
    }
  }
}

function ruleOf({ repo, from, key, verdict, because, commit }: UnitPart): RuleOutcome[] {
  if (verdict === 'admitted') return [];
  const name = commit === undefined ? repo : `${repo}@${commit.slice(0, 12)}`;
  const why = because ?? `it was ${verdict}`;
  return [
    {
      rule: 'references',
      outcome: verdict === 'refused' ? 'refuse' : 'hold',
      because: `${from} (${key}) needs ${name}, which cannot come in: ${why}`,
    },
  ];
}

const VERDICTS: readonly Verdict[] = ['admitted', 'held', 'refused'];

function worseOf(a: Verdict, b: Verdict): Verdict {
  return VERDICTS[Math.max(VERDICTS.indexOf(a), VERDICTS.indexOf(b))] ?? 'refused';
}

/** Formats that refer to other repos: the facts of weights need not be read again. */
const REFERRING: ReadonlySet<string> = new Set<Facts['format']>(['json', 'text', 'python', 'gguf']);

/** The references of a revision that was admitted before, by its facts on record. */
async function referencesOnRecord(gate: Gate, { body }: SignedRecord): Promise<readonly Reference[]> {
  const files: { path: string; facts: Facts }[] = [];
  for (const { path, format, facts: digest } of body.coverage) {
    if (!REFERRING.has(format)) continue;
    const stored = await gate.vault.get(factsKey(digest), FACTS_BYTES_MAX);
    if (!stored || sha256(stored.bytes) !== digest)
      throw new WeighlockError('WL_VAULT_CORRUPT', `${factsKey(digest)} is gone or was changed`);
    const facts = asFacts(JSON.parse(Buffer.from(stored.bytes).toString('utf8')) as BaseFacts);
    if (facts) files.push({ path, facts });
  }
  return scanRepo(files).references;
}
