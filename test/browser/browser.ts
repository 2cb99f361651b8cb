import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type BrowserContext, chromium } from 'playwright-core';

/** Where Debian has it; `CHROMIUM` names another. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // No name is ever looked up: a page that wants anything from elsewhere fails.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** A browser as somebody has it who never used it before, and what went wrong in it. */
export interface Browser {
  context: BrowserContext;
  /** Errors of the console and of pages, and requests to anywhere but this machine. */
  complaints: string[];
  close(): Promise<void>;
}

/** Starts a browser; the test closes it. Its window is tall, since editors draw only the lines that are in view. */
export async function openBrowser(viewport = { width: 1280, height: 2000 }): Promise<Browser> {
  const folder = await mkdtemp(join(tmpdir(), 'visage-browser-'));
  const context = await chromium.launchPersistentContext(folder, { executablePath, args, viewport });
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  context.on('weberror', (error) => complaints.push(`page: ${error.error().stack ?? error.error()}`));
  context.on('request', (request) => {
    if (!isLocal(request.url())) complaints.push(`request: ${request.url()}`);
  });
  return {
    context,
    complaints,
    async close() {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const isLocal = (url: string) => /^(data|blob|about):/.test(url) || new URL(url).hostname === '127.0.0.1';
