import { announce } from '../../src/platform/announcements.ts';
import type { TestApp } from './app.ts';
import type { Socket } from './socket.ts';

/** What the tests of live pictures ask for. */
export const pictureUpdates = `
  subscription ($userIds: [ID!], $known: [KnownPictureRevision!]) {
    profilePictureUpdated(userIds: $userIds, known: $known) { userId revision imageUrl picture { version } }
  }`;

export interface PictureUpdate {
  userId: string;
  revision: number;
  imageUrl: string;
  picture: { version: number } | null;
}

/** An open subscription on a socket of its own. */
export interface Following {
  socket: Socket;
  next(): Promise<PictureUpdate>;
  /** Waits until the user's picture has come to this revision, and answers the revisions that came on the way. */
  until(userId: string, revision: number): Promise<number[]>;
  unsubscribe(): void;
}

/** Starts a subscription, and doesn't wait until it has. */
export function startFollowing(
  socket: Socket,
  variables: { userIds?: string[]; known?: { userId: string; revision: number }[] },
): Following {
  const id = 'pictures';
  socket.send({ type: 'subscribe', id, payload: { query: pictureUpdates, variables } });
  const next = async (): Promise<PictureUpdate> => {
    const { data, errors } = await socket.expect('next', id);
    if (errors) throw new Error(JSON.stringify(errors));
    return data.profilePictureUpdated;
  };
  return {
    socket,
    next,
    async until(userId, revision) {
      const revisions: number[] = [];
      for (;;) {
        const update = await next();
        if (update.userId === userId) revisions.push(update.revision);
        if (update.userId === userId && update.revision === revision) return revisions;
      }
    },
    unsubscribe: () => socket.send({ type: 'complete', id }),
  };
}

/** Follows users, of whom `visible` can be seen: whoever knows nothing is sent their state, and so the test knows that it has begun. */
export async function follow(socket: Socket, userIds: string[], visible = userIds): Promise<Following> {
  const following = startFollowing(socket, { userIds, known: userIds.map((userId) => ({ userId, revision: -1 })) });
  for (const _ of visible) await following.next();
  return following;
}

/** Changes a user's picture as far as subscribers see it, without a file; answers the revision. */
export function changePicture({ platform }: Pick<TestApp, 'platform'>, userId: string): Promise<number> {
  return platform.db.transaction(async (tx) => {
    const { pictureRevision } = await tx.user.update({
      where: { id: userId },
      data: { pictureRevision: { increment: 1 } },
    });
    await announce(tx, 'picture', { userId, revision: pictureRevision });
    return pictureRevision;
  });
}
