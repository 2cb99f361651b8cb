import { type Flags, readFlags, usage } from './flags.ts';
import { measureGrowth } from './growth.ts';
import { comparePeers } from './peers.ts';
import { compareProcesses } from './processes.ts';
import { say } from './say.ts';
import { soak } from './soak.ts';

const modes: Record<Flags['mode'], (flags: Flags) => Promise<string>> = {
  peers: comparePeers,
  growth: measureGrowth,
  processes: compareProcesses,
  soak,
};

function readFlagsOrExit(): Flags {
  try {
    return readFlags(process.argv.slice(2));
  } catch (error) {
    say(`${(error as Error).message}\n\n${usage}`);
    process.exit(1);
  }
}

// Ctrl-C reaches all processes: the servers and the clients end, so that what waits for them fails, and PostgreSQL is stopped.
process.on('SIGINT', () => say('Stopping.'));

const flags = readFlagsOrExit();
try {
  process.stdout.write(`${await modes[flags.mode](flags)}\n`);
} catch (error) {
  say((error as Error).stack ?? String(error));
  process.exitCode = 1;
}
