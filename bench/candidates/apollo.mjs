import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify';
import DataLoader from 'dataloader';
import Fastify from 'fastify';
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

/** As its documentation has it: loaders made for each request, and resolvers that ask them. */
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
    profile: ({ id, isOpen }, _, { profiles }) => (isOpen ? profiles.load(id) : null),
    preferences: ({ id }, _, { preferences }) => preferences.load(id),
    privacy: ({ id }, _, { privacy }) => privacy.load(id),
    picture: ({ id }, _, { pictures }) => pictures.load(id),
    viewerFollow: ({ id }, _, { followStates }) => followStates.load(id),
    events: ({ id }, page) => readEvents(id, page),
    followers: (owner, { first }, { viewerId }) => readFollowers(viewerId, owner, first),
    following: (owner) => ({ totalCount: owner.isOpen ? owner.followingCount : null }),
  },
  UserEdge: { node: ({ id }, _, { users }) => users.load(id) },
  ProfilePicture: { url: (picture, { size }) => toPictureUrl(picture, size) },
};

const app = Fastify();
const server = new ApolloServer({
  typeDefs: readFileSync(process.env.SCHEMA, 'utf8'),
  resolvers,
  plugins: [fastifyApolloDrainPlugin(app)],
});
await server.start();
await app.register(fastifyApollo(server), {
  context: async (request) => {
    const viewerId = readToken(request.headers.authorization);
    return {
      viewerId,
      users: new DataLoader(readUsers),
      profiles: new DataLoader(readProfiles),
      preferences: new DataLoader(readPreferences),
      privacy: new DataLoader(readPrivacy),
      pictures: new DataLoader(readPictures),
      followStates: new DataLoader((ids) => readFollowStates(viewerId, ids)),
    };
  },
});

await app.listen({ port: process.env.PORT, host: '127.0.0.1' });
process.on('SIGTERM', () => process.exit(0));
