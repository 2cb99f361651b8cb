import { ClerkAwayError } from './clerk.ts';
import { createGate, type Gate } from './gate.ts';

/** Of a pool of ten connections: however slow Clerk is, most are left to those who don't need it. */
const concurrency = 3;

/** For calls to Clerk that hold a transaction open. Throws ClerkAwayError where as many are under way. */
export const createClerkGate = (): Gate =>
  createGate({
    concurrency,
    queueLimit: 0,
    full: () => new ClerkAwayError('Too many calls to Clerk are under way.'),
  });
