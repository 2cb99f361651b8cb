import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { seedDemoUsers } from '../../prisma/seed.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { photo } from '../support/pictures.ts';
import { type Browser, openBrowser } from './browser.ts';

let app: TestApp;
let url: string;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  const demoToken: { current: string | null } = { current: null };
  app = await createTestApp({ parts: { demoToken: async () => demoToken.current } });
  demoToken.current = await app.sign({ sub: 'user_demo_ada' });
  await seedDemoUsers(app.platform);
  url = `${await app.listen()}/api/docs`;
});
afterAll(() => app.close());

beforeEach(async () => {
  browser = await openBrowser();
  page = await browser.context.newPage();
  await page.goto(url);
});
afterEach(() => browser.close());

test('the page shows every address, and nothing comes from elsewhere', async () => {
  await page.locator('.opblock').first().waitFor();
  expect(await page.title()).toBe('Visage: REST');
  expect(await page.locator('.opblock-summary-path').allInnerTexts()).toHaveLength(8);
  expect(await page.locator('.errors-wrapper').count()).toBe(0);
  expect(browser.complaints).toEqual([]);
});

test('the current user can be asked for as it is: the page is signed in', async () => {
  const { operation, answer } = await open('readUser');
  await operation.getByRole('button', { name: 'Execute' }).click();
  expect(await answer(200)).toContain('"id": "user_demo_ada"');
  expect(browser.complaints).toEqual([]);
});

test('a file is chosen and uploaded', async () => {
  const { operation, answer } = await open('uploadPicture');
  const file = { name: 'photo.jpg', mimeType: 'image/jpeg', buffer: await photo([200, 150]) };
  await operation.locator('input[type=file]').setInputFiles(file);
  await operation.getByRole('button', { name: 'Execute' }).click();
  expect(await answer(201)).toMatch(/"version": \d+/);
  expect(browser.complaints).toEqual([]);
});

test('a picture of somebody else is asked for by the id that is suggested', async () => {
  const { operation, answer } = await open('readPicture');
  await operation.getByRole('button', { name: 'Execute' }).click();
  expect(await answer(200)).toContain('"revision"');
});

/** Opens the part of an operation, ready to be tried. */
async function open(operationId: string): Promise<{ operation: Locator; answer(status: number): Promise<string> }> {
  const operation = page.locator(`.opblock[id$="-${operationId}"]`);
  await operation.locator('.opblock-summary-control').click();
  return {
    operation,
    async answer(status) {
      const live = operation.locator('.live-responses-table .response');
      await live.waitFor({ timeout: 20_000 });
      expect(await live.locator('.response-col_status').innerText()).toContain(`${status}`);
      return live.locator('.response-col_description pre').first().innerText();
    },
  };
}
