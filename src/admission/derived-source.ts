/** A folder that was made from another revision, as a source: what it was made from goes along as evidence. */
import type { ModelName } from '../base/name.ts';
import type { Source, SourceRevision } from '../sources/source.ts';
import type { AdmissionSource } from './source.ts';

/** The type of the evidence that says from what, and how. */
export const DERIVED_FROM = 'derived-from';

export function derivedSource(source: Source, evidence: Uint8Array): AdmissionSource {
  return {
    ticket: source.ticket,
    contacted: source.contacted,
    resolve: async (model: ModelName, revision: string | undefined): Promise<SourceRevision> => ({
      ...(await source.resolve(model, revision)),
      evidence: [{ type: DERIVED_FROM, bytes: evidence }],
    }),
    read: (...args) => source.read(...args),
    close: () => source.close(),
  };
}
