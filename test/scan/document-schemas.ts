/** The published schemas of the documents that scans and bills of materials are. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { installed } from '../peers.ts';

export const SARIF = installed('schemas/sarif.json', 'schemas');
export const BOM = installed('schemas/bom-1.7.json', 'schemas');

interface Beside {
  readonly file: string;
  readonly id: string;
}

/** Published schemas name each other by other ids than their own, and older drafts; what they demand is the same. */
export function schemaValidator(file: string, others: readonly Beside[]): ValidateFunction {
  const read = (name: string): Record<string, unknown> => {
    const { $schema: _, $id: __, id: ___, ...schema } = JSON.parse(readFileSync(name, 'utf8'));
    return schema;
  };
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  formats.default(ajv);
  ajv.addFormat('iri-reference', true);
  ajv.addFormat('idn-email', true);
  for (const { file: other, id } of others)
    ajv.addSchema({ ...read(path.join(path.dirname(file), other)), $id: id });
  return ajv.compile({ ...read(file), $id: `${CYCLONEDX}/bom.json` });
}

const CYCLONEDX = 'http://cyclonedx.org/schema';
const BOM_PARTS: readonly Beside[] = ['spdx', 'jsf-0.82', 'cryptography-defs'].map((name) => ({
  file: `${name.split('-')[0]}.json`,
  id: `${CYCLONEDX}/${name}.SNAPSHOT.schema.json`,
}));

export function bomValidator(): ValidateFunction {
  return schemaValidator(BOM.path, BOM_PARTS);
}
