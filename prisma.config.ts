import { defineConfig } from 'prisma/config';

/** Prisma's command line; the server itself does not read this file. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
