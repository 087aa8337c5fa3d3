/**
 * Texts of licences, known by what only they say. The ids are those of SPDX in lower case, as the Hub writes them, and
 * the Hub's own for licences that SPDX does not list.
 */

/** A licence names itself at its beginning, below a copyright line or a notice. */
const TITLE_CHARS = 1000;

/** How much of a text is looked at: the sentences that tell stand near the beginning. */
const BEGINNING_CHARS = 6000;

interface LicenseSign {
  readonly id: string;
  /** All must stand in the beginning, in lower case with single spaces. */
  readonly says: readonly string[];
  /** What must stand in the title. */
  readonly title?: string;
  /** What stands in a licence that was made from this one, with other conditions. */
  readonly not?: string;
}

const CREATIVE_COMMONS = ['creative commons', 'public license'];

/** In the order in which they are asked: the more particular first. */
const SIGNS: readonly LicenseSign[] = [
  {
    id: 'apache-2.0',
    title: 'apache license',
    says: ['version 2.0', 'terms and conditions for use, reproduction, and distribution'],
  },
  { id: 'llama4', title: 'llama 4 community license agreement', says: [] },
  { id: 'llama3.3', title: 'llama 3.3 community license agreement', says: [] },
  { id: 'llama3.2', title: 'llama 3.2 community license agreement', says: [] },
  { id: 'llama3.1', title: 'llama 3.1 community license agreement', says: [] },
  { id: 'llama3', title: 'llama 3 community license agreement', says: [] },
  { id: 'llama2', title: 'llama 2 community license agreement', says: [] },
  { id: 'gemma', title: 'gemma terms of use', says: [] },
  { id: 'openrail++', title: 'open rail++-m', says: [] },
  { id: 'creativeml-openrail-m', title: 'creativeml open rail-m', says: [] },
  { id: 'bigcode-openrail-m', title: 'bigcode openrail-m', says: [] },
  { id: 'bigcode-openrail-m', title: 'bigcode open rail-m', says: [] },
  { id: 'bigscience-bloom-rail-1.0', title: 'bigscience rail license', says: [] },
  { id: 'agpl-3.0', title: 'gnu affero general public license', says: ['version 3'] },
  { id: 'lgpl-3.0', title: 'gnu lesser general public license', says: ['version 3'] },
  { id: 'gpl-3.0', title: 'gnu general public license', says: ['version 3, 29 june 2007'] },
  { id: 'gpl-2.0', title: 'gnu general public license', says: ['version 2, june 1991'] },
  { id: 'cc0-1.0', title: 'cc0 1.0 universal', says: [] },
  {
    id: 'cc-by-nc-sa-4.0',
    title: 'attribution-noncommercial-sharealike 4.0 international',
    says: CREATIVE_COMMONS,
  },
  {
    id: 'cc-by-nc-nd-4.0',
    title: 'attribution-noncommercial-noderivatives 4.0 international',
    says: CREATIVE_COMMONS,
  },
  { id: 'cc-by-nc-4.0', title: 'attribution-noncommercial 4.0 international', says: CREATIVE_COMMONS },
  { id: 'cc-by-sa-4.0', title: 'attribution-sharealike 4.0 international', says: CREATIVE_COMMONS },
  { id: 'cc-by-nd-4.0', title: 'attribution-noderivatives 4.0 international', says: CREATIVE_COMMONS },
  { id: 'cc-by-4.0', title: 'attribution 4.0 international', says: CREATIVE_COMMONS },
  {
    id: 'mit',
    says: [
      'permission is hereby granted, free of charge, to any person obtaining a copy',
      'without restriction, including without limitation the rights',
      'the software is provided "as is"',
    ],
    not: 'modified mit',
  },
  {
    id: 'bsd-3-clause',
    says: ['redistribution and use in source and binary forms', 'neither the name of', 'as is'],
    not: 'advertising materials',
  },
  {
    id: 'bsd-2-clause',
    says: [
      'redistribution and use in source and binary forms',
      'must reproduce the above copyright',
      'as is',
    ],
    not: 'advertising materials',
  },
  { id: 'unlicense', says: ['this is free and unencumbered software released into the public domain'] },
];

/** The licence of which this is the text, or undefined. Never throws. */
export function recogniseLicense(text: string): string | undefined {
  const beginning = text.slice(0, BEGINNING_CHARS).toLowerCase().replace(/[“”]/g, '"').replace(/\s+/g, ' ');
  const title = beginning.slice(0, TITLE_CHARS);
  return SIGNS.find(
    (sign) =>
      title.includes(sign.title ?? '') &&
      sign.says.every((sentence) => beginning.includes(sentence)) &&
      !(sign.not !== undefined && beginning.includes(sign.not)),
  )?.id;
}
