import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signJwt } from '@clerk/backend/jwt';

/** Stands in for Clerk in development: signs tokens that the same code verifies as verifies Clerk's. */
export interface DevelopmentKey {
  /** PEM. */
  publicKey: string;
  /** A session token; it holds for so many seconds. */
  sign(claims: { userId: string; sessionId?: string | undefined }, expiresInS: number): Promise<string>;
}

const fileName = 'development-key.pem';

/** The key pair of this data folder, made when it is first asked for. The folder must be there. */
export async function readDevelopmentKey(dataDir: string): Promise<DevelopmentKey> {
  const privateKey = (await readKey(dataDir)) ?? (await makeKey(dataDir));
  return {
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
    sign: ({ userId, sessionId }, expiresInS) => {
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        sub: userId,
        ...(sessionId && { sid: sessionId }),
        iss: 'visage-development',
        iat: now,
        nbf: now,
      };
      return signJwt({ ...claims, exp: now + expiresInS }, privateKey, {
        algorithm: 'RS256',
        header: { typ: 'JWT', kid: 'development' },
      });
    },
  };
}

async function readKey(dataDir: string): Promise<string | null> {
  try {
    return await readFile(join(dataDir, fileName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Written whole under another name and then linked, so that nobody reads half a key and the first of two writers wins. */
async function makeKey(dataDir: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const draft = join(dataDir, `${fileName}.${randomUUID()}`);
  await writeFile(draft, privateKey, { mode: 0o600 });
  try {
    await link(draft, join(dataDir, fileName));
    return privateKey;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readKey(dataDir)) ?? privateKey;
  } finally {
    await rm(draft, { force: true });
  }
}
