import { createEraser } from './modules/account/eraser.ts';
import { createFileRemover } from './modules/account/file-remover.ts';
import { createOutboxSender, type OutboxSenderOptions } from './modules/identity/outbox-sender.ts';
import type { Work } from './platform/announcements.ts';
import type { Log } from './platform/log.ts';
import type { Platform } from './platform/platform.ts';

/** What goes on in every process besides answering requests. */
export interface Workers {
  wake(work: Work): void;
  /** Finishes what is under way. */
  close(): Promise<void>;
}

/** Begins at once, with what other processes have left. */
export function createWorkers({
  platform,
  log,
  onAttempt,
}: Pick<OutboxSenderOptions, 'onAttempt'> & { platform: Platform; log: Log }): Workers {
  const { clerk } = platform;
  const deps = { ...platform, log };
  const outbox = clerk && createOutboxSender({ ...deps, clerk, ...(onAttempt && { onAttempt }) });
  const erasure = createEraser(deps);
  const files = createFileRemover(deps);
  const wakes: Record<Work, () => void> = { outbox: () => outbox?.wake(), erasure: erasure.wake };
  return {
    wake: (work) => wakes[work](),
    close: async () => void (await Promise.all([outbox?.close(), erasure.close(), files.close()])),
  };
}
