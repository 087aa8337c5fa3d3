/** A page in Debian's Chromium: what it shows, what it asks for, how it prints. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A laptop's window. */
const VIEWPORT = { width: 1280, height: 800 };

/** Down to the end of the overview. */
const SHOT_HEIGHT = 1360;

export interface ShownPage {
  readonly text: string;
  /** Everything that was asked for, the page itself included. */
  readonly requests: readonly string[];
  /** Pixels by which the content is wider than the window. */
  readonly overflowing: number;
  readonly charts: number;
  readonly pagesPrinted: number;
}

export interface OpenPage {
  (file: string, screenshot?: string): Promise<ShownPage>;
  readonly skip: string | false;
}

async function open(file: string, screenshot?: string): Promise<ShownPage> {
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ARGUMENTS });
  try {
    const page = await browser.newPage({ viewport: VIEWPORT });
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(`file://${file}`, { waitUntil: 'networkidle' });
    if (screenshot !== undefined)
      await page.screenshot({
        path: screenshot,
        clip: { x: 0, y: 0, ...VIEWPORT, height: SHOT_HEIGHT },
        fullPage: true,
      });
    const text = await page.innerText('body');
    const wide = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    const charts = await page.locator('figure svg').count();
    const pdf = await page.pdf({ preferCSSPageSize: true });
    return {
      text,
      requests,
      overflowing: Number(wide),
      charts,
      pagesPrinted: pdf.toString('latin1').split(/\/Type\s*\/Page\b/).length - 1,
    };
  } finally {
    await browser.close();
  }
}

export const openPage: OpenPage = Object.assign(open, {
  skip: existsSync(PROGRAM) ? (false as const) : 'needs Chromium: scripts/peers.sh chromium',
});
