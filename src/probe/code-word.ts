/** Code words: made for one run, so that no answer holds one by chance or by memory. */
import { sha256 } from '../base/digest.ts';

const WORDS = [
  ...[
    'amber',
    'badger',
    'cobalt',
    'dapple',
    'ember',
    'falcon',
    'garnet',
    'heron',
    'indigo',
    'juniper',
    'kestrel',
  ],
  ...[
    'linden',
    'marble',
    'nectar',
    'otter',
    'pebble',
    'quartz',
    'russet',
    'saffron',
    'thistle',
    'umber',
    'velvet',
  ],
  ...['walnut', 'yarrow', 'zephyr', 'bramble', 'cinder', 'drizzle', 'fennel', 'gosling', 'hazel', 'lantern'],
] as const;

/** `amber-falcon-4821`: the same for the same seed and name. */
export function codeWord(seed: number, name: string): string {
  const digest = Buffer.from(sha256(`${seed}/${name}`), 'hex');
  const word = (at: number) => WORDS[(digest[at] ?? 0) % WORDS.length] ?? '';
  return `${word(0)}-${word(1)}-${1000 + (digest.readUInt32BE(2) % 9000)}`;
}
