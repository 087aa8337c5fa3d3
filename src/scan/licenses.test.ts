import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { scanRepo } from './scan.ts';

const APACHE = readFileSync(new URL('../../LICENSE', import.meta.url), 'utf8');

const MIT = `MIT License

Copyright (c) 2025 Someone

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND.
`;

const BSD2 = `Copyright (c) 2025, Someone

Redistribution and use in source and binary forms, with or without modification, are permitted.
2. Redistributions in binary form must reproduce the above copyright notice.
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS".
`;
const BSD3 = `${BSD2}3. Neither the name of the copyright holder may be used to endorse.\n`;
const LLAMA = 'LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\nLlama 3.1 Version Release Date: July 23, 2024\n';
const LLAMA3 =
  'META LLAMA 3 COMMUNITY LICENSE AGREEMENT\nMeta Llama 3 Version Release Date: April 18, 2024\n';
const GEMMA = 'Gemma Terms of Use\n\nLast modified: April 1, 2024\n';
const RAIL = 'Copyright (c) 2022 Someone\n\nCreativeML Open RAIL-M\ndated August 22, 2022\n';
const CC_NC = `Attribution-NonCommercial 4.0 International\n\n====\n\nCreative Commons Corporation is not a law firm.\n\nCreative Commons Attribution-NonCommercial 4.0 International Public License\n`;

const CASES: readonly (readonly [card: string, text: string, expected: readonly string[]])[] = [
  ['apache-2.0', APACHE, []],
  ['Apache-2.0', APACHE, []],
  ['mit', MIT, []],
  ['mit', APACHE, ['license/differs apache-2.0']],
  ['apache-2.0', MIT, ['license/differs mit']],
  ['bsd-3-clause', BSD3, []],
  ['bsd-3-clause', BSD2, ['license/differs bsd-2-clause']],
  ['bsd', BSD2, []],
  ['llama3.1', LLAMA, []],
  ['llama3', LLAMA3, []],
  ['llama3', LLAMA, ['license/differs llama3.1']],
  ['apache-2.0', LLAMA, ['license/differs llama3.1']],
  ['gemma', GEMMA, []],
  ['creativeml-openrail-m', RAIL, []],
  ['openrail', RAIL, []],
  ['cc-by-nc-4.0', CC_NC, []],
  ['cc', CC_NC, []],
  ['cc-by-4.0', CC_NC, ['license/differs cc-by-nc-4.0']],
  ['gpl-3.0', 'Some other text\n', []],
  ['gpl-3.0-or-later', '  GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007\n', []],
  ['mit', MIT.replace('MIT License', 'Modified MIT License'), []],
  ['my-own', 'My own\n', ['license/unknown my-own']],
  ['other', LLAMA, ['license/unnamed other']],
  ['\n- apache-2.0\n- mit', MIT, []],
  ['\n- apache-2.0\n- gpl-3.0', MIT, ['license/differs mit']],
  ['other\nlicense_name: my-license', LLAMA, []],
];

describe('licences', () => {
  for (const [card, text, expected] of CASES)
    it(`the card says ${JSON.stringify(card)}, the text begins ${JSON.stringify(text.trim().slice(0, 24))}: ${expected.join() || 'nothing to say'}`, () => {
      const files = [
        ['README.md', `---\nlicense: ${card}\n---\n# Model\n`],
        ['LICENSE', text],
        ['LICENSE-CODE', GEMMA],
      ] as const;
      const { findings } = scanRepo(
        files.map(([path, content]) => ({ path, facts: parseBuffer(Buffer.from(content)) })),
      );
      assert.ok(findings.every(({ verdict }) => verdict === 'clean'));
      assert.deepEqual(
        findings.map(({ rule, subject }) => `${rule} ${subject}`),
        expected,
      );
    });
});
