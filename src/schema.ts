import './graphql/scalars.ts';
import './graphql/errors.ts';
import './graphql/connections.ts';
import './modules/user/schema.ts';
import './modules/profile/schema.ts';
import './modules/profile/live-schema.ts';
import './modules/profile/stats-schema.ts';
import './modules/preferences/schema.ts';
import './modules/privacy/schema.ts';
import './modules/picture/schema.ts';
import './modules/picture/sync-sessions-schema.ts';
import './modules/picture/versions-schema.ts';
import './modules/follow/catalogue-schema.ts';
import './modules/follow/list-schema.ts';
import './modules/follow/schema.ts';
import './modules/event/schema.ts';
import './modules/account/schema.ts';
import './modules/audit/schema.ts';
import { builder } from './graphql/builder.ts';
import { answerIdsAtOnce } from './graphql/node.ts';

/** The whole schema: each room's part, gathered. */
export const schema = answerIdsAtOnce(builder.toSchema());
