import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a command to its end and shows what it complains of. Throws if it fails. */
export async function runCommand(
  command: string,
  args: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<void> {
  const env = { ...process.env, ...options.env };
  const child = spawn(command, args, { cwd: options.cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`Expected "${command} ${args.join(' ')}" to succeed, and its exit code is ${code}.`);
}
