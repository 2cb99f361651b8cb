import { hash } from 'node:crypto';
import { validate as isUuid } from 'uuid';
import { badUserInput } from '../errors.ts';
import { isUserId, maxInt32 } from '../validation.ts';

/** What a client asks of a list. */
export interface PageArgs {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}

/** What rows of a list have as ids: how to know one, and one that stands for none. */
const idKinds = {
  user: { isId: isUserId, none: '' },
  uuid: { isId: isUuid, none: '00000000-0000-0000-0000-000000000000' },
  number: { isId: (id: string) => /^[1-9]\d{0,9}$/.test(id) && Number(id) <= maxInt32, none: '0' },
} as const;

/** Names a list: its name, its owner, its filters; cursors of another don't fit. */
export interface ListId {
  name: string;
  ids: keyof typeof idKinds;
}

/** Where a row stands in its list: when, and, among rows of the same millisecond, by its id. Newest first. */
export interface Position {
  at: Date;
  id: string;
}

/** One page of a list by keyset: rows strictly between two positions, from one end or the other. */
export interface PageRequest {
  ids: ListId['ids'];
  /** What the list's cursors begin with: another's don't. */
  mark: string;
  /** From the newest on, else from the oldest back. */
  isForward: boolean;
  /** Rows wanted, 1 to 100. */
  size: number;
  after: Position | null;
  before: Position | null;
}

export const maxPageSize = 100;
const defaultPageSize = 20;

/**
 * Reads what a client asks of a list. Throws BAD_USER_INPUT for a size
 * outside 1 to 100, for `first` with `last`, and for a cursor that isn't one or is another list's.
 */
export function readPageArgs({ first, after, last, before }: PageArgs, list: ListId): PageRequest {
  if (first != null && last != null) throw badUserInput('Expected first or last, and got both.');
  const size = first ?? last ?? defaultPageSize;
  if (size < 1 || size > maxPageSize) throw badUserInput(`Expected a page of 1 to ${maxPageSize}, and got ${size}.`);
  const { ids } = list;
  const mark = hash('sha256', list.name, 'base64url').slice(0, markLength);
  return {
    ids,
    mark,
    isForward: last == null,
    size,
    after: after == null ? null : decodeCursor(after, { ids, mark }),
    before: before == null ? null : decodeCursor(before, { ids, mark }),
  };
}

/**
 * The bounds of a page as SQL takes them, one statement for any page: what isn't bounded is bounded by infinity. Times go as
 * text, since pg writes a date in the server's time zone and drops the seconds that zones had before 1900 or so.
 */
export function toKeysetValues({ ids, after, before, size }: PageRequest): [string, string, string, string, number] {
  const { none } = idKinds[ids];
  return [
    after?.at.toISOString() ?? 'infinity',
    after?.id ?? none,
    before?.at.toISOString() ?? '-infinity',
    before?.id ?? none,
    size + 1,
  ];
}

/** A page as the API shows it. */
export interface Connection<Node> {
  edges: { cursor: string; node: Node; since?: Date | null }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

/**
 * Makes the page of rows that a statement read: one more than wanted where there are more, from the end that was asked
 * for. `toNode` answers null for a row that this viewer doesn't see: its edge is left out, and the page goes on from it all
 * the same.
 */
export function toConnection<Row, Node>(
  request: PageRequest,
  read: readonly Row[],
  {
    toPosition,
    toNode,
    toSince,
  }: { toPosition(row: Row): Position; toNode(row: Row): Node | null; toSince?(row: Row): Date | null },
): Connection<Node> {
  const { isForward, mark, size, after, before } = request;
  const wanted = read.slice(0, size);
  const rows = isForward ? wanted : wanted.toReversed();
  const toCursor = (row: Row) => encodeCursor(toPosition(row), mark);
  const readers = { toCursor, toSince };
  const hasMore = read.length > size;
  return {
    edges: rows.flatMap((row) => {
      const node = toNode(row);
      return node === null ? [] : [new Edge(node, row, readers)];
    }),
    pageInfo: new PageInfo(
      {
        hasNextPage: isForward ? hasMore : before !== null,
        hasPreviousPage: isForward ? after !== null : hasMore,
      },
      rows,
      toCursor,
    ),
  };
}

/*
 * Classes, so that cursors and times are made when they are asked for: most clients take the page's last cursor alone.
 * Getters of an object that is written down would keep it in memory: V8 makes a type of its own for each.
 */

class PageInfo<Row> {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly #rows: readonly Row[];
  readonly #toCursor: (row: Row) => string;

  constructor(
    { hasNextPage, hasPreviousPage }: { hasNextPage: boolean; hasPreviousPage: boolean },
    rows: readonly Row[],
    toCursor: (row: Row) => string,
  ) {
    this.hasNextPage = hasNextPage;
    this.hasPreviousPage = hasPreviousPage;
    this.#rows = rows;
    this.#toCursor = toCursor;
  }

  get startCursor(): string | null {
    return this.#cursorAt(0);
  }

  get endCursor(): string | null {
    return this.#cursorAt(-1);
  }

  #cursorAt(place: number): string | null {
    const row = this.#rows.at(place);
    return row === undefined ? null : this.#toCursor(row);
  }
}

/** What the rows of a page have in common. */
interface Readers<Row> {
  toCursor(row: Row): string;
  toSince?: ((row: Row) => Date | null) | undefined;
}

class Edge<Node, Row> {
  readonly node: Node;
  readonly #row: Row;
  readonly #readers: Readers<Row>;

  constructor(node: Node, row: Row, readers: Readers<Row>) {
    this.node = node;
    this.#row = row;
    this.#readers = readers;
  }

  get cursor(): string {
    return this.#readers.toCursor(this.#row);
  }

  get since(): Date | null {
    return this.#readers.toSince?.(this.#row) ?? null;
  }
}

/** The page of a list that the viewer may not see, or that is empty. */
export const emptyConnection = (): Connection<never> => ({
  edges: [],
  pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
});

const markLength = 8;

const encodeCursor = ({ at, id }: Position, mark: string): string =>
  Buffer.from(`${mark}.${at.getTime().toString(36)}.${id}`).toString('base64url');

/** PostgreSQL's calendar has no year before 1 that Date writes in the same way. */
const earliestMs = Date.parse('0001-01-01T00:00:00Z');

function decodeCursor(cursor: string, { ids, mark }: Pick<PageRequest, 'ids' | 'mark'>): Position {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, time = '', id = ''] = /^[\w-]{8}\.(-?[0-9a-z]{1,11})\.(.+)$/.exec(text) ?? [];
  const at = new Date(Number.parseInt(time, 36));
  const isWhole = at.getTime() >= earliestMs && idKinds[ids].isId(id);
  // Made again, it must be the same: so it is of this list, and nothing in it was passed over.
  if (!isWhole || encodeCursor({ at, id }, mark) !== cursor) throw badUserInput('Expected a cursor of this list.');
  return { at, id };
}
