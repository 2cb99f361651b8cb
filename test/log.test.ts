import { expect, test } from 'vitest';
import { createTestLog } from './support/log.ts';

const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl';
const secrets = [token, 'ada@example.com', 'hunter2', 'sk_live_abc123', 'whsec_abc123'];

function logged(value: object, message = 'what happened'): string {
  const { log, lines } = createTestLog('debug');
  log.error(value, message);
  return JSON.stringify(lines);
}

test('an error is told with its stack and what caused it', () => {
  const error = new Error('outer', { cause: new Error('inner') });
  const line = logged({ error, requestId: 'request-1' });
  expect(line).toContain('inner');
  expect(line).toContain('log.test.ts');
  expect(line).toContain('request-1');
});

test('no line has a secret, wherever it stands', () => {
  const rowError = Object.assign(new Error('duplicate key'), {
    detail: 'Key (email)=(ada@example.com) already exists.',
  });
  const values: object[] = [
    { authorization: `Bearer ${token}` },
    { headers: { authorization: `Bearer ${token}`, cookie: `__session=${token}` } },
    { request: { headers: { authorization: token } } },
    { user: { email: 'ada@example.com', password: 'hunter2' } },
    { secret: 'hunter2', token, nested: { secret: 'hunter2' } },
    { error: rowError },
    { error: new Error('outer', { cause: rowError }) },
    { error: new Error(`No user has the address ada@example.com, said ${token}.`) },
    { error: new Error('connect to postgresql://visage:hunter2@db.example.com:5432/visage failed') },
    { error: new Error('Invalid key sk_live_abc123, or whsec_abc123') },
    { path: `/graphql?token=${token}` },
  ];
  for (const value of values) {
    const line = logged(value, `Bearer ${token} of ada@example.com`);
    expect(secrets.filter((secret) => line.includes(secret))).toEqual([]);
  }
});

test('what is no secret stays as it is', () => {
  const error = new Error('not found');
  error.stack =
    'Error: not found\n    at run (/app/node_modules/@clerk/backend/dist/index.mjs:1:2)\n    at pino@9.0.0/x.js';
  const line = logged({
    error,
    sql: 'select * from users where id = $1',
    url: 'http://127.0.0.1:4000',
    id: 'user_2abc',
  });
  for (const text of [
    'node_modules/@clerk/backend/dist/index.mjs',
    'pino@9.0.0/x.js',
    'where id = $1',
    'http://127.0.0.1:4000',
    'user_2abc',
  ]) {
    expect(line).toContain(text);
  }
});

test('a long line costs no more than its length', () => {
  expect(logged({ text: 'a'.repeat(1_000_000) }, `${'x.'.repeat(100_000)}@`)).toContain('aaaa');
});
