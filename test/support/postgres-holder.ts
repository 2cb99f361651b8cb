// A Visage reduced to its embedded PostgreSQL, for tests that kill one: prints how its start went, stays, and prints
// why it has to stop if another takes the folder. Each a line of JSON.
import process from 'node:process';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts';

const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const postgres = await startEmbeddedPostgres({ folder: process.argv[2] ?? '', settings: { fsync: 'off' } });
  tell({ connectionString: postgres.connectionString });
  postgres.lost.then(({ name, message }) => tell({ name, message }));
  process.once('SIGTERM', async () => {
    await postgres.close();
    process.exit(0);
  });
  setInterval(() => undefined, 60_000);
} catch (error) {
  const { name, message } = error as Error;
  tell({ name, message });
}
