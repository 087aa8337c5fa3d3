/** What an admission takes files from: a source of models, or another vault. */
import type { Source } from '../sources/source.ts';
import type { TransferSource } from '../transfer/source.ts';

export interface AdmissionSource extends Omit<Source, 'ticket'> {
  readonly ticket: TransferSource;
}
