import type { FieldError } from '../../errors.ts';
import { show } from '../../validation.ts';

/** Names of fields; below those that have fields of their own, or a list of such, theirs. */
export interface Shape {
  [field: string]: Shape | null;
}

const users = { userId: null, since: null };
const catalogue = { tmdbId: null, since: null };

/** Every field that a line may have. Where the API has the same, the name is the same. */
export const lineShape: Shape = {
  id: null,
  username: null,
  email: null,
  firstName: null,
  lastName: null,
  createdAt: null,
  profile: {
    displayName: null,
    bio: null,
    yearsOfExperience: null,
    experienceLevel: null,
    educationLevel: null,
    fieldOfStudy: null,
    skills: null,
    workArrangement: null,
    preferredLocations: null,
    salary: { min: null, max: null, currency: null },
    completedAt: null,
    setupSkippedAt: null,
  },
  preferences: {
    favoriteGenres: null,
    adultContent: null,
    language: null,
    theme: null,
    notifications: { name: null, enabled: null },
  },
  privacy: { profile: null, watchHistory: null, ratings: null },
  follows: users,
  crewMembers: catalogue,
  studios: catalogue,
  blocks: users,
  events: { type: null, movieId: null, rating: null, review: null, occurredAt: null, idempotencyKey: null },
  picture: { path: null, url: null, altText: null },
};

/** A row for each field that nobody would read: a name that is misspelled would lose its value in silence. */
export function unknownFields(line: object): FieldError[] {
  const found: FieldError[] = [];
  collect(line, { shape: lineShape, path: '', found });
  return found;
}

function collect(value: unknown, place: { shape: Shape; path: string; found: FieldError[] }): void {
  if (typeof value !== 'object' || value === null) return;
  const { shape, path, found } = place;
  for (const [field, inner] of Object.entries(value)) {
    const isKnown = Array.isArray(value) || Object.hasOwn(shape, field);
    const below = Array.isArray(value) ? shape : isKnown && shape[field];
    // Paths are made where they are needed: most of a file are events, which have nothing below them.
    if (!isKnown) found.push(unknownField(join(path, field), field, shape));
    else if (below) collect(inner, { shape: below, path: join(path, field), found });
  }
}

const join = (path: string, field: string) => (path === '' ? field : `${path}.${field}`);

const unknownField = (path: string, field: string, shape: Shape): FieldError => ({
  path,
  message: `Expected one of ${Object.keys(shape).join(', ')}, and got ${show(field)}.`,
});
