import { type GraphQLSchema, getNamedType, isListType, isNonNullType, isObjectType } from 'graphql';
import { isShown, model, type Rule, readsOf, type Settings, type Standing, type Thing } from './privacy-model.ts';

/** An object of an answer, or of what is expected in its place. */
export type Fields = Record<string, unknown>;

/** Any value but null, where only the server can know it. */
export const present = Symbol('present');

/** Any value at all, where the documentation doesn't say. */
const unsaid = Symbol('unsaid');

/** Something of a person's that is expected where a path leads to it by its own id. */
export class Expected {
  readonly ownerId: string;
  readonly value: unknown;
  /** Whether one of the two blocks the other, and the path names the owner all the same. */
  readonly isNamedOnly: boolean;

  constructor(ownerId: string, value: unknown, { isNamedOnly = false } = {}) {
    this.ownerId = ownerId;
    this.value = value;
    this.isNamedOnly = isNamedOnly;
  }
}

/** The people that the model speaks of, and how they stand to each other. */
export interface People {
  /** What a user sees of themselves: the truth. */
  truthOf(id: string): Fields;
  settingsOf(id: string): Settings;
  follows(followerId: string | null, followeeId: string): boolean;
  requested(requesterId: string | null, requesteeId: string): boolean;
  isBlocked(oneId: string | null, otherId: string): boolean;
  isAdministrator(id: string | null): boolean;
  followsCatalogue(id: string | null, nodeId: string): boolean;
  /** Whether the viewer looks at what is theirs as others see it, and at somebody else meanwhile. */
  isAside(viewerId: string | null, subjectId: string | null): boolean;
}

/** What differed, and what was compared. */
export interface Tally {
  differences: string[];
  /** Fields compared, each once for each answer. */
  combinations: number;
  /** Values compared. */
  values: number;
  /** Fields that were compared anywhere. */
  fields: Set<string>;
}

export const createTally = (): Tally => ({ differences: [], combinations: 0, values: 0, fields: new Set() });

export interface Comparison {
  schema: GraphQLSchema;
  people: People;
  viewerId: string | null;
  tally: Tally;
  /** Who asks, under which settings, by which path. */
  name: string;
  /** What of whom an administrator reads by it, as the comparison finds out. */
  reads: Map<string, Set<string>>;
}

/** Where in an answer the comparison stands, and whose things these are. */
interface Place {
  trail: string;
  ownerId: string;
  isNamedOnly: boolean;
}

/** Compares the answer to an operation, field by field, with what the model expects of it. */
export function compareAnswer(comparison: Comparison, rootType: string, actual: Fields, expected: Fields): void {
  const seen = new Set<string>();
  const place = { trail: '', ownerId: '', isNamedOnly: false };
  compareFields(
    { ...comparison, seen },
    { __typename: rootType, ...actual },
    { __typename: rootType, ...expected },
    place,
  );
  comparison.tally.combinations += seen.size;
}

type Walk = Comparison & { seen: Set<string> };

function compareFields(walk: Walk, actual: Fields, expected: Fields, place: Place): void {
  const type = String(actual.__typename);
  if (isMetThroughBlock(walk, place)) noteReads(walk, place.ownerId, ['user']);
  for (const [field, value] of Object.entries(actual)) {
    if (field === '__typename') continue;
    const name = `${type}.${field}`;
    walk.seen.add(name);
    walk.tally.fields.add(name);
    const below = {
      ...place,
      trail: `${place.trail}.${field}`,
      ...(name === 'User.blockedUsers' && { isNamedOnly: true }),
    };
    compareValue(walk, value, expectField(walk, { type, field, expected, place }), below);
  }
}

function compareValue(walk: Walk, actual: unknown, wanted: unknown, at: Place): void {
  if (wanted instanceof Expected) {
    compareValue(walk, actual, wanted.value, { ...at, ownerId: wanted.ownerId, isNamedOnly: wanted.isNamedOnly });
  } else if (isFields(actual) && isFields(wanted) && isSame(actual, wanted)) {
    compareObject(walk, actual, wanted, at);
  } else if (Array.isArray(actual) && Array.isArray(wanted) && actual.length === wanted.length) {
    for (const [index, item] of actual.entries()) {
      compareValue(walk, item, wanted[index], { ...at, trail: `${at.trail}[${index}]` });
    }
  } else {
    walk.tally.values += 1;
    if (wanted === unsaid || (wanted === present ? actual != null : Object.is(actual, wanted))) return;
    const what = `expected ${show(wanted)}, and got ${show(actual)}`;
    walk.tally.differences.push(`${walk.name}: at ${at.trail.slice(1)} ${what}`);
  }
}

/** A user is compared with what they see of themselves, wherever they turn up. */
function compareObject(walk: Walk, actual: Fields, wanted: Fields, at: Place): void {
  const isUser = actual.__typename === 'User';
  const ownerId = isUser ? String(actual.id) : at.ownerId;
  compareFields(walk, actual, isUser ? walk.people.truthOf(ownerId) : wanted, { ...at, ownerId });
}

const isSame = (actual: Fields, wanted: Fields) =>
  actual.__typename === wanted.__typename && (actual.__typename !== 'User' || actual.id === wanted.id);

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const show = (value: unknown) => (typeof value === 'symbol' ? value.toString() : JSON.stringify(value)?.slice(0, 150));

interface AskedField {
  type: string;
  field: string;
  /** What the owner sees in the place of the object. */
  expected: Fields;
  place: Place;
}

/** What the viewer should see in a field. */
function expectField(walk: Walk, { type, field, expected, place }: AskedField): unknown {
  const rule = model[type]?.[field];
  const value = expected[field];
  if (rule === undefined || rule === 'path' || rule === 'answer' || rule === 'nobody' || rule === 'page') return value;
  if (rule === 'relation') return expectRelation(walk, { type, field, expected, place });
  if (!isShownAt(walk, { rule, thing: expected, place })) return hiddenValue(walk.schema, type, field);
  return isFields(value) && String(value.__typename).endsWith('Connection')
    ? expectPage(walk, { type, field, page: value as unknown as Page, place })
    : value;
}

function isShownAt(walk: Walk, { rule, thing, place }: { rule: Rule; thing: Thing; place: Place }): boolean {
  const known = { standing: standingOf(walk, place), settings: walk.people.settingsOf(place.ownerId), thing };
  noteReads(walk, place.ownerId, readsOf(rule, known));
  return isShown(rule, known);
}

function noteReads({ reads }: Walk, ownerId: string, parts: string[]): void {
  for (const part of parts) reads.set(ownerId, (reads.get(ownerId) ?? new Set()).add(part));
}

/** An administrator gets to know of a user who would not be there for them otherwise. */
const isMetThroughBlock = ({ people, viewerId }: Walk, { ownerId, isNamedOnly }: Place): boolean =>
  people.isAdministrator(viewerId) && !isNamedOnly && ownerId !== '' && people.isBlocked(viewerId, ownerId);

const standingOf = ({ people, viewerId }: Walk, { ownerId, isNamedOnly }: Place): Standing => ({
  isOwner: viewerId === ownerId,
  follows: people.follows(viewerId, ownerId),
  isNamedOnly,
  isBlocked: people.isBlocked(viewerId, ownerId),
  isAdministrator: people.isAdministrator(viewerId),
});

function expectRelation({ people, viewerId }: Walk, { type, field, expected, place }: AskedField): unknown {
  const ownerId = type === 'User' ? place.ownerId : null;
  // Of an audience it is said what it gets of the owner; not, how others stand to somebody who is nobody in particular.
  if (people.isAside(viewerId, ownerId)) return unsaid;
  if (!ownerId) return people.followsCatalogue(viewerId, String(expected.id)) ? 'FOLLOWING' : 'NONE';
  if (field === 'followsViewer') return viewerId !== null && people.follows(ownerId, viewerId);
  if (people.follows(viewerId, ownerId)) return 'FOLLOWING';
  return people.requested(viewerId, ownerId) ? 'REQUESTED' : 'NONE';
}

interface Page {
  __typename: string;
  edges: { cursor: string; node: Fields & Thing }[];
  pageInfo: Fields;
}

const noPage = {
  __typename: 'PageInfo',
  hasNextPage: false,
  hasPreviousPage: false,
  startCursor: null,
  endCursor: null,
};

/** The page without the rows that the viewer may not know of; it starts and ends with rows that they see. */
function expectPage(
  walk: Walk,
  { type, field, page, place }: { type: string; field: string; page: Page; place: Place },
) {
  const isBlockList = type === 'User' && field === 'blockedUsers';
  const edges = page.edges.filter(({ node }) => {
    if (node.__typename === 'Event') return isShownAt(walk, { rule: 'event', thing: node, place });
    if (node.__typename !== 'User' || isBlockList || walk.people.isAdministrator(walk.viewerId)) return true;
    return !walk.people.isBlocked(walk.viewerId, String(node.id));
  });
  const ends = { startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null };
  return { ...page, edges, pageInfo: { ...page.pageInfo, ...ends } };
}

/** Null for an object or a value, an empty page that counts nothing for a list. */
function hiddenValue(schema: GraphQLSchema, type: string, field: string): unknown {
  const owner = schema.getType(type);
  const served = isObjectType(owner) ? owner.getFields()[field]?.type : undefined;
  if (!served || !isNonNullType(served)) return null;
  if (isListType(served.ofType)) return [];
  const page = getNamedType(served);
  const count = isObjectType(page) ? page.getFields().totalCount?.type : undefined;
  return { __typename: page.name, edges: [], pageInfo: noPage, totalCount: count && isNonNullType(count) ? 0 : null };
}
