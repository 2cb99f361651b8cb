import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

// Asks a server for `me` every few milliseconds, in a process of its own, which nothing else keeps waiting. Told to stop, or
// after so many, it tells how many milliseconds each answer took, and what came instead of an answer.

const [url = '', token = '', atMost = 'Infinity'] = process.argv.slice(2);
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const asked: Promise<number>[] = [];
const wrong: string[] = [];
let isOver = false;

async function ask(): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: '{"query":"{ me { id } }"}' });
  const text = await response.text();
  if (response.status !== 200 || !text.includes('user_')) wrong.push(`${response.status} ${text}`);
  return performance.now() - startedAt;
}

process.once('message', () => {
  isOver = true;
});
while (!isOver && asked.length < Number(atMost)) {
  asked.push(ask());
  await delay(20);
}
process.send?.({ times: await Promise.all(asked), wrong }, () => process.disconnect());
