// PostgreSQL goes away in the middle of the work and comes back: stopped, killed, or out of reach on the network.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import net from 'node:net';
import { promisify } from 'node:util';
import { house, isPostgres, sleep, until } from '../stories/kith.mjs';
import { Doors } from '../crash/doors.mjs';

const skip = !isPostgres && 'there is no database but its own file';
const isLong = process.env.KITH_FAULTS === 'long';
const awayMs = isLong ? 30000 : 4000;
const script = new URL('../../tools/postgres.sh', import.meta.url).pathname;
const run = promisify(execFile);

// A cluster of this test's own, which nobody else misses.
async function cluster() {
  const { stdout } = await run(script, ['start'], { env: { ...process.env, KITH_TEST_POSTGRES_BUFFERS: '32MB' } });
  const url = /KITH_TEST_POSTGRES='([^']+)'/.exec(stdout)[1];
  const dir = /KITH_TEST_POSTGRES_DIR='([^']+)'/.exec(stdout)[1];
  const outer = process.env.KITH_TEST_POSTGRES;
  process.env.KITH_TEST_POSTGRES = url;
  const stop = async () => { process.env.KITH_TEST_POSTGRES = outer; await run(script, ['stop', dir]); };
  return { stop, crash: () => run(script, ['crash', dir]), restart: () => run(script, ['restart', dir]) };
}

// While it is away: every door says so in time, the pages are there, and the house lives.
async function isAway(k, doors, events) {
  const from = Date.now();
  const a = await doors.api.post('/intake', { channel: 'email', direction: 'in', source_id: 'away', identities: [{ type: 'email', value: 'away@mail.example' }], text: 'away' });
  assert.equal(a.status, 503, a.text);
  assert.ok(Number(a.headers['retry-after']) > 0);
  assert.ok(Date.now() - from < 15000, 'a refusal came late');
  const read = await doors.api.get(`/customers/${doors.own[0]}/card`);
  assert.equal(read.status, 503, read.text);
  assert.ok(Number(read.headers['retry-after']) > 0);
  assert.equal((await k.nobody().get('//healthz')).status, 200);
  assert.equal((await k.nobody().get('//')).status, 200);
  await until(async () => (await k.nobody().get('//readyz')).status === 503, { ms: 20000, what: 'the word that it is not ready' });
  assert.deepEqual((await events.next('house.state', { ms: 20000 })).body, { store: 'away' });
}

async function isBack(k, doors, events) {
  assert.deepEqual((await events.next('house.state', { ms: 40000 })).body, { store: 'fine' });
  const before = { ...doors.acknowledged };
  await doors.until(() => doors.intakes.size > before.intakes + 10 && doors.notes.size > before.notes && doors.orders.size > before.orders
    && doors.imports.size > before.imports, { ms: 60000, what: 'work at every door again' });
  await until(async () => (await k.nobody().get('//readyz')).status === 200, { ms: 40000, what: 'the word that it is ready' });
  await doors.end();
  await doors.holds();
}

test('PostgreSQL is killed under load and started again: 503 meanwhile, nothing acknowledged is lost, and it goes on by itself', { skip, timeout: 300000 }, async (t) => {
  const pg = await cluster();
  const k = await house(undefined);
  t.after(async () => { try { await k.end(); } finally { await pg.stop(); } });
  const doors = await Doors.open(k);
  const events = await doors.api.events();
  doors.begin();
  await doors.until(() => doors.intakes.size > 50 && doors.imports.size > 0, { ms: 30000, what: 'some work' });

  await pg.crash();
  await isAway(k, doors, events);
  await sleep(awayMs);
  await pg.restart();

  await isBack(k, doors, events);
});

test('PostgreSQL is out of reach, then silent, then back', { skip, timeout: 300000 }, async (t) => {
  const real = new URL(process.env.KITH_TEST_POSTGRES);
  const pairs = new Set();
  let isCut = false, isSilent = false;
  const wire = net.createServer((client) => {
    if (isCut) { client.destroy(); return; }
    const server = net.connect(Number(real.port), real.hostname);
    const pair = [client, server];
    pairs.add(pair);
    const end = () => { pair.forEach((s) => s.destroy()); pairs.delete(pair); };
    for (const [a, b] of [[client, server], [server, client]]) {
      a.on('data', (p) => { if (!isSilent) b.write(p); });
      a.on('error', end);
      a.on('close', end);
    }
  });
  await new Promise((done) => wire.listen(0, '127.0.0.1', done));
  t.after(() => { for (const p of pairs) p.forEach((s) => s.destroy()); wire.close(); });
  const k = await house(undefined);
  t.after(() => k.end());
  await k.stop();
  const through = new URL(k.store.url);
  through.port = wire.address().port;
  const args = k.store.args;
  k.store.args = args.map((w) => (w === k.store.url ? through.href : w));
  await k.start();
  const doors = await Doors.open(k);
  const events = await doors.api.events();
  doors.begin();
  await doors.until(() => doors.intakes.size > 50 && doors.imports.size > 0, { ms: 30000, what: 'some work' });

  isCut = true;
  for (const p of [...pairs]) p.forEach((s) => s.destroy());
  await isAway(k, doors, events);
  await sleep(1000);
  isCut = false;
  await isBack(k, doors, events);

  doors.begin();
  await doors.until(() => doors.intakes.size > 100, { ms: 30000, what: 'some work' });
  const streams = events;
  isSilent = true; // what is sent goes nowhere, and no connection ends
  await until(async () => (await k.nobody().get('//readyz')).status === 503, { ms: 60000, what: 'the word that it is not ready' });
  assert.equal((await k.nobody().get('//healthz')).status, 200);
  isSilent = false;
  for (const p of [...pairs]) p.forEach((s) => s.destroy());
  await until(async () => (await k.nobody().get('//readyz')).status === 200, { ms: 60000, what: 'the return' });
  await doors.end();
  await doors.holds();
  streams.close();
});
