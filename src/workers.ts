import { createEraser } from './modules/account/eraser.ts';
import { createOutboxSender, type OutboxSenderOptions } from './modules/identity/outbox-sender.ts';
import { createFileRemover, type FileRemoverOptions } from './modules/picture/file-remover.ts';
import { createRetention } from './modules/picture/retention.ts';
import { createSweeper } from './modules/picture/sweeper.ts';
import type { SessionSightings } from './modules/picture/sync-sessions-sightings.ts';
import { createSessionKeeper } from './modules/picture/sync-sessions-worker.ts';
import type { Work } from './platform/announcements.ts';
import type { Log } from './platform/log.ts';
import type { Platform } from './platform/platform.ts';

/** What goes on in every process besides answering requests. */
export interface Workers {
  wake(work: Work): void;
  /** Finishes what is under way. */
  close(): Promise<void>;
}

export interface WorkersOptions extends Pick<OutboxSenderOptions, 'onAttempt'>, Pick<FileRemoverOptions, 'onRemoved'> {
  platform: Platform;
  sightings: SessionSightings;
  log: Log;
}

/** Begins at once, with what other processes have left. */
export function createWorkers({ platform, sightings, log, onAttempt, onRemoved }: WorkersOptions): Workers {
  const { clerk } = platform;
  const deps = { ...platform, log };
  const outbox = clerk && createOutboxSender({ ...deps, clerk, ...(onAttempt && { onAttempt }) });
  const erasure = createEraser(deps);
  const sessions = createSessionKeeper({ ...deps, sightings });
  const pictures = [createFileRemover({ ...deps, onRemoved }), createRetention(deps), createSweeper(deps)];
  const wakes: Record<Work, () => void> = { outbox: () => outbox?.wake(), erasure: erasure.wake };
  return {
    wake: (work) => wakes[work](),
    close: async () =>
      void (await Promise.all([
        outbox?.close(),
        erasure.close(),
        sessions.close(),
        ...pictures.map((worker) => worker.close()),
      ])),
  };
}
