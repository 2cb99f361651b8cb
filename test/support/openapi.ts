import { z } from 'zod';

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

/** An object of JSON, looked into as the tests need. */
// biome-ignore lint/suspicious/noExplicitAny: a document is walked by keys that only the document knows.
export type Json = any;

/** What the document says of one method of one path. */
export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; schema: Json }[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, { description: string; content: Record<string, { schema: Json }> }>;
}

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string };
  servers: { url: string }[];
  components: { schemas: Record<string, Json>; securitySchemes: Record<string, Json> };
  paths: Record<string, Record<string, Operation>>;
}

/** One answer, and what was asked. */
export interface Exchange {
  method: string;
  path: string;
  status: number;
  contentType: string | null;
  body: unknown;
}

/** The operation of a request, whatever stands in the place of the path's parameters. */
export function findOperation(document: OpenApiDocument, method: string, path: string): Operation | undefined {
  const pathname = path.replace(/\?.*$/, '');
  const [, operations] = Object.entries(document.paths).find(([pattern]) => toPattern(pattern).test(pathname)) ?? [];
  return operations?.[method.toLowerCase()];
}

const toPattern = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);

/** Fails where the answer isn't one that the document announces: its status, its type, or anything in it. */
export function assertDocumented(document: OpenApiDocument, exchange: Exchange): void {
  const { method, path, status, contentType, body } = exchange;
  const asked = `${method} ${path}`;
  const response = findOperation(document, method, path)?.responses[status];
  if (!response) throw new Error(`${asked}: the document has no ${status}. ${JSON.stringify(body)}`);
  const schema = response.content[contentType?.split(';')[0] ?? '']?.schema;
  if (!schema) throw new Error(`${asked}: the document has no ${contentType} for ${status}.`);
  const { error } = z.fromJSONSchema(resolved(document, schema)).safeParse(body);
  if (error) throw new Error(`${asked}: ${status} is not as documented. ${error.message} ${JSON.stringify(body)}`);
}

/** The schema with all that it refers to in it, and objects that have nothing else than it says. */
export function resolved(document: OpenApiDocument, schema: Json): JsonSchema {
  if (Array.isArray(schema)) return schema.map((item) => resolved(document, item)) as never;
  if (typeof schema !== 'object' || schema === null) return schema;
  if (schema.$ref) return resolved(document, follow(document, schema.$ref));
  const entries = Object.entries(schema).map(([key, value]) => [key, resolved(document, value)]);
  return { ...Object.fromEntries(entries), ...(schema.properties && { additionalProperties: false }) };
}

/** What a reference in the document points at; fails where it points at nothing. */
export function follow(document: OpenApiDocument, reference: string): Json {
  const keys = reference.replace(/^#\//, '').split('/');
  const found = keys.reduce<Json>((value, key) => value?.[key], document);
  if (!reference.startsWith('#/') || found === undefined) throw new Error(`${reference} points at nothing.`);
  return found;
}
