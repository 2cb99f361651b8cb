import { readFile, writeFile } from 'node:fs/promises';
import { codegen } from '@graphql-codegen/core';
import * as typedDocuments from '@graphql-codegen/typed-document-node';
import * as operations from '@graphql-codegen/typescript-operations';
import { parse, printSchema } from 'graphql';
import { schema } from './src/schema.ts';

/** Writes what the source makes: `schema.graphql`, and the documents of `operations.graphql` with their types. */

const notice = '# Written by `npm run generate`.\n\n';
const sdl = printSchema(schema);
await writeFile('schema.graphql', `${notice}${sdl}\n`);

const source = 'test/support/operations.graphql';
const filename = source.replace(/\.graphql$/, '.ts');
const config = {
  enumsAsTypes: true,
  useTypeImports: true,
  skipTypename: false,
  scalars: { ID: 'string', DateTime: 'string', File: 'File' },
};
const documents = await codegen({
  filename,
  schema: parse(sdl),
  documents: [{ location: source, document: parse(await readFile(source, 'utf8')) }],
  config,
  plugins: [{ operations: {} }, { typedDocuments: {} }],
  pluginMap: { operations, typedDocuments },
});
await writeFile(filename, `${notice.replace('#', '//')}${documents}`);
