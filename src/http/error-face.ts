import type { GraphQLError } from 'graphql';

/** An error as clients see it: without what only HTTP needs. */
export function toFace(error: GraphQLError) {
  const { http: _, unexpected: __, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}
