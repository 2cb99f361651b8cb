import { parseArgs } from 'node:util';
import { StartError } from '../errors.ts';
import { prepareFolder } from '../platform/data-folder.ts';
import { readDevelopmentKey } from '../platform/development-key.ts';
import type { CommandContext } from './command.ts';

const secondsIn: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

const usage = 'npm run token -- --user user_demo_ada [--session sess_1] [--expires 1h]';

/** Prints a token that this server's development key signs. */
export async function printToken({ config, args, print }: CommandContext): Promise<void> {
  if (config.isProduction || config.clerk.jwtKey || config.clerk.secretKey) {
    throw new StartError(
      "Tokens are Clerk's to sign here: the development key serves only where no key of Clerk's is given.",
    );
  }
  const { user, session, expires } = readArgs(args);
  await prepareFolder(config.dataDir);
  const key = await readDevelopmentKey(config.dataDir);
  print(await key.sign({ userId: user, sessionId: session }, expires));
}

function readArgs(args: string[]): { user: string; session: string | undefined; expires: number } {
  const { user, session, expires } = parseOrThrow(args);
  if (!user) throw new StartError(`Expected --user. ${usage}`);
  const [, amount, unit = ''] = /^(\d+)([smhd])$/.exec(expires) ?? [];
  if (!amount) throw new StartError(`Expected --expires as 30s, 15m, 1h or 7d, and got "${expires}".`);
  return { user, session, expires: Number(amount) * (secondsIn[unit] ?? 1) };
}

function parseOrThrow(args: string[]) {
  try {
    const options = {
      user: { type: 'string' },
      session: { type: 'string' },
      expires: { type: 'string', default: '1h' },
    } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new StartError(`${(error as Error).message} ${usage}`);
  }
}
