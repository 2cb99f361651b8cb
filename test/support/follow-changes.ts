import { expect, vi } from 'vitest';
import { upsertProfile } from '../../src/modules/profile/service.ts';
import { randomId, type TestApp } from './app.ts';
import { type Socket, signIn } from './socket.ts';

/** An open subscription on a socket of its own. */
export interface Changes<State> {
  socket: Socket;
  /** The next state that comes. */
  next(): Promise<State>;
  /** Waits for a state that fits, and answers those that came on the way, this one included. */
  until(fits: (state: State) => boolean): Promise<State[]>;
}

/** The server to subscribe at; `app` is that one, or another on its database. */
export interface Place {
  app: TestApp;
  address: string;
}

interface Operation {
  query: string;
  variables?: object;
}

/**
 * Follows what a subscription of one field tells, and waits until it has begun. Of what was done before it tells nothing, however
 * long a busy machine takes to pass that on.
 */
export async function followChanges<State>(
  place: Place,
  token: string | null,
  operation: Operation,
): Promise<Changes<State>> {
  await untilAllIsTold(place);
  const socket = await begin(place.address, token, operation);
  const next = async (): Promise<State> => {
    const { data, errors } = await socket.expect('next', 'changes');
    if (errors) throw new Error(JSON.stringify(errors));
    return Object.values(data)[0] as State;
  };
  const until = async (fits: (state: State) => boolean) => {
    const states = [await next()];
    while (!fits(states.at(-1) as State)) states.push(await next());
    return states;
  };
  return { socket, next, until };
}

/** Servers tell of changes in the order in which they were announced, and this one is the last. */
async function untilAllIsTold({ app: { platform }, address }: Place): Promise<void> {
  // One that hears nothing yet tells everybody of everything once it does.
  const isReady = async () => expect((await fetch(`${address}/health/ready`)).status).toBe(200);
  await vi.waitFor(isReady, { timeout: 20_000, interval: 10 });
  const id = `user_${randomId()}`;
  await platform.db.prisma.user.create({ data: { id } });
  const socket = await begin(address, null, { query: `subscription { profileUpdated(userIds: ["${id}"]) { id } }` });
  await upsertProfile(platform, id, { bio: 'the last' });
  await socket.expect('next', 'changes');
  await socket.close();
}

async function begin(address: string, token: string | null, payload: Operation): Promise<Socket> {
  const socket = await signIn(address, token ? { token } : undefined);
  socket.send({ type: 'subscribe', id: 'changes', payload });
  // It was sent later and has a longer way, to the database: by its answer the subscription is there.
  await socket.ask('{ user(by: { id: "user_nobody" }) { id } }');
  return socket;
}
