import { rateLimited } from '../errors.ts';
import { createGate, type Gate } from './gate.ts';

/** A place in the line is for so many bytes that are held while a picture is made: 1 MiB. */
export const bytesOfPlace = 1024 * 1024;

/** A body of the largest that are accepted: 10 MiB for a file, and a little for the form around it. */
const placesOfLargest = 11;

/** Whoever has waited for so long is told to come back: most clients and proxies have given up by then. */
export const waitLimitMs = 120_000;

/** How many pictures are in work at once, and how many uploads and re-crops may wait before theirs is taken up. */
export interface PictureLineOptions {
  atOnce: number;
  waiting: number;
}

/**
 * The one line for whoever wants a picture made, before anything of it is in memory. Those that are let in hold at most as
 * much as two of the largest bodies for each picture in work: one that is in work, and one that is made ready. A small body
 * takes its share only, so that many slow clients with small pictures hold nobody up.
 */
export const createPictureLine = ({ atOnce, waiting }: PictureLineOptions): Gate =>
  createGate({
    concurrency: 2 * atOnce * placesOfLargest,
    queueLimit: waiting,
    // Half of it: 50 uploads of one user get through, and those of others need not wait for them.
    perOwner: atOnce,
    waitLimitMs,
    full: (waitS) => rateLimited('Too many pictures are in work. Try again soon.', waitS),
  });

/** The line for whoever has a place already: waiting for a second one, they would wait for each other, and for themselves. */
export const enteredPictureLine: Gate = { run: (task) => task(), drain: async () => undefined };
