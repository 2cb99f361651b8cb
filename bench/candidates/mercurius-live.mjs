import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';
import { query } from './database.mjs';
import { toPictureUrl } from './reads.mjs';
import { readViewer } from './tokens.mjs';

/**
 * Live pictures as its documentation has subscriptions: whoever changes something publishes what is new, here once for all
 * subscribers, read by one statement when PostgreSQL tells of the change.
 */
const channel = 'picture_of_mercurius';

const readState = {
  name: 'picture_state',
  text: `
select users.id as "userId", users.picture_revision as revision, picture.variants,
  picture.thumbhash, picture.dominant_color as "dominantColor"
from users left join pictures picture on picture.user_id = users.id and picture.is_active
where users.id = $1`,
};

const resolvers = {
  Subscription: {
    profilePictureUpdated: {
      subscribe: (_, { userIds }, { pubsub }) => pubsub.subscribe(userIds.map(toTopic)),
    },
  },
  ProfilePictureUpdate: {
    imageUrl: ({ userId, picture }, { size }) =>
      picture ? toPictureUrl(picture, size) : `${process.env.PUBLIC_URL}/pictures/initials/${userId}.svg`,
  },
};

const toTopic = (userId) => `picture:${userId}`;

const app = Fastify();
app.register(mercurius, {
  schema: readFileSync(process.env.SCHEMA, 'utf8'),
  resolvers,
  subscription: {
    onConnect: ({ payload }) => ({ viewerId: readViewer(`Bearer ${payload.token}`) }),
  },
  jit: 1,
});

const listener = new pg.Client({ connectionString: process.env.DATABASE_URL });
listener.on('notification', async ({ payload: userId }) => {
  const [state] = await query(readState, [userId]);
  const { revision, variants, thumbhash, dominantColor } = state;
  const picture = variants && { variants, thumbhash, dominantColor };
  const payload = { profilePictureUpdated: { userId, revision, picture } };
  app.graphql.pubsub.publish({ topic: toTopic(userId), payload });
});
await listener.connect();
await listener.query(`listen ${channel}`);

const address = await app.listen({ port: process.env.PORT, host: '127.0.0.1' });
process.stdout.write(`${address}\n`);
