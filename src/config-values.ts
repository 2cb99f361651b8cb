import { createPublicKey } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// How each kind of value is read: what isn't as expected is undefined.

export function oneOf<const Choice extends string>(choices: readonly Choice[]): (raw: string) => Choice | undefined {
  return (raw) => choices.find((choice) => choice === raw);
}

export function matching(pattern: RegExp): (raw: string) => string | undefined {
  return (raw) => (pattern.test(raw) ? raw : undefined);
}

/** A whole number from `least` to `most`, both included. */
export function wholeNumber(least: number, most: number): (raw: string) => number | undefined {
  return (raw) => {
    const value = /^\d{1,9}$/.test(raw) ? Number(raw) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  };
}

/** One wrong or empty item makes the whole list wrong: an `azp` that got lost must never come to mean "any". */
export function listOf<Item>(parse: (raw: string) => Item | undefined, maxLength = 1_000) {
  return (raw: string): Item[] | undefined => {
    const items = raw.split(',').map((item) => parse(item.trim()));
    const right = items.filter((item) => item !== undefined);
    return right.length === items.length && items.length <= maxLength ? right : undefined;
  };
}

/** clamd's own port where none is given. */
export function toHostAndPort(raw: string): { host: string; port: number } | undefined {
  const [, inBrackets, bare, port = '3310'] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(raw) ?? [];
  const host = inBrackets ?? bare;
  return host && Number(port) >= 1 && Number(port) <= 65_535 ? { host, port: Number(port) } : undefined;
}

export function toBaseUrl(raw: string): string | undefined {
  if (!/^https?:\/\/[^\s?#@]+$/i.test(raw) || !URL.canParse(raw)) return undefined;
  return new URL(raw).href.replace(/\/+$/, '');
}

export function toOrigin(raw: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*\\]+$/i.test(raw) || !URL.canParse(raw)) return undefined;
  const { origin } = new URL(raw);
  // Schemes of apps, such as capacitor://localhost: URL knows no origin for them.
  return origin === 'null' ? raw.toLowerCase() : origin;
}

export function toClaim(raw: string) {
  const [, path, value] = /^([^\s=]+)=(.+)$/.exec(raw) ?? [];
  const keys = path?.split('.') ?? [];
  return value && keys.every(Boolean) ? { path: keys, value: value.trim() } : undefined;
}

export function toWebhookSecret(raw: string): string | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(raw)?.[1];
  return encoded && encoded.length % 4 === 0 ? raw : undefined;
}

export function toPublicKey(raw: string): string | undefined {
  const pem = raw.replaceAll('\\n', '\n');
  // From a private key the public one could be made, but a private key has no business here.
  if (!/^-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) return undefined;
  try {
    const key = createPublicKey(pem);
    const isUsual = key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.publicExponent === 65_537n;
    return isUsual ? key.export({ type: 'spki', format: 'pem' }).toString() : undefined;
  } catch {
    return undefined;
  }
}

function toFolder(raw: string): string | undefined {
  if (!/^file:\/\/\/[^?#]+$/i.test(raw) || raw.includes('%00')) return undefined;
  try {
    return resolve(fileURLToPath(raw));
  } catch {
    return undefined;
  }
}

/** Where pictures are kept. */
export type Storage =
  /** The folder is absolute. */
  | { readonly kind: 'disk'; readonly folder: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** Stands before every name, and ends with a slash; empty for none. */
      readonly prefix: string;
      readonly region: string;
      /** Null: Amazon's own for the region. */
      readonly endpoint: string | null;
      /** The bucket stands in the path rather than in the host's name, as most servers other than Amazon's want it. */
      readonly pathStyle: boolean;
      /** Whether who asks for a picture is sent to the bucket, or gets it through this server. */
      readonly delivery: 'redirect' | 'proxy';
    };

export function toStorage(raw: string): Storage | undefined {
  if (raw.toLowerCase().startsWith('s3://')) return toBucket(raw);
  const folder = toFolder(raw);
  return folder === undefined ? undefined : { kind: 'disk', folder };
}

const bucketSettings = ['region', 'endpoint', 'pathStyle', 'delivery'];

function toBucket(raw: string): Storage | undefined {
  // Keys come from AWS_ACCESS_KEY_ID and its kin: in an address they would end up in logs.
  if (!/^s3:\/\/[^\s/?#@]+(\/[^\s?#]*)?(\?[^\s#]*)?$/i.test(raw) || !URL.canParse(raw)) return undefined;
  const { host: bucket, pathname, searchParams: settings } = new URL(raw);
  const endpoint = settings.has('endpoint') ? toBaseUrl(settings.get('endpoint') ?? '') : null;
  const pathStyle = oneOf(['true', 'false'])(settings.get('pathStyle') ?? String(endpoint !== null));
  const delivery = oneOf(['redirect', 'proxy'])(settings.get('delivery') ?? 'proxy');
  const region = settings.get('region') || 'us-east-1';
  const isKnown = [...settings.keys()].every((name) => bucketSettings.includes(name));
  // S3's own rules for the name of a bucket.
  const isNamed = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket);
  // The characters that S3 calls safe; a region becomes part of a host's name.
  const isPlain = /^[\w!.*'()/-]*$/.test(pathname) && /^[a-z0-9-]+$/.test(region);
  if (!isKnown || !isNamed || !isPlain || endpoint === undefined || !pathStyle || !delivery) return undefined;
  const prefix = pathname.replace(/^\/+|\/+$/g, '');
  return {
    kind: 's3',
    bucket,
    prefix: prefix && `${prefix}/`,
    region,
    endpoint,
    pathStyle: pathStyle === 'true',
    delivery,
  };
}
