import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { uploadProfilePicture } from '../../src/modules/picture/service.ts';
import { createDatabase } from '../../src/platform/database.ts';
import { createDiskStore } from '../../src/platform/disk-store.ts';
import { createImageProcessor } from '../../src/platform/images.ts';
import { createLog } from '../../src/platform/log.ts';

// What of a server an upload goes through once its body is there, in a process of its own that starts in a fraction of the
// time: it uploads pictures of a folder for users, over and over, until it is killed. It says when one begins, and when it
// is acknowledged.

const [connectionString = '', folder = '', images = '', userIds = '', seed = '0'] = process.argv.slice(2);

const deps = {
  db: createDatabase({ connectionString, log: createLog('silent'), poolSize: 3 }),
  images: createImageProcessor(),
  pictures: createDiskStore(folder),
  scanner: null,
  mirrors: { metadata: false, picture: false },
  pictureRetention: { versions: 100_000, deletedDays: 30 },
};

const names = await readdir(images);
const users = userIds.split(',');

async function uploadForEver(turn: number): Promise<never> {
  for (let at = Number(seed) + turn; ; at += 7) {
    const userId = users[at % users.length] ?? '';
    const name = names[(at * 31) % names.length] ?? '';
    const bytes = await readFile(join(images, name));
    process.send?.({ began: true });
    // Another square each time: other files, which nobody else has stored.
    const crop = { left: at % 7, top: Math.floor(at / 7) % 7, size: 57 + (Math.floor(at / 49) % 9) };
    const { id, version } = await uploadProfilePicture(deps, { userId, file: new File([bytes], name), crop });
    process.send?.({ made: { id, version, userId } });
  }
}

// Without whoever counts them there is no sense in more.
process.once('disconnect', () => process.exit());
await Promise.all([0, 1].map(uploadForEver));
