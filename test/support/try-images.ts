import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ImageVerdict } from './image-verdict.ts';

/** What came of a file, and what it took. */
export interface ImageTrial extends ImageVerdict {
  path: string;
  tookMs: number;
  cpuMs: number;
  /** At most, beyond what the process has without any picture; with what earlier ones left. */
  memoryMb: number;
}

/** No picture may take more. After 10 s the pipeline gives up, which a busy machine may come to say a moment later. */
const limits = { tookMs: 11_000, memoryMb: 400 } as const;
/** As the start scripts set it: glibc keeps what threads free, for each of them, and hundreds of megabytes with it. */
const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '33554432' };
/** When nothing comes back. */
const silenceMs = 120_000;

/** Feeds every file of the folder, and of those in it, to the pipeline in a process of its own. */
export async function* tryImages(folder: string): AsyncGenerator<ImageTrial> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  let child = start();
  try {
    for (const path of paths.sort()) {
      let trial = await tryImage(child, path);
      // What earlier files left in memory is not this one's fault.
      if (trial.memoryMb > limits.memoryMb || child.exitCode !== null || child.signalCode !== null) {
        stop(child);
        child = start();
        if (trial.memoryMb > limits.memoryMb) trial = await tryImage(child, path);
      }
      yield trial.outcome === 'wrong' ? trial : toJudged(trial);
    }
  } finally {
    stop(child);
  }
}

function toJudged(trial: ImageTrial): ImageTrial {
  const took = `${Math.ceil(trial.tookMs)} ms (${Math.ceil(trial.cpuMs)} of CPU), ${Math.ceil(trial.memoryMb)} MB`;
  const isTooMuch = trial.tookMs > limits.tookMs || trial.memoryMb > limits.memoryMb;
  return isTooMuch ? { ...trial, outcome: 'wrong', detail: `it took ${took}` } : trial;
}

const start = () =>
  fork(fileURLToPath(new URL('./image-trial.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, ...allocator },
  });

const stop = (child: ChildProcess) => child.kill('SIGKILL');

async function tryImage(child: ChildProcess, path: string): Promise<ImageTrial> {
  const unanswered = { path, outcome: 'wrong', tookMs: 0, cpuMs: 0, memoryMb: 0 } as const;
  const giveUp = new AbortController();
  const { signal } = giveUp;
  const timer = setTimeout(() => stop(child), silenceMs);
  child.send(path);
  try {
    const answer = once(child, 'message', { signal }).then(([verdict]) => ({ ...verdict, path }));
    const end = once(child, 'exit', { signal }).then(([code, exitSignal]) => ({
      ...unanswered,
      detail: `it ended the process (${exitSignal ?? code})`,
    }));
    return await Promise.race([answer, end]);
  } finally {
    clearTimeout(timer);
    giveUp.abort();
  }
}
