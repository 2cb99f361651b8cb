import { fork } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** An upload that was acknowledged. */
export interface Acknowledged {
  id: string;
  version: number;
  userId: string;
}

/** A process that uploads pictures until it is killed. */
export interface UploadProcess {
  /** How long its first upload has taken. */
  uploadMs: number;
  /** Uploads were begun and not acknowledged. */
  isBusy(): boolean;
  /** `kill -9`. Answers what it had acknowledged. */
  kill(): Promise<Acknowledged[]>;
}

/** Makes one file of `upload-process.ts` in a folder, so that 200 processes start as fast as they can; answers its path. */
export async function bundleUploadProcess(folder: string): Promise<string> {
  const outfile = join(folder, 'upload-process.mjs');
  await build({
    entryPoints: [join(root, 'test/support/upload-process.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // What is native, and what is loaded on demand alone.
    external: ['sharp', '@aws-sdk/*'],
    // What is CommonJS in it finds what it had beside it.
    banner: {
      js: `import { createRequire } from 'node:module';
const require = createRequire(${JSON.stringify(join(root, 'package.json'))});
const __dirname = ${JSON.stringify(folder)};`,
    },
  });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  return outfile;
}

/** Nothing is compiled twice, and nothing collected, in the second that it has. */
const forShortLives = [
  '--no-opt',
  '--liftoff-only',
  '--single-threaded-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
];

/** Starts one, and answers once its first upload was acknowledged; it goes on with others. */
export async function startUploads(path: string, args: string[]): Promise<UploadProcess> {
  const child = fork(path, args, { execArgv: forShortLives, env: { PATH: process.env.PATH } });
  const acknowledged: Acknowledged[] = [];
  let begun = 0;
  let beganAt = 0;
  const exited = once(child, 'exit');
  const uploadMs = await new Promise<number>((resolve, reject) => {
    child.on('message', ({ made }: { made?: Acknowledged }) => {
      if (made) acknowledged.push(made);
      else if (begun++ === 0) beganAt = performance.now();
      if (made) resolve(performance.now() - beganAt);
    });
    child.once('exit', (code) => reject(new Error(`It ended with ${code}.`)));
  });
  return {
    uploadMs,
    isBusy: () => begun > acknowledged.length,
    async kill() {
      child.kill('SIGKILL');
      const [code, signal] = await exited;
      if (signal !== 'SIGKILL') throw new Error(`It ended with ${code} before it was killed.`);
      return acknowledged;
    },
  };
}
