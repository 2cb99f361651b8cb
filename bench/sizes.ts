/** What a database is seeded with by `npm run seed`, and what the operations need besides. */
export interface DataSize {
  users: number;
  follows: number;
  events: number;
  /** Users with so many events that they have a 1,000th page. */
  heavyUsers: number;
}

/** By name, as flags and tables have them. */
export const sizes = {
  quick: { users: 10_000, follows: 100_000, events: 200_000, heavyUsers: 6 },
  full: { users: 100_000, follows: 1_000_000, events: 2_000_000, heavyUsers: 20 },
  large: { users: 1_000_000, follows: 5_000_000, events: 10_000_000, heavyUsers: 20 },
} satisfies Record<string, DataSize>;

/** A heavy user's page of 50 that begins behind 999 others, and one row by which `hasNextPage` is true. */
export const heavyEvents = 1_000 * 50 + 49;

/** Rows from the oldest to the last one before the 1,000th page: what `last` asks for to get that row's cursor. */
export const rowsBehindThousandthPage = 100;

/** So many people follow the star, where there are so many. */
export const starFollowers = 100_000;
