/**
 * Raw tensors: the shards of a TensorFlow checkpoint, external data of ONNX, the weights of OpenVINO. Alone such a file
 * is content that nobody knows, and stays so. Beside the file that describes it, every byte is accounted for by that
 * one, and its loader takes it for numbers only. A file that is anything else by its content stays what it is.
 */
import type { Facts } from '../formats/facts.ts';
import { Account } from '../formats/malformed.ts';
import { RAW_TENSORS_PARSER, type RawTensorsFacts } from '../formats/raw-tensors.ts';
import { accountForTensors } from '../formats/tensors.ts';
import { staysInside } from './onnx.ts';

interface PlacedFacts {
  readonly path: string;
  readonly facts: Facts;
}

/** Which file another one describes, and the ranges that tensors take in it; one without a length runs to the end. */
interface Description {
  readonly path: string;
  readonly by: string;
  readonly ranges: readonly { readonly begin: number; readonly length?: number }[];
  /** Bytes that may lie between two tensors. */
  readonly slackBytesMax: number;
}

/** ONNX Runtime aligns large tensors to the granularity of Windows' memory maps, OpenVINO to cache lines. */
const ONNX_SLACK_BYTES_MAX = 64 * 1024 - 1;
const OPENVINO_SLACK_BYTES_MAX = 4095;

/** New facts, by path, of those files that another one accounts for completely. */
export function rawTensors(files: readonly PlacedFacts[]): ReadonlyMap<string, RawTensorsFacts> {
  const unknown = new Map(files.filter(isUnknown).map(({ path, facts }) => [path, facts.sizeBytes]));
  const found = new Map<string, RawTensorsFacts>();
  for (const description of files.flatMap(descriptionsOf)) {
    const sizeBytes = unknown.get(description.path);
    if (sizeBytes === undefined || !covers(description, sizeBytes)) continue;
    found.set(description.path, {
      format: 'raw-tensors',
      parser: RAW_TENSORS_PARSER,
      sizeBytes,
      gaps: [],
      problems: [],
      describedBy: description.by,
      tensors: description.ranges.length,
    });
  }
  return found;
}

function isUnknown({ facts }: PlacedFacts): boolean {
  return (
    facts.format === 'opaque' && facts.seems === 'unknown' && !facts.executable && facts.problems.length === 0
  );
}

function descriptionsOf({ path: by, facts }: PlacedFacts): readonly Description[] {
  const folder = by.slice(0, by.lastIndexOf('/') + 1);
  if (facts.gaps.length > 0) return [];
  if (facts.format === 'tensor-bundle') {
    const ranges = Map.groupBy(facts.tensors, ({ shard }) => shard);
    const [stem, digits] = [by.replace(/\.index$/, ''), (count: number) => String(count).padStart(5, '0')];
    return [...ranges].map(([shard, tensors]) => ({
      path: `${stem}.data-${digits(shard)}-of-${digits(facts.shards)}`,
      by,
      ranges: tensors.map(({ begin, end }) => ({ begin, length: end - begin })),
      slackBytesMax: 0,
    }));
  }
  if (facts.format === 'onnx') {
    const ranges = Map.groupBy(facts.external, ({ location }) => location);
    return [...ranges]
      .filter(([location]) => staysInside(location))
      .map(([location, tensors]) => ({
        path: folder + location.replace(/^(?:\.\/)+/, ''),
        by,
        ranges: tensors,
        slackBytesMax: ONNX_SLACK_BYTES_MAX,
      }));
  }
  if (facts.format !== 'text' || facts.weights === undefined) return [];
  const path = by.replace(/\.xml$/, '.bin');
  return [{ path, by, ranges: facts.weights, slackBytesMax: OPENVINO_SLACK_BYTES_MAX }];
}

/** Whether tensors fill the file from its first byte to its last. Models share tensors: the same range may stand twice. */
function covers({ ranges, slackBytesMax }: Description, sizeBytes: number): boolean {
  const account = new Account();
  const places = new Map<string, { readonly begin: number; readonly end: number }>();
  for (const { begin, length = sizeBytes - begin } of ranges)
    places.set(`${begin} ${length}`, { begin, end: begin + length });
  const tensors = [...places.values()].map((place) => ({ name: '', dtype: '', shape: [], ...place }));
  accountForTensors(tensors, { begin: 0, end: sizeBytes, slackBytesMax }, account);
  return account.problems.length === 0;
}
