/** XML as S3 writes it, and as much of reading it as its request bodies need: elements and text, no attributes. */
import { S3Error } from './error.ts';

export type XmlValue = string | number | boolean | undefined | readonly XmlValue[] | XmlFields;
export interface XmlFields {
  readonly [name: string]: XmlValue;
}

/** Parsed element: its text, and its children by name in order. */
export interface XmlElement {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
/** AWS takes up to 1 MiB of XML; a completion with 10,000 parts and checksums is larger than that. */
const XML_BYTES_MAX = 4 * 1024 * 1024;
const XML_ELEMENTS_MAX = 200_000;
const XML_DEPTH_MAX = 8;

/** A document with S3's namespace. Arrays repeat their element; undefined leaves it out. */
export function document(root: string, fields: XmlFields): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${inner(fields)}</${root}>`;
}

/** An error has no namespace. */
export function errorDocument(fields: XmlFields): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${inner(fields)}</Error>`;
}

function inner(fields: XmlFields): string {
  return Object.entries(fields)
    .map(([name, value]) => element(name, value))
    .join('');
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((item) => element(name, item)).join('');
  if (typeof value === 'object') return `<${name}>${inner(value as XmlFields)}</${name}>`;
  return `<${name}>${escaped(String(value))}</${name}>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[\x00-\x08\x0b-\x1f]/g, (character) => `&#x${character.charCodeAt(0).toString(16)};`);
}

/** The root element, which must have this name; anything else is MalformedXML. */
export function parseXml(bytes: Buffer, root: string): XmlElement {
  if (bytes.length > XML_BYTES_MAX) throw new S3Error('MalformedXML');
  const text = bytes.toString();
  const top: XmlElement = { name: '', text: '', children: [] };
  const open: XmlElement[] = [top];
  let count = 0;
  let at = 0;
  for (const tag of text.matchAll(/<(?:\?[^>]*\?|!--[\s\S]*?--|(\/?)([A-Za-z][\w:.-]*)[^<>]*?(\/?))>/g)) {
    const here = open.at(-1);
    if (!here) throw new S3Error('MalformedXML');
    here.text += unescaped(text.slice(at, tag.index));
    at = tag.index + tag[0].length;
    const [, closing, name, empty] = tag;
    if (name === undefined) continue;
    if (closing) {
      if (here.name !== name || open.length === 1) throw new S3Error('MalformedXML');
      open.pop();
      continue;
    }
    const child: XmlElement = { name, text: '', children: [] };
    here.children.push(child);
    count += 1;
    if (count > XML_ELEMENTS_MAX || open.length > XML_DEPTH_MAX) throw new S3Error('MalformedXML');
    if (!empty) open.push(child);
  }
  const first = top.children[0];
  if (open.length !== 1 || first?.name !== root || text.slice(at).trim() !== '') {
    throw new S3Error('MalformedXML');
  }
  return first;
}

export function childText(parent: XmlElement, name: string): string | undefined {
  return parent.children.find((child) => child.name === name)?.text;
}

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[String(name)] ?? whole;
  });
}
