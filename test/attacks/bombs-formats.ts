/** Bombs of binary formats other than pickles and zip archives: see bombs.ts. */
import { crc32, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { bytes, u32, u64 } from '../pickles.ts';
import type { Bomb } from './bombs.ts';
import { field } from './containers.ts';

const MILLION = 1_000_000;

/** 200 MiB of zeros, as bzip2 packs them. */
const BZIP2_OF_ZEROS = Buffer.from(
  'QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZDgni3wFfjkAAwAAACCAAMIBNRkKgJakKgJcxQVkmU1kOCeLfAV+OQADAAAAIIAAwgE1GQqAlqQqAlzFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZ8TGEcADIDEBAwAAAAQAAIIAAwzAUpphQCLYigEXi7kinChIIup43Q',
  'base64',
);

/** One MiB of zeros, as xz packs them. */
const XZ_OF_ZEROS = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj7///ANldAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1Iq9+SVJQAAAAAAwva6PqJwa2AAAfUBgIBAAHmXf0exxGf7AgAAAAAEWVo=',
  'base64',
);

/** A member of a tar archive. */
function member(name: string, data: Uint8Array, type = '0'): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0, 'latin1');
  head.write('0000644\0', 100, 'latin1');
  head.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  head.write('        ', 148, 'latin1');
  head.write(type, 156, 'latin1');
  head.write('ustar\x0000', 257, 'latin1');
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([head, data, Buffer.alloc(-data.length & 511)]);
}

const tar = (members: readonly Uint8Array[]): Buffer => Buffer.concat([...members, Buffer.alloc(1024)]);

/** A number as 7z writes it. */
const packed = (value: number): Buffer => bytes(0xf0, u32(value));

function sevenZip(header: Uint8Array): Buffer {
  const start = bytes(u64(0), u64(header.length), u32(crc32(header)));
  return bytes("7z\xbc\xaf'\x1c", 0, 4, u32(crc32(start)), start, header);
}

/** A hard link message of an object header of version 1. */
function link(name: string, address: number): Buffer {
  const body = bytes(1, 0, name.length, name, u64(address));
  const size = Buffer.alloc(2);
  size.writeUInt16LE((body.length + 7) & ~7);
  return bytes(6, 0, size, 0, 0, 0, 0, body, Buffer.alloc(-body.length & 7));
}

const ROOT = 96;

/** An HDF5 file of groups that link to each other, by their numbers. */
function hdf5(groups: readonly (readonly number[])[]): Buffer {
  const sizes = groups.map((links) => 16 + links.length * link('l00000', 0).length);
  const at: number[] = [];
  let end = ROOT;
  for (const size of sizes) {
    at.push(end);
    end += size;
  }
  const objects = groups.map((links) => {
    const messages = bytes(
      ...links.map((to, index) => link(`l${index.toString().padStart(5, '0')}`, at[to] ?? ROOT)),
    );
    const count = Buffer.alloc(2);
    count.writeUInt16LE(links.length);
    return bytes(1, 0, count, u32(1), u32(messages.length), u32(0), messages);
  });
  const none = Buffer.alloc(8, 0xff);
  const sizesAndKs = bytes(0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, u32(0));
  const root = bytes(u64(0), u64(ROOT), u32(0), u32(0), Buffer.alloc(16));
  return bytes('\x89HDF\r\n\x1a\n', sizesAndKs, u64(0), none, u64(end), none, root, ...objects);
}

const savedModel = (nodes: Uint8Array): Buffer =>
  bytes(field(1, 1), field(2, bytes(field(1, field(4, 'serve')), field(2, nodes))));

const repeated = (part: Uint8Array, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => part));

const keras = (index: number): string =>
  `{"class_name":"C${index}","config":{"name":"l"},"module":"m${index}"}`;

export const FORMAT_BOMBS: readonly Bomb[] = [
  { name: 'gzip of 200 MiB of zeros', path: 'm.gz', make: () => gzipSync(Buffer.alloc(200 * 2 ** 20)) },
  { name: 'zlib of 200 MiB of zeros', path: 'm.pkl', make: () => deflateSync(Buffer.alloc(200 * 2 ** 20)) },
  {
    name: 'zstd of 200 MiB of zeros',
    path: 'm.zst',
    make: () => zstdCompressSync(Buffer.alloc(200 * 2 ** 20)),
  },
  { name: 'bzip2 of 200 MiB of zeros', path: 'm.bz2', make: () => BZIP2_OF_ZEROS },
  {
    name: 'xz of 200 streams of zeros',
    path: 'm.xz',
    make: () => bytes(...Array.from({ length: 200 }, () => XZ_OF_ZEROS)),
  },
  {
    name: 'gzip of 60,000 empty streams',
    path: 'm.gz',
    make: () => bytes(...Array.from({ length: 60_000 }, () => gzipSync('', { level: 0 }))),
    clean: true,
  },
  {
    name: 'gzip in gzip in gzip',
    path: 'm.gz',
    make: () => {
      let inner: Buffer = Buffer.alloc(100 * 2 ** 20);
      for (let depth = 0; depth < 6; depth++) inner = gzipSync(inner);
      return inner;
    },
  },
  {
    name: 'tar of three thousand compressed bombs',
    path: 'm.tar',
    make: () => {
      const bomb = gzipSync(Buffer.alloc(2 ** 20));
      return tar(Array.from({ length: 3000 }, (_, index) => member(`b${index}`, bomb)));
    },
  },
  {
    name: 'tar of a hundred thousand members',
    path: 'm.tar',
    make: () => tar(Array.from({ length: 100_000 }, (_, index) => member(`f${index}`, Buffer.alloc(0)))),
  },
  {
    name: 'tar of long names without members',
    path: 'm.tar',
    make: () => tar(Array.from({ length: 500 }, () => member('x', Buffer.alloc(60_000, 0x61), 'L'))),
  },
  {
    name: '7z of four billion files',
    path: 'm.7z',
    make: () => sevenZip(bytes(1, 5, packed(0xffff_ffff), 0, 0)),
  },
  {
    name: '7z of a header of sixteen megabytes of files',
    path: 'm.7z',
    make: () =>
      sevenZip(bytes(1, 5, packed(8 * MILLION), 0x0e, packed(MILLION), Buffer.alloc(MILLION, 0xff), 0, 0)),
  },
  {
    name: '7z of folders without end',
    path: 'm.7z',
    make: () => sevenZip(bytes(1, 4, 7, 0x0b, packed(0xffff_ffff), 0, Buffer.alloc(MILLION, 1))),
  },
  {
    name: 'HDF5 of groups that double',
    path: 'm.h5',
    clean: true,
    make: () => hdf5(Array.from({ length: 200 }, (_, index) => [index + 1, index + 1])),
  },
  { name: 'HDF5 of a group in itself', path: 'm.h5', clean: true, make: () => hdf5([[0, 0, 0]]) },
  {
    name: 'HDF5 of groups in groups in groups',
    path: 'm.h5',
    make: () => hdf5(Array.from({ length: 100_000 }, (_, index) => (index < 99_999 ? [index + 1] : []))),
    clean: true,
  },
  {
    name: 'HDF5 of sixty thousand links to one group',
    path: 'm.h5',
    make: () => hdf5([Array.from({ length: 60_000 }, () => 1), []]),
    clean: true,
  },
  {
    name: 'MessagePack of a million lists',
    path: 'm.msgpack',
    make: () => bytes(0x81, 0xa1, 'a', Buffer.alloc(MILLION, 0x91)),
  },
  {
    name: 'MessagePack of four billion values',
    path: 'm.msgpack',
    make: () => bytes(0x81, 0xa1, 'a', 0xdd, 0xff, 0xff, 0xff, 0xff, Buffer.alloc(8 * MILLION, 0xc0)),
  },
  {
    name: 'MessagePack of a million keys',
    path: 'm.msgpack',
    make: () => bytes(0xdf, 0, 0x0f, 0x42, 0x40, repeated(bytes(0xa6, 'kernel', 0xc0), MILLION)),
    clean: true,
  },
  {
    name: 'UBJSON of a million lists',
    path: 'm.ubj',
    make: () => bytes('{i\x07learner', '['.repeat(MILLION)),
  },
  {
    name: 'SavedModel of 300,000 nodes',
    path: 'saved_model.pb',
    make: () => {
      const node = bytes(field(1, 'n'), field(2, 'Relu'));
      return savedModel(repeated(field(1, node), 300_000));
    },
    clean: true,
  },
  {
    name: 'SavedModel of values in values',
    path: 'saved_model.pb',
    make: () => {
      let value = field(2, 'x');
      for (let depth = 0; depth < 3000; depth++)
        value = field(10, bytes(field(2, bytes(field(1, 'a'), field(2, value)))));
      return savedModel(
        field(1, bytes(field(1, 'n'), field(2, 'Relu'), field(5, bytes(field(1, 'a'), field(2, value))))),
      );
    },
  },
  {
    name: 'Keras of a hundred thousand classes',
    path: 'config.json',
    make: () =>
      `{"class_name":"Sequential","config":{"layers":[${Array.from({ length: 100_000 }, (_, i) => keras(i)).join(',')}]}}`,
  },
  {
    name: 'Keras of layers in layers',
    path: 'config.json',
    make: () => `${'{"class_name":"Bidirectional","config":{"layer":'.repeat(50_000)}1${'}}'.repeat(50_000)}`,
  },
  {
    name: 'R of lists in lists',
    path: 'm.rds',
    make: () =>
      bytes('X\n', 0, 0, 0, 2, 0, 4, 0, 0, 0, 2, 3, 0, repeated(bytes(0, 0, 0, 19, 0, 0, 0, 1), 300_000)),
  },
];
