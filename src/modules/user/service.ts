import { unauthenticated } from '../../errors.ts';

/** What an old token of a user gets who was deleted. */
export const userDeleted = () => unauthenticated('The user of this token was deleted.');
