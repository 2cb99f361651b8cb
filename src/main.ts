import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { inspectConfig, readConfig } from './config.ts';
import { StartError } from './errors.ts';

/** What can be asked of the program; without a name, the server. Each loads its own parts alone: a token needs no server. */
const commands = {
  start: async () => (await import('./commands/start.ts')).start,
  migrate: async () => (await import('./commands/migrate.ts')).migrate,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  seed: async () => (await import('./commands/seed.ts')).seed,
  token: async () => (await import('./commands/token.ts')).printToken,
  'pictures:sweep': async () => (await import('./commands/pictures-sweep.ts')).sweepPictures,
  'users:sync': async () => (await import('./commands/users-sync.ts')).syncUsers,
  'users:import': async () => (await import('./commands/users-import.ts')).importUsersFromFile,
};

/** Ctrl-C reaches npm and this process both, and npm passes it on: one goodbye is enough. */
function onceAskedToStop(stop: () => void): void {
  let isAsked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!isAsked) stop();
      isAsked = true;
    });
  }
}

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const [name = 'start', ...args] = process.argv.slice(2);
  if (!Object.hasOwn(commands, name))
    throw new StartError(`Expected one of ${Object.keys(commands).join(', ')}, and got "${name}".`);
  const command = await commands[name as keyof typeof commands]();
  await command({
    // Read when it is asked for: the doctor looks at variables with which nothing else starts.
    get config() {
      return readConfig(process.env);
    },
    inspectConfig: () => inspectConfig(process.env),
    args,
    print: (line) => process.stdout.write(`${line}\n`),
    terminal: process.stderr.isTTY && process.stdout.isTTY ? process.stderr : undefined,
    onceAskedToStop,
  });
}

// On Node 20 Amazon's client writes to the console, of versions of itself that are yet to come.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// V8 would let what is old grow to several times of what is alive before it looks through it. Little of a server's grows old:
// to look sooner costs nothing that can be measured, and half of its memory is free for others.
setFlagsFromString('--heap-growing-percent=20');

// Whoever read the output may be gone; the server goes on.
process.stdout.on('error', () => undefined);

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(error instanceof StartError ? `${error.message}\n` : `${(error as Error)?.stack ?? error}\n`);
    process.exit(1);
  },
);
