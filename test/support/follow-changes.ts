import { type Socket, signIn } from './socket.ts';

/** An open subscription on a socket of its own. */
export interface Changes<State> {
  socket: Socket;
  /** The next state that comes. */
  next(): Promise<State>;
  /** Waits for a state that fits, and answers those that came on the way, this one included. */
  until(fits: (state: State) => boolean): Promise<State[]>;
}

/** Follows what a subscription of one field tells, and waits until it has begun. */
export async function followChanges<State>(
  address: string,
  token: string | null,
  { query, variables }: { query: string; variables?: object },
  tries = 3,
): Promise<Changes<State>> {
  const socket = await signIn(address, token ? { token } : undefined);
  socket.send({ type: 'subscribe', id: 'changes', payload: { query, ...(variables && { variables }) } });
  // It was sent later and has a longer way, to the database: by its answer the subscription is there.
  const start = await socket.ask('{ user(by: { id: "user_nobody" }) { id } }').catch((error: Error) => error);
  if (start instanceof Error) {
    await socket.close();
    // Told meanwhile of what was done before, which a busy machine takes its time to pass on.
    if (tries > 1 && /got .*"id":"changes","type":"next"/.test(start.message)) {
      return followChanges(address, token, { query, ...(variables && { variables }) }, tries - 1);
    }
    throw start;
  }
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
