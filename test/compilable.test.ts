import { getOperationAST, parse } from 'graphql';
import { expect, test } from 'vitest';
import { countCompilable } from '../src/http/compilable.ts';
import { createDocumentCache } from '../src/http/document-cache.ts';

const count = (text: string, operationName?: string) => {
  const document = parse(text);
  const operation = getOperationAST(document, operationName);
  if (!operation) throw new Error(`There is no operation in ${text}.`);
  return countCompilable(document, operation);
};

test('fields are counted wherever their fragment is spread', () => {
  expect(count('{ me { ...F picture { user { ...F } } } } fragment F on User { id username }')).toBe(7);
});

test('a small document that spells out to a large one is not compiled', () => {
  const levels = Array.from(
    { length: 10 },
    (_, level) =>
      `fragment F${level} on User { a: picture { user { ...F${level + 1} } } b: picture { user { ...F${level + 1} } } }`,
  );
  expect(count(`{ me { ...F0 } } ${levels.join(' ')} fragment F10 on User { id }`)).toBeNull();
});

test('an operation is as large as it is alone, whatever else its document holds', () => {
  const others = Array.from(
    { length: 40 },
    (_, at) => `query Q${at} { me { id username displayName email imageUrl } }`,
  );
  expect(count(`query A { me { id } } ${others.join(' ')}`, 'A')).toBe(2);
});

test('documents are kept up to a length in all, those that were used last', () => {
  const cache = createDocumentCache<number>();
  const text = (at: number) => `${at}`.padEnd(100_000, '#');
  for (const at of [1, 2, 3, 4, 5]) cache.set(text(at), at);
  expect(cache.get(text(1))).toBe(1);
  cache.set(text(6), 6);
  expect([1, 2, 3, 4, 5, 6].map((at) => cache.get(text(at)))).toEqual([1, undefined, 3, 4, 5, 6]);
});
