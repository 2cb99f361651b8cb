import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import sharp from 'sharp';
import { WebSocket } from 'ws';

/**
 * Does what a newcomer does: clones this repository into an empty folder, installs it, starts it, and uses it as the README
 * says. Ends with `N passed, N failed`, and with exit code 1 if a step failed.
 */

const folder = mkdtempSync(join(tmpdir(), 'visage-newcomer-'));
const clone = join(folder, 'visage');
const readyWithinMs = 20_000;
let passed = 0;

async function step<Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> {
  const startedAt = performance.now();
  const result = await work();
  passed += 1;
  process.stdout.write(`ok  ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)\n`);
  return result;
}

interface Server {
  url: string;
  token: string;
  child: ChildProcess;
}

/** `npm start`, until its output has said where it is and who may sign in. */
async function start(): Promise<Server> {
  const env = { ...process.env, PORT: '0', NODE_ENV: 'development' };
  const child = spawn('npm', ['start'], { cwd: clone, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), readyWithinMs);
  let output = '';
  try {
    return await new Promise<Server>((resolve, reject) => {
      child.stdout.on('data', (chunk) => {
        output += chunk;
        const url = /API\s+(http\S+\/graphql)/.exec(output)?.[1];
        const token = /^eyJ\S+$/m.exec(output)?.[0];
        if (url && token) resolve({ url, token, child });
      });
      child.once('exit', () =>
        reject(new Error(`npm start ended, or took over ${readyWithinMs} ms. It printed:\n${output}`)),
      );
    });
  } finally {
    clearTimeout(timer);
  }
}

async function stop({ child }: Server): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await exited;
  assert.equal(code, 0, 'SIGTERM ends npm start with exit code 0');
}

async function ask({ url, token }: Server, query: string, variables: object = {}) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.deepEqual(errors, undefined);
  return data;
}

async function upload({ url, token }: Server, file: Buffer) {
  const query = `mutation ($file: File!) {
    uploadProfilePicture(file: $file) { __typename ... on ProfilePicture { version url(size: 256) } }
  }`;
  const body = new FormData();
  body.set('operations', JSON.stringify({ query, variables: { file: null } }));
  body.set('map', JSON.stringify({ file: ['variables.file'] }));
  body.set('file', new File([new Uint8Array(file)], 'phone.jpg', { type: 'image/jpeg' }));
  const response = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body });
  const { data } = await response.json();
  assert.equal(data.uploadProfilePicture.__typename, 'ProfilePicture');
  return data.uploadProfilePicture as { version: number; url: string };
}

/** The next picture that arrives in another window. */
function nextPicture({ url, token }: Server, onListening: () => void) {
  const client = createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { token },
    lazy: false,
    on: { connected: onListening },
  });
  const query = 'subscription { profilePictureUpdated { revision picture { version url(size: 256) } } }';
  return new Promise<{ revision: number; picture: { version: number; url: string } }>((resolve, reject) => {
    client.subscribe<{ profilePictureUpdated: { revision: number; picture: { version: number; url: string } } }>(
      { query },
      {
        next: ({ data }) => {
          if (data) resolve(data.profilePictureUpdated);
          void client.dispose();
        },
        error: reject,
        complete: () => undefined,
      },
    );
  });
}

const photo = () =>
  sharp({ create: { width: 1600, height: 1200, channels: 3, background: '#3a7bd5' } })
    .jpeg()
    .withExif({ IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 28/1 38/1' } })
    .toBuffer();

async function use(server: Server) {
  await step('me answers for the demo user', async () => {
    const { me } = await ask(server, '{ me { id displayName imageUrl } }');
    assert.equal(me.id, 'user_demo_ada');
    assert.equal((await fetch(me.imageUrl)).status, 200);
  });
  await step('the profile changes', async () => {
    const query = 'mutation { upsertProfile(input: { bio: "Changed by a newcomer" }) { ... on Profile { bio } } }';
    assert.equal((await ask(server, query)).upsertProfile.bio, 'Changed by a newcomer');
  });
  return step('an uploaded photo arrives in another window, and can be fetched', async () => {
    let listening = () => {};
    const isListening = new Promise<void>((resolve) => {
      listening = resolve;
    });
    const arrival = nextPicture(server, listening);
    await isListening;
    const uploaded = await upload(server, await photo());
    const { picture } = await arrival;
    assert.equal(picture.version, uploaded.version);
    const response = await fetch(picture.url);
    assert.equal(response.headers.get('content-type'), 'image/webp');
    const { width, exif } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
    assert.deepEqual([width, exif], [256, undefined]);
    return uploaded;
  });
}

async function findAgain(server: Server, uploaded: { version: number; url: string }) {
  await step('a second start finds everything', async () => {
    const { me } = await ask(server, '{ me { profile { bio } picture { version url(size: 256) } } }');
    assert.equal(me.profile.bio, 'Changed by a newcomer');
    assert.equal(me.picture.version, uploaded.version);
    assert.equal((await fetch(me.picture.url)).status, 200);
  });
}

const running: Server[] = [];
async function main() {
  await step('clones', () => execFileSync('git', ['clone', '--quiet', process.cwd(), clone]));
  await step('npm ci', () =>
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: clone, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const first = await step('npm start says where it is and who may sign in', start);
  running.push(first);
  const uploaded = await use(first);
  await step('SIGTERM stops the server and its PostgreSQL', async () => {
    await stop(first);
    const pidFile = join(clone, '.data/postgres/data/postmaster.pid');
    assert.throws(() => readFileSync(pidFile), { code: 'ENOENT' });
  });
  const second = await step('npm start, once more', start);
  running.push(second);
  await findAgain(second, uploaded);
  await step('SIGTERM stops it again', () => stop(second));
}

main()
  .then(
    () => process.stdout.write(`${passed} passed, 0 failed\n`),
    (error) => {
      process.stderr.write(`${error.stack}\n`);
      process.stdout.write(`${passed} passed, 1 failed\n`);
      process.exitCode = 1;
    },
  )
  .finally(async () => {
    for (const server of running) if (server.child.exitCode === null) await stop(server);
    rmSync(folder, { recursive: true, force: true });
  });
