/**
 * Garbage that the collector does not see the size of.
 *
 * At a gigabyte a second the small objects around each chunk die in the old generation, and what hangs on them
 * outside of the heap waits for a collection that a small heap has no reason to make: the process grows by some ten
 * megabytes for every few gigabytes that pass. One full collection a gigabyte costs some twenty milliseconds.
 */
import v8 from 'node:v8';
import vm from 'node:vm';

const COLLECT_BYTES = 2 ** 30;

/** The engine's own `gc()`; the flag adds it to contexts made from now on, and leaves this one as it is. */
function engineCollector(): () => void {
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc') as () => void;
}

/** A function to tell how many bytes passed; now and then it collects. */
export function collectAsBytesPass(): (bytes: number) => void {
  const collect = engineCollector();
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < COLLECT_BYTES) return;
    passed = 0;
    collect();
  };
}
