import type { Storage } from '../config-values.ts';
import { createDiskStore } from './disk-store.ts';
import type { PictureStore } from './picture-store.ts';
import { createS3Store } from './s3-store.ts';

/** The store that the configuration names. A folder must be there already. */
export const openPictureStore = (storage: Storage): PictureStore =>
  storage.kind === 'disk' ? createDiskStore(storage.folder) : createS3Store(storage);
