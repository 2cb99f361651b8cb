import { type Connection, keepConnection } from './kept-connection.ts';
import type { Log } from './log.ts';

/** Hears what other processes, and this one, announce. */
export interface Listener {
  /** Whether announcements arrive at this moment. */
  isListening(): boolean;
  close(): Promise<void>;
}

export interface ListenerOptions {
  log: Log;
  onMessage(payload: string): void;
  /** What was announced after this moment of `performance.now()`, and before now, may not have arrived. */
  onReady(missedSinceMs: number): void;
}

/**
 * Listens on a connection of its own and makes a new one whenever it is lost. What was announced in between is gone, so
 * `onReady` runs each time: whoever follows something reads its current state there.
 */
export function createListener(
  { log, onReady }: Pick<ListenerOptions, 'log' | 'onReady'>,
  open: (onLost: () => void) => Connection,
): Listener {
  const kept = keepConnection({ name: 'listener', log, open, onReady });
  return { isListening: () => kept.current() !== null, close: kept.close };
}
