import { Webhook } from 'standardwebhooks';
import { randomId } from './app.ts';
import type { ClerkUserJson } from './clerk-users.ts';
import { type Reply, read } from './http.ts';

/** A webhook as Clerk sends it: again and again with the same id, until it is taken. */
export interface ClerkDelivery {
  /** The svix-id header. */
  id: string;
  type: string;
  /** What is signed, byte for byte. */
  body: string;
}

/** How a delivery differs from one that is right. */
export interface DeliveryOptions {
  /** Whose signatures it bears; more than one while a secret is rotated. Clerk's own if left out. */
  secrets?: string[];
  /** When it was signed; now if left out. */
  at?: Date;
  /** Headers instead of the right ones; null leaves one out. */
  headers?: Record<string, string | null>;
  /** Sent in place of what was signed. */
  body?: string;
}

/** A server, by its `fetch` or by its address. */
export type WebhookTarget = { fetch(request: Request): Promise<Response> } | string;

export const webhookPath = '/api/webhooks/clerk';

/** Any event of Clerk's, in the shape that Clerk gives it. */
export function toDelivery(type: string, data: object, at = new Date()): ClerkDelivery {
  const event = {
    data,
    event_attributes: { http_request: { client_ip: '203.0.113.7', user_agent: 'Mozilla/5.0' } },
    instance_id: 'ins_stand_in',
    object: 'event',
    timestamp: at.getTime(),
    type,
  };
  return { id: `msg_${randomId()}`, type, body: JSON.stringify(event) };
}

/** What is left of a user in the event of their deletion. */
export const toDeleted = ({ id }: Pick<ClerkUserJson, 'id'>) => ({ deleted: true, id, object: 'user' });

/** Signs the delivery as Svix does, and posts it. */
export async function deliver(
  target: WebhookTarget,
  delivery: ClerkDelivery,
  { secrets = [], at = new Date(), headers = {}, body = delivery.body }: DeliveryOptions,
): Promise<Reply> {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(delivery.id, at, delivery.body));
  const all: Record<string, string | null> = {
    'content-type': 'application/json',
    'user-agent': 'Svix-Webhooks/1.24.0',
    'svix-id': delivery.id,
    'svix-timestamp': String(Math.floor(at.getTime() / 1000)),
    'svix-signature': signatures.join(' '),
    ...headers,
  };
  const sent = Object.entries(all).filter((header): header is [string, string] => header[1] !== null);
  const base = typeof target === 'string' ? target : 'http://visage.test';
  const request = new Request(new URL(webhookPath, base), { method: 'POST', headers: sent, body });
  return read(await (typeof target === 'string' ? fetch(request) : target.fetch(request)));
}
