import { createGate, type Gate } from '../platform/gate.ts';

/**
 * Taken apart, a body of 10 MiB takes up to five times as much, until its picture is stored. Two pictures are in work at
 * once; a few more are made ready for them, and the others wait as they came.
 */
export const createUploadGate = (): Gate => createGate({ concurrency: 4, queueLimit: 64 });
