/**
 * Python of the repo: what a module does when it is imported happens before anyone could look; what its functions
 * do happens once the model is used. Ordinary model code does nothing of either.
 */
import type { Finding, Severity } from '../base/finding.ts';
import type { PythonFacts, PythonUse } from '../formats/python.ts';
import type { Family } from '../formats/python-families.ts';
import { finding, quoted, type Rule } from './judgement.ts';

const MALICIOUS: Rule = {
  rule: 'python/runs-at-import',
  severity: 'critical',
  verdict: 'blocked',
  why: 'It happens as soon as a loader imports the module, before any model exists.',
  fix: 'Do not admit it; report it to the Hub.',
};

const AT_IMPORT_WHY =
  'It happens as soon as a loader imports the module; model code has no need for it there.';
const READ = 'Have a person read the module, or admit without it: --exclude @code.';

const atImport = (severity: Severity): Rule => ({
  rule: 'python/acts-at-import',
  severity,
  verdict: 'inconclusive',
  why: AT_IMPORT_WHY,
  fix: READ,
});

const POWERFUL: Rule = {
  rule: 'python/powerful-function',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A function of the module can do this once it is called; model code computes.',
  fix: READ,
};

const NOTED: Rule = {
  rule: 'python/noted',
  severity: 'medium',
  verdict: 'clean',
  why: 'A function of the module can do this once it is called; a reviewer should know.',
  fix: 'Review the function.',
};

const OBFUSCATED: Rule = {
  rule: 'python/obfuscated',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'Code or data that is written so that nobody can read it is not there to be reviewed.',
  fix: READ,
};

const NOT_PARSED: Rule = {
  rule: 'python/not-parsed',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'What stands where the grammar gives up was not judged.',
  fix: READ,
};

const HIDDEN: Rule = {
  rule: 'python/hidden-text',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The interpreter reads something else than a reviewer sees.',
  fix: READ,
};

const CODING: Rule = { ...HIDDEN, rule: 'python/source-encoding', severity: 'critical', verdict: 'blocked' };

/** From here on, spelling characters by number is no accident. */
const SPELLED_CHARS_MAX = 16;

/** Uses reported of one module: the worst come first. */
const FINDINGS_MAX = 30;

export function scanPython(file: string, facts: PythonFacts): Finding[] {
  const findings = judgeUses(file, facts);
  const decodes = facts.uses.some(({ family }) => family === 'decode' || family === 'code');
  const [encoded] = facts.encodedStrings;
  if (encoded !== undefined) {
    const message = `line ${encoded.line} holds ${encoded.length} characters of encoded data`;
    findings.push(
      finding(decodes ? OBFUSCATED : { ...OBFUSCATED, severity: 'low', verdict: 'clean' }, { file, message }),
    );
  }
  if (facts.spelledChars > SPELLED_CHARS_MAX)
    findings.push(
      finding(OBFUSCATED, { file, message: `${facts.spelledChars} characters are spelled by number` }),
    );
  if (facts.syntaxErrors > 0)
    findings.push(
      finding(NOT_PARSED, { file, message: `${facts.syntaxErrors} places are not understood as Python` }),
    );
  if (facts.bidiLines.length > 0) {
    const message = `line ${facts.bidiLines[0]} holds bidirectional control characters`;
    findings.push(finding(HIDDEN, { file, message }));
  }
  if (facts.coding !== undefined)
    findings.push(
      finding(CODING, { file, message: `the source declares the encoding ${quoted(facts.coding)}` }),
    );
  for (const line of facts.trustsRemoteCode.slice(0, 1))
    findings.push(finding(NOTED, { file, message: `line ${line} passes trust_remote_code=True on` }));
  return findings;
}

function judgeUses(file: string, facts: PythonFacts): Finding[] {
  const imported = new Set(facts.uses.filter(({ when }) => when === 'import').map(({ family }) => family));
  const all = new Set(facts.uses.filter(({ called }) => called).map(({ family }) => family));
  return facts.uses
    .map((use) => ({ use, rule: judge(use, { imported, all }) }))
    .filter((judged): judged is { use: PythonUse; rule: Rule } => judged.rule !== undefined)
    .sort((a, b) => rank(a.rule) - rank(b.rule) || a.use.line - b.use.line)
    .slice(0, FINDINGS_MAX)
    .map(({ use, rule }) =>
      finding(rule, {
        file,
        subject: use.name,
        message: `line ${use.line} ${use.called ? 'calls' : 'refers to'} ${quoted(use.name)} (${WHAT[use.family]}) ${WHEN[use.when]}: ${pathOf(use)}`,
      }),
    );
}

const WHEN: Readonly<Record<PythonUse['when'], string>> = {
  import: 'when the module is imported',
  load: 'when the model is loaded',
  use: 'when the model is used',
  function: 'inside a function',
};

/** The way from what sets it off to the use: `import → setup() → os.system`. */
function pathOf({ path, name }: PythonUse): string {
  return `${path} → ${name}`;
}

const WHAT: Readonly<Record<Family, string>> = {
  process: 'starts processes',
  code: 'runs text as code',
  decode: 'decodes data',
  deserialise: 'deserialises objects',
  network: 'uses the network',
  files: 'changes files',
  native: 'runs native code',
  reflection: 'reaches for the interpreter itself',
  machine: 'belongs to the machine, not to the model',
};

function rank({ verdict }: Rule): number {
  return verdict === 'blocked' ? 0 : verdict === 'inconclusive' ? 1 : 2;
}

/** What is malicious only together: the families that the module uses at import, and those that it calls at all. */
interface Together {
  readonly imported: ReadonlySet<Family>;
  readonly all: ReadonlySet<Family>;
}

function judge(use: PythonUse, { imported, all }: Together): Rule | undefined {
  const { family, when, called, dynamic } = use;
  if (when !== 'import') return judgeInFunction(use, all);
  switch (family) {
    case 'process':
      return called ? MALICIOUS : atImport('high');
    case 'code':
      if (!called) return atImport('high');
      return dynamic && (imported.has('decode') || imported.has('network')) ? MALICIOUS : atImport('high');
    case 'network':
      return called && (imported.has('code') || imported.has('deserialise')) ? MALICIOUS : atImport('high');
    case 'deserialise':
      // Nobody keeps code objects in model code but to hide them.
      return called && (imported.has('decode') || use.name.startsWith('marshal.'))
        ? MALICIOUS
        : atImport('high');
    case 'machine':
    case 'native':
    case 'files':
    case 'reflection':
      return atImport('high');
    case 'decode':
      return undefined;
  }
}

const PICKLED = /^(?:pickle|_pickle|cPickle|dill|cloudpickle)\.loads$/;

/** Opens a library of native code by its path. */
const LIBRARY =
  /^ctypes\.(?:CDLL|PyDLL|WinDLL|cdll|pydll|windll)|^(?:torch\.(?:ops|classes)\.load_library|tensorflow\.load_(?:op_)?library)$/;

/** Ways to send data out: images and audio to work on are only fetched. */
const SENDING =
  /^(?:(?:requests|httpx)\.(?:post|put|patch|request)|socket\.(?:socket|create_connection|create_server)|_socket\.|smtplib\.|ftplib\.|telnetlib\.|paramiko\.|websockets?\.|xmlrpc\.|asyncio\.open_connection|huggingface_hub\.upload_)/;

function judgeInFunction(
  { family, called, dynamic, name }: PythonUse,
  all: ReadonlySet<Family>,
): Rule | undefined {
  switch (family) {
    case 'process':
      return POWERFUL;
    case 'code':
      return called && !dynamic ? NOTED : POWERFUL;
    case 'reflection':
      return name.startsWith('sys.') ? NOTED : POWERFUL;
    case 'machine':
      return POWERFUL;
    case 'network':
      return called && SENDING.test(name) ? POWERFUL : NOTED;
    case 'deserialise':
      // Objects that were hidden in the source, or that come over the network.
      if (name.startsWith('marshal.') || (called && PICKLED.test(name) && all.has('decode'))) return POWERFUL;
      return NOTED;
    case 'native':
      return called && (all.has('network') || all.has('decode') || LIBRARY.test(name)) ? POWERFUL : NOTED;
    // Tokenizers write their vocabulary with `open`, and decode nothing that matters by itself.
    case 'files':
    case 'decode':
      return undefined;
  }
}
