import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClerkAnswer, type ClerkRequest, toError } from './clerk-routes.ts';

/**
 * - `reset`: the connection ends without an answer
 * - `hanging`: nothing ever comes back
 * - `proxy-404`: a 404 in HTML, from something before Clerk
 * - `portal`: a 200 in HTML, from something before Clerk
 * - `status`: Clerk's own error
 * - `delayMs`, `until`: answered rightly, later
 */
export type ClerkFault =
  | 'reset'
  | 'hanging'
  | 'proxy-404'
  | 'portal'
  | { status: number; code?: string; retryAfter?: number }
  | { delayMs: number }
  | { until: Promise<unknown> };

export interface ClerkFaultScope {
  /** How many requests; all if left out. */
  times?: number;
  /** How many requests go right first. */
  skip?: number;
  method?: string;
  /** A path, or what it matches. */
  path?: string | RegExp;
}

/** What goes wrong with which requests; the newest that fits is the one. */
export interface ClerkFaults {
  add(fault: ClerkFault, scope?: ClerkFaultScope): void;
  take(request: ClerkRequest): ClerkFault | null;
  clear(): void;
}

export function createClerkFaults(): ClerkFaults {
  let faults: { fault: ClerkFault; scope: ClerkFaultScope; skip: number; left: number }[] = [];
  return {
    add(fault, scope = {}) {
      faults.push({ fault, scope, skip: scope.skip ?? 0, left: scope.times ?? Number.POSITIVE_INFINITY });
    },
    take(request) {
      const found = faults.findLast(({ scope, left }) => left > 0 && fits(scope, request));
      if (!found) return null;
      if (found.skip > 0) {
        found.skip -= 1;
        return null;
      }
      found.left -= 1;
      return found.fault;
    },
    clear() {
      faults = [];
    },
  };
}

const fits = ({ method, path }: ClerkFaultScope, request: ClerkRequest): boolean =>
  (!method || method === request.method) &&
  (!path || (typeof path === 'string' ? path === request.path : path.test(request.path)));

/** What a fault answers in Clerk's place; null where Clerk answers after all, and 'nothing' where nobody does. */
export async function toFaultyAnswer(
  fault: ClerkFault | null,
  response: ServerResponse,
): Promise<ClerkAnswer | 'nothing' | null> {
  if (fault === 'hanging') return 'nothing';
  if (fault === 'reset') {
    response.destroy();
    return 'nothing';
  }
  if (fault === 'proxy-404') return { status: 404, html };
  if (fault === 'portal') return { status: 200, html };
  if (fault && 'status' in fault) return toClerkError(fault);
  if (fault) await ('until' in fault ? fault.until : delay(fault.delayMs));
  return null;
}

const html = '<!doctype html><title>nginx</title>';

const toClerkError = (fault: { status: number; code?: string; retryAfter?: number }): ClerkAnswer => ({
  ...toError(fault.status, fault.code ?? (fault.status === 429 ? 'too_many_requests' : 'internal_clerk_error')),
  ...(fault.retryAfter !== undefined && { headers: { 'retry-after': String(fault.retryAfter) } }),
});
