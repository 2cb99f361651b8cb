import type { Platform } from '../src/platform/platform.ts';
export async function seedDemoUsers(_: Platform) {}
