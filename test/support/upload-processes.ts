import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

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

/** Compiles `upload-process.ts` into a folder, so that 200 processes start as fast as they can; answers its path. */
export async function compileUploadProcess(folder: string): Promise<string> {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      allowImportingTsExtensions: false,
      rootDir: root,
      outDir: folder,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [],
    files: [join(root, 'test/support/upload-process.ts')],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const compiler = spawn(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(compiler, 'exit');
  if (code !== 0) throw new Error(`tsc ended with ${code}.`);
  return join(folder, 'test/support/upload-process.js');
}

/** Starts one, and answers once its first upload was acknowledged; it goes on with others. */
export async function startUploads(path: string, args: string[]): Promise<UploadProcess> {
  const child = fork(path, args, { execArgv: [], env: { PATH: process.env.PATH } });
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
