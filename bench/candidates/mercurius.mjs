import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import mercurius from 'mercurius';
import {
  readEvents,
  readFollowers,
  readFollowStates,
  readPictures,
  readPreferences,
  readPrivacy,
  readProfiles,
  readUserByName,
  readUsers,
  readViewer,
  toPictureUrl,
} from './reads.mjs';
import { readViewer as readToken } from './tokens.mjs';
import { follow, recordEvent, unfollow } from './writes.mjs';

/** As its documentation has it: resolvers where one thing is asked for, loaders where many may be, jit on. */
const resolvers = {
  Query: {
    me: (_, __, { viewerId }) => readViewer(viewerId),
    user: (_, { by }, { viewerId }) => readUserByName(viewerId, by.username),
  },
  Mutation: {
    recordEvent: (_, { input }, { viewerId }) => recordEvent(viewerId, input),
    follow: (_, { target }, { viewerId }) => follow(viewerId, target.userId),
    unfollow: (_, { target }, { viewerId }) => unfollow(viewerId, target.userId),
  },
  User: {
    events: ({ id }, page) => readEvents(id, page),
    followers: (owner, { first }, { viewerId }) => readFollowers(viewerId, owner, first),
    following: (owner) => ({ totalCount: owner.isOpen ? owner.followingCount : null }),
  },
  ProfilePicture: { url: (picture, { size }) => toPictureUrl(picture, size) },
  RecordEventResult: { resolveType: ({ __typename }) => __typename },
  FollowResult: { resolveType: ({ __typename }) => __typename },
};

const idsOf = (queries) => queries.map(({ obj }) => obj.id);

/** Its documentation: uncached, nothing is serialized to be looked up; no two users of a page are the same. */
const uncached = (loader) => ({ loader, opts: { cache: false } });

const loaders = {
  UserEdge: { node: uncached((queries) => readUsers(idsOf(queries))) },
  User: {
    profile: uncached(async (queries) => {
      const profiles = await readProfiles(idsOf(queries));
      return queries.map(({ obj }, index) => (obj.isOpen ? profiles[index] : null));
    }),
    preferences: uncached((queries) => readPreferences(idsOf(queries))),
    privacy: uncached((queries) => readPrivacy(idsOf(queries))),
    picture: uncached((queries) => readPictures(idsOf(queries))),
    viewerFollow: uncached((queries, { viewerId }) => readFollowStates(viewerId, idsOf(queries))),
  },
};

const app = Fastify();
app.register(mercurius, {
  schema: readFileSync(process.env.SCHEMA, 'utf8'),
  resolvers,
  loaders,
  context: (request) => ({ viewerId: readToken(request.headers.authorization) }),
  jit: 1,
});

await app.listen({ port: process.env.PORT, host: '127.0.0.1' });
process.on('SIGTERM', () => process.exit(0));
