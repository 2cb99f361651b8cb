import { GraphQLError } from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import { type MultipartBody, parseForm } from './multipart.ts';
import { bodyLimits } from './request-body.ts';

/** In an operation; no field takes more than one file. */
const maxPlaces = 20;
/** Of an operation that comes without files. */
const maxLength = bodyLimits['application/json'];

/**
 * Reads uploads by the GraphQL multipart request specification: the map names where in the variables each file belongs,
 * and a null stands there, or nothing. Yoga's own reader puts a file wherever it is told, at index 4,294,967,290 of a list
 * too, and whoever looks at such a list next ends the process.
 */
export function useUploads(): Plugin<UploadContext, UploadContext> {
  return {
    onRequestParse({ serverContext: { upload }, fetchAPI, setRequestParser }) {
      if (upload) setRequestParser(async () => toParams(await parseForm(upload, fetchAPI.Response)));
    },
    onSubscribe({ args: { contextValue }, setResultAndStopExecution }) {
      if (contextValue.upload) setResultAndStopExecution({ errors: [noSubscription()] });
    },
  };
}

/** Of a request whose body is a form. */
export interface UploadContext {
  /** The form, which isn't in the request: there it would be copied. */
  upload?: MultipartBody;
}

function toParams(form: FormData): GraphQLParams {
  const operations = readJson(form, 'operations');
  for (const { name, path } of readPlaces(form)) putFile(operations, path, form.get(name));
  return operations as GraphQLParams;
}

/** Throws for what is no JSON, as for a file. */
function readJson(form: FormData, field: string): unknown {
  const text = String(form.get(field));
  if (text.length > maxLength) throw refused(`Expected ${field} of at most ${maxLength} characters.`);
  return JSON.parse(text);
}

function readPlaces(form: FormData): { name: string; path: string }[] {
  const map = form.has('map') ? readJson(form, 'map') : {};
  const places = Object.entries(map ?? {}).flatMap(([name, paths]: [string, unknown]) => {
    if (!Array.isArray(paths)) throw refused('Expected a map with a list of places for each file.');
    return paths.map((path) => ({ name, path: String(path) }));
  });
  if (places.length > maxPlaces) throw refused(`Expected at most ${maxPlaces} places for files.`);
  return places;
}

function putFile(operations: unknown, path: string, file: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce(childOf, operations);
  if (names[0] !== 'variables' || !isObject(parent) || !isFree(parent, last)) {
    throw refused(`Expected a place in the variables where null is, and got ${JSON.stringify(path.slice(0, 60))}.`);
  }
  parent[last] = file;
}

type JsonObject = Record<string, unknown>;

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null;

const childOf = (parent: unknown, name: string): unknown =>
  isObject(parent) && Object.hasOwn(parent, name) ? parent[name] : undefined;

/** Clients leave undefined out of objects; in a list it is null. What every object inherits is nowhere to put a file. */
const isFree = (parent: JsonObject, name: string): boolean =>
  Object.hasOwn(parent, name) ? parent[name] === null : !Array.isArray(parent) && !(name in parent);

/** It would hold all of its form for as long as it lives. */
const noSubscription = () =>
  new GraphQLError('Expected a query or a mutation in a form: subscriptions are sent as JSON.', {
    extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
  });

const refused = (message: string) => new GraphQLError(message);
