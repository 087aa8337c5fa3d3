/**
 * What the walk of an HDF5 file tells.
 */
import type { JsonFacts } from '../json.ts';
import type { BaseFacts } from '../parse.ts';
import type { PickleFacts } from '../pickle/facts.ts';
import type { TextBase } from '../text-base.ts';

export const HDF5_PARSER = 'hdf5/1';

export interface Hdf5Dataset {
  readonly path: string;
  readonly type: string;
  readonly elementBytes: number;
  readonly shape: readonly number[];
  readonly layout: 'compact' | 'contiguous' | 'chunked' | 'virtual';
  /** Bytes stored, after filters. */
  readonly bytes: number;
}

/** A way that leads a reader out of this file; hostile text. */
export interface WayOut {
  readonly kind: 'external-link' | 'external-data' | 'virtual-dataset' | 'foreign-link';
  readonly path: string;
  readonly target: string;
}

/** An attribute whose text is JSON: Keras keeps the model as `model_config`. */
export interface Hdf5Config {
  readonly path: string;
  readonly json: Omit<JsonFacts, keyof TextBase>;
}

/** An attribute whose bytes run as a pickle: PyTables unpickles what ends like one. */
export interface Hdf5Pickle {
  readonly path: string;
  readonly pickle: PickleFacts;
}

export interface Hdf5Facts extends BaseFacts {
  readonly format: 'hdf5';
  readonly superblock?: number;
  readonly objects: number;
  readonly softLinks: number;
  readonly datasets: readonly Hdf5Dataset[];
  readonly waysOut: readonly WayOut[];
  /** Bytes that no object owns, in pieces that libhdf5 leaves behind. */
  readonly freeBytes: number;
  /** Short attributes that are text. */
  readonly attributes: readonly { readonly path: string; readonly value: string }[];
  readonly configs: readonly Hdf5Config[];
  readonly pickles: readonly Hdf5Pickle[];
}
