/**
 * Scanning: facts → findings. A *scanner* judges the facts of one file, `scanRepo` what only shows when all files
 * are seen together. Judgement is a pure function of facts: rules that changed are applied again without reading
 * a byte.
 */
import type { FileVerdict, Finding } from '../base/finding.ts';
import { fileVerdict } from '../base/finding.ts';
import { asFacts, type Facts } from '../formats/facts.ts';
import type { BaseFacts } from '../formats/parse.ts';
import { isContainerFacts, scanArchive, scanNumpy } from './archive.ts';
import { scanCoreml } from './coreml.ts';
import { scanHdf5 } from './hdf5.ts';
import { scanJson } from './json.ts';
import { scanExecutorch, scanTflite } from './mobile.ts';
import { scanOnnx } from './onnx.ts';
import { scanPdf } from './pdf.ts';
import { scanPickle } from './pickle.ts';
import { scanPython } from './python.ts';
import { scanRds } from './rds.ts';
import { scanMetadataSecrets, scanSecrets } from './secrets.ts';
import { scanStructure } from './structure.ts';
import { scanTemplate } from './template.ts';
import { scanTensorflow } from './tensorflow.ts';
import { scanPlain, scanPointer } from './text.ts';

export { rawTensors } from './raw-tensors.ts';
export { type RepoScan, scanRepo } from './repo.ts';

export interface ScannedFile {
  readonly path: string;
  readonly facts: Facts;
}

/** The verdict on one file, and why. The path appears in the findings and decides nothing. */
export function scanFile({ path, facts }: ScannedFile): {
  readonly verdict: FileVerdict;
  readonly findings: readonly Finding[];
} {
  const findings = scanFacts(path, facts);
  return { verdict: fileVerdict(findings, facts.gaps), findings };
}

function scanFacts(file: string, facts: Facts): readonly Finding[] {
  switch (facts.format) {
    case 'pickle':
      return scanPickle(file, facts);
    case 'zip':
    case 'pytorch':
    case 'tar':
    case '7z':
    case 'compressed':
      return scanArchive(file, facts, { scanMember });
    case 'numpy':
      return [...scanStructure(file, facts), ...scanNumpy(file, facts)];
    case 'json':
      return [...scanStructure(file, facts), ...scanJson(file, facts), ...scanSecrets(file, facts)];
    case 'python':
      return [...scanStructure(file, facts), ...scanPython(file, facts), ...scanSecrets(file, facts)];
    case 'template':
      return [
        ...scanStructure(file, facts),
        ...scanTemplate(file, facts.template),
        ...scanSecrets(file, facts),
      ];
    case 'text':
      return [...scanStructure(file, facts), ...scanPlain(file, facts), ...scanSecrets(file, facts)];
    case 'lfs-pointer':
      return scanPointer(file, facts);
    case 'gguf':
      return [
        ...scanStructure(file, facts),
        ...facts.templates.flatMap((template) => scanTemplate(file, template)),
        ...scanMetadataSecrets(file, facts.secrets),
      ];
    case 'onnx':
      return [...scanStructure(file, facts), ...scanOnnx(file, facts)];
    case 'tensorflow':
      return [...scanStructure(file, facts), ...scanTensorflow(file, facts)];
    case 'tflite':
      return [...scanStructure(file, facts), ...scanTflite(file, facts)];
    case 'executorch':
      return scanExecutorch(file, facts);
    case 'rds':
      return [...scanStructure(file, facts), ...scanRds(file, facts)];
    case 'coreml':
      return [...scanStructure(file, facts), ...scanCoreml(file, facts)];
    case 'hdf5':
      return [...scanStructure(file, facts), ...scanHdf5(file, facts)];
    case 'pdf':
      return [...scanStructure(file, facts), ...scanPdf(file, facts)];
    case 'safetensors':
      return [...scanStructure(file, facts), ...scanMetadataSecrets(file, facts.secrets)];
    case 'tensor-bundle':
    case 'catboost':
    case 'raw-tensors':
    case 'coreml-weights':
    case 'msgpack':
    case 'ubjson':
    case 'sentencepiece':
    case 'png':
    case 'jpeg':
    case 'gif':
    case 'webp':
    case 'opaque':
      return scanStructure(file, facts);
  }
}

/** Members of archives are judged by the same scanners; archives in archives by the archive scanner again. */
function scanMember(file: string, member: BaseFacts, name: string): readonly Finding[] {
  const facts = asFacts(member);
  if (facts === undefined) return [];
  if (facts.format === 'pickle') return scanPickle(file, facts, name);
  if (facts.format === 'numpy' && facts.pickle !== undefined) return scanNumpy(file, facts, name);
  if (isContainerFacts(facts)) return scanArchive(file, facts, { scanMember, member: name });
  return scanFacts(file, facts).map((finding) => ({
    ...finding,
    member: finding.member === undefined ? name : `${name}!${finding.member}`,
  }));
}
