import { createHash } from 'node:crypto';

/** What is kept of a deleted user: enough to know the id again, and not the id. */
export const toTombstone = (userId: string): string => createHash('sha256').update(userId).digest('hex');

/** The same in SQL, of an expression that is a user's id. */
export const tombstoneOf = (userId: string): string => `encode(sha256(convert_to(${userId}, 'UTF8')), 'hex')`;
