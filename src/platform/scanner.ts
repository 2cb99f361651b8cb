import { rateLimited, serviceUnavailable, UnsupportedImageError } from '../errors.ts';
import { type ClamdAddress, ClamdAwayError, scanByClamd, scanLimitMs } from './clamd.ts';
import { createGate } from './gate.ts';
import type { Log } from './log.ts';

/** A file that a user brings. */
export interface UploadedFile {
  userId: string;
  bytes: Uint8Array;
}

/** Looks for malware in files that users bring, before anything else does. */
export interface Scanner {
  /**
   * Throws UnsupportedImageError where it finds something, and RATE_LIMITED where too many files wait. Where the scanner is
   * away: SERVICE_UNAVAILABLE, or nothing, as it was set up.
   */
  assertClean(file: UploadedFile): Promise<void>;
}

/** What came of a scan; `unavailable`: it could not be done. */
export type ScanOutcome = 'clean' | 'found' | 'unavailable';

export interface ScannerOptions extends ClamdAddress {
  /** What becomes of a file that can't be scanned. */
  whenUnavailable: 'refuse' | 'accept';
  log: Log;
  onScan?: (outcome: ScanOutcome) => void;
  /** How long a file may take, its wait for others included; default 10 s. */
  timeoutMs?: number;
}

/** clamd has ten threads by default, and other processes to serve. */
const scansAtOnce = 4;
const maxWaiting = 64;

/** Scans by clamd. */
export function createScanner(options: ScannerOptions): Scanner {
  const { whenUnavailable, log, onScan = () => {}, timeoutMs = scanLimitMs } = options;
  const full = (waitS: number) => rateLimited('Too many files wait for the virus scanner. Try again soon.', waitS);
  const gate = createGate({ concurrency: scansAtOnce, queueLimit: maxWaiting, full });
  let isAway = false;

  const scan = async (bytes: Uint8Array): Promise<string | null> => {
    const endsAtMs = performance.now() + timeoutMs;
    const signature = await gate.run(() => {
      // Else those who wait for a scanner that hangs would wait for the time limit of each before them.
      const leftMs = endsAtMs - performance.now();
      if (leftMs <= 0) throw new ClamdAwayError('the files before it took all of its time');
      return scanByClamd(options, bytes, leftMs);
    });
    if (isAway) log.info('the virus scanner is back');
    isAway = false;
    onScan(signature === null ? 'clean' : 'found');
    return signature;
  };

  const goOnWithout = (error: unknown): null => {
    if (!(error instanceof ClamdAwayError)) throw error;
    onScan('unavailable');
    if (whenUnavailable === 'refuse') throw serviceUnavailable('The virus scanner', error);
    if (!isAway) log.warn({ error }, 'the virus scanner is away: uploads are accepted without it');
    isAway = true;
    return null;
  };

  return {
    async assertClean({ userId, bytes }) {
      const signature = await scan(bytes).catch(goOnWithout);
      if (signature === null) return;
      // The name is for the operator: whoever tries what passes is to learn nothing from the answer.
      log.warn({ userId, signature, bytes: bytes.length }, 'an upload was refused by the virus scanner');
      throw new UnsupportedImageError('The file was refused by the virus scanner.');
    },
  };
}
