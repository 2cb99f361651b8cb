import type { ClerkUser } from '../../platform/clerk.ts';

/** What Clerk alone says of a user, in our columns, and what the API calls it. */
export const fieldNames = {
  email: 'email',
  firstName: 'firstName',
  lastName: 'lastName',
  clerkImageUrl: 'imageUrl',
} as const;

export type Fact = keyof typeof fieldNames;

/** As Clerk has them; null for what isn't given there. */
export type ClerkFacts = Record<Fact, string | null>;

/** In the order in which the statements take them. */
export const factColumns = Object.keys(fieldNames) as Fact[];

/** What was uploaded here is no picture of Clerk's, although Clerk has it too, at `mirroredImageUrl`. */
export const toFacts = (
  { email, firstName, lastName, imageUrl }: ClerkUser,
  mirroredImageUrl: string | null = null,
): ClerkFacts => ({
  email,
  firstName,
  lastName,
  clerkImageUrl: imageUrl === mirroredImageUrl ? null : imageUrl,
});
