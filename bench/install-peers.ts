import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Candidate, type CandidateName, candidates } from './candidates.ts';
import { runCommand } from './run-command.ts';
import { say } from './say.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Installs the packages of the bench, once, where one of those who are measured needs them. */
export async function installPeers(names: readonly CandidateName[]): Promise<void> {
  const peers = names.map((name): Candidate => candidates[name]).filter(({ packageName }) => packageName);
  if (peers.length === 0 || (await isThere(new URL('node_modules', import.meta.url)))) return;
  say('Installing the peers, once.');
  // No install script is needed, and Node's version is no mistake: what needs a newer one runs on a newer one.
  await runCommand('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
}

const isThere = (url: URL) =>
  access(url).then(
    () => true,
    () => false,
  );
