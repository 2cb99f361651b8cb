import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { seedDemoUsers } from '../../prisma/seed.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { asPerson, type Person } from '../support/person.ts';
import { photo } from '../support/pictures.ts';
import { type Browser, openBrowser } from './browser.ts';

let app: TestApp;
let url: string;
let ada: Person;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  const demoToken: { current: string | null } = { current: null };
  app = await createTestApp({ parts: { demoToken: async () => demoToken.current } });
  demoToken.current = await app.sign({ sub: 'user_demo_ada' });
  ada = asPerson(app, 'user_demo_ada', demoToken.current);
  await seedDemoUsers(app.platform);
  url = `${await app.listen()}/graphql`;
});
afterAll(() => app.close());

beforeEach(async () => {
  browser = await openBrowser();
  page = await browser.context.newPage();
  await page.goto(url);
});
afterEach(() => browser.close());

test('the first query is ready to run, as the demo user, and nothing comes from elsewhere', async () => {
  await run();
  await expectAnswer('"displayName": "Ada Lovelace"', '"percentage": 100');
  expect(await page.title()).toBe('Visage');
  expect(browser.complaints).toEqual([]);
});

test('each tab runs on the demo data as it is', async () => {
  const answers = {
    Others: '"viewerFollow": "REQUESTED"',
    ChangeProfile: '"GraphQL"',
    Search: '"username": "al_khwarizmi"',
  };
  for (const [tab, answer] of Object.entries(answers)) {
    await openTab(tab);
    await run();
    await expectAnswer(answer);
    expect(await answerText()).not.toContain('"errors"');
  }
  expect(browser.complaints).toEqual([]);
});

test('a subscription shows a picture that is uploaded while it runs', async () => {
  await openTab('LivePicture');
  await run();
  await expectAnswer('"userId": "user_demo_ada"', '"revision": 1');
  await ada.upload(await photo(), { altText: 'Ada on a walk' });
  await expectAnswer('"revision": 2', 'Ada on a walk');
  expect(browser.complaints).toEqual([]);
});

test('a query in the address is preset, and a page that is loaded again signs in again', async () => {
  await page.goto(`${url}?query=${encodeURIComponent('query Mine { me { username } }')}`);
  await run();
  await expectAnswer('"username": "ada"');
  await page.reload();
  await run();
  await expectAnswer('"username": "ada"');
  expect(browser.complaints).toEqual([]);
});

const openTab = (name: string) => page.getByRole('tab', { name }).click();

/** Presses the button. GraphiQL learns of a tab's operation a moment after it shows it, and refuses to run it till then. */
async function run(): Promise<void> {
  await page.locator('.graphiql-execute-button').click();
  await expect.poll(answerText, { timeout: 20_000 }).not.toBe('');
  if ((await answerText()).includes('Cannot infer operation')) await run();
}

/** What the response pane shows. Its editor draws spaces as no-break spaces. */
const answerText = async () =>
  (await page.locator('.graphiql-response .view-lines').innerText()).replaceAll('\u00a0', ' ');

const expectAnswer = (...texts: string[]) =>
  expect
    .poll(answerText, { timeout: 20_000 })
    .toSatisfy((answer: string) => texts.every((text) => answer.includes(text)), texts.join(' and '));
