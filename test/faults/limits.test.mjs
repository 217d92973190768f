// Descriptors run out, another program holds the file, the word to stop comes under load, clients are slow, answers and
// uploads are large.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { house, isPostgres, sleep, until } from '../stories/kith.mjs';
import { Doors } from '../crash/doors.mjs';
import { cpuMs, descriptors, peakKb } from './machine.mjs';

const slow = Number(process.env.KITH_TEST_SLOW ?? 1);
const isLong = process.env.KITH_FAULTS === 'long';
const note = (n) => ({ channel: 'email', direction: 'in', source_id: `m${n}`, identities: [{ type: 'email', value: `p${n}@mail.example` }], text: `m${n}` });

// Opens n connections and holds them; those that are refused or cut are let go.
async function crowd(k, n) {
  const at = new URL(k.origin);
  const all = [];
  for (let i = 0; i < n; i++) {
    // from many addresses, so that it is the descriptors that end and not one neighbour's share
    const s = net.connect({ port: Number(at.port), host: at.hostname, localAddress: `127.0.3.${1 + (i % 20)}` });
    s.on('error', () => {});
    s.resume();
    all.push(s);
  }
  await sleep(300);
  return { open: () => all.filter((s) => !s.destroyed && !s.closed).length, leave: () => all.forEach((s) => s.destroy()) };
}

// Share of one core that the process takes while `ms` go by.
async function share(pid, ms) {
  const before = cpuMs(pid);
  await sleep(ms);
  return (cpuMs(pid) - before) / ms;
}

for (const [name, begin] of [
  ['from the start', async (t) => house(t, { wrap: ['prlimit', '--nofile=64:64'] })],
  ['in the middle', async (t) => {
    const k = await house(t);
    execFileSync('prlimit', ['--pid', String(k.process.pid), `--nofile=${descriptors(k.process.pid) + 8}:`]);
    return k;
  }],
]) {
  test(`when descriptors are short ${name}, 200 connections cost no processor, and it serves again when they leave`, async (t) => {
    const k = await begin(t);
    const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
    const many = await crowd(k, 200);

    const used = await share(k.process.pid, 3000);
    many.leave();
    const made = await until(async () => { const a = await api.post('/intake', note(1)).catch(() => undefined); return a?.status === 200 && a; }, { ms: 20000, what: 'an answer' });

    t.diagnostic(`${(used * 100).toFixed(1)} % of a core`);
    assert.ok(used < 0.05 * slow, `it took ${(used * 100).toFixed(1)} % of a core`);
    assert.equal((await api.must(200, 'GET', `/customers/${made.body.customer.id}`)).customer.id, made.body.customer.id);
    assert.equal(k.process.exitCode, null);
  });
}

test('while another program holds the file, writing is answered 503 with Retry-After, reading goes on, and it heals', { skip: isPostgres && 'one file is SQLite\'s' }, async (t) => {
  const k = await house(t);
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  const first = await api.must(200, 'POST', '/intake', note(1));
  // the lock of SQLite's one writer, byte 120 of the shared file
  const holder = spawn('python3', ['-c', `
import fcntl, sys
f = open(sys.argv[1], "r+b")
fcntl.lockf(f, fcntl.LOCK_EX, 1, 120)
print("held", flush=True)
sys.stdin.read()`, path.join(k.data, 'kith.db-shm')], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => holder.kill());
  await new Promise((done) => holder.stdout.once('data', done));

  const end = Date.now() + (isLong ? 30000 : 5000);
  let refused = 0;
  while (Date.now() < end) {
    const all = await Promise.all([2, 3, 4, 5, 6, 7].map((n) => api.post('/intake', note(n))));
    for (const a of all) {
      assert.equal(a.status, 503, a.text);
      assert.ok(Number(a.headers['retry-after']) > 0);
      refused++;
    }
    assert.equal((await api.get(`/customers/${first.customer.id}/card`)).status, 200);
  }
  holder.stdin.end();
  await new Promise((done) => holder.on('exit', done));

  assert.ok(refused >= 6);
  for (const n of [2, 3, 4]) await until(async () => (await api.post('/intake', note(n))).status === 200, { ms: 10000, what: 'the next change' });
  assert.equal((await api.must(200, 'GET', '/customers')).items.length, 4);
});

test('SIGTERM under load answers what it has begun, ends within 10 s, and nothing acknowledged is lost', async (t) => {
  const k = await house(t);
  const doors = await Doors.open(k);
  const lines = (w) => Array.from({ length: 2000 }, (_, n) => note(`${w}-${n}`));
  doors.begin();
  await doors.until(() => doors.intakes.size > 100, { ms: 30000, what: 'some work' });
  const answers = [0, 1, 2].map((w) => doors.api.lines('/bulk/intake', lines(w)));
  const has = () => Number(k.sql("SELECT count(*) FROM interaction WHERE text LIKE 'm_-%'")[0][0]);
  await until(() => has() > 0, { ms: 30000, what: 'the first lines' });

  const from = Date.now();
  const ended = k.stop();
  const bodies = await Promise.all(answers);
  const { code, signal } = await ended;
  const took = Date.now() - from;
  await doors.end();

  assert.deepEqual([code, signal], [0, null], k.log.slice(-500));
  assert.ok(took < 10000 * slow, `it took ${took} ms`);
  const done = [];
  for (const [w, a] of bodies.entries()) {
    assert.equal(a.status, 200, a.text.slice(0, 300));
    assert.equal(a.body.length, 2000); // every line has its answer
    for (const l of a.body) if (l.status === 200) done.push(`m${w}-${l.line - 1}`); else assert.equal(l.status, 503, JSON.stringify(l));
  }
  await k.start();
  const there = new Set(k.sql("SELECT text FROM interaction WHERE text LIKE 'm_-%'").map((r) => r[0]));
  assert.deepEqual(done.filter((m) => !there.has(m)), []);
  await doors.holds();
});

test('slow clients are cut, and nobody else waits for them', async (t) => {
  const k = await house(t);
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  const { customer } = await api.must(200, 'POST', '/intake', note(1));
  const at = new URL(k.origin);
  const n = isLong ? 2000 : 120;
  const begun = [];
  let cut = 0;
  for (let i = 0; i < n; i++) {
    const s = net.connect({ port: Number(at.port), host: at.hostname, localAddress: `127.0.${1 + (i >> 5)}.${1 + (i & 31)}` });
    s.on('error', () => {});
    s.on('close', () => { cut++; clearInterval(s.drip); });
    s.on('data', () => {});
    // some send their header a byte at a time, some their body, some never read what they asked for
    if (i % 3 === 0) s.write('GET /api/v1/state HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    else if (i % 3 === 1) s.write('POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{');
    else { s.pause(); s.write('GET /api/v1/state HTTP/1.1\r\nHost: x\r\n'); }
    s.drip = setInterval(() => s.write('a'), 700);
    begun.push(s);
  }
  t.after(() => begun.forEach((s) => s.destroy()));

  let slowest = 0;
  const end = Date.now() + 4000;
  while (Date.now() < end) {
    const from = process.hrtime.bigint();
    assert.equal((await api.get(`/customers/${customer.id}/card`)).status, 200);
    slowest = Math.max(slowest, Number(process.hrtime.bigint() - from) / 1e6);
    await sleep(20);
  }
  t.diagnostic(`the slowest card beside ${n} slow clients took ${slowest.toFixed(1)} ms`);
  await until(() => cut === n, { ms: 40000, what: `the end of ${n} slow clients (${cut})` });
  assert.equal((await api.post('/intake', note(2))).status, 200);
});

test('a large export and many large uploads go through in little memory', { timeout: 3600000 }, async (t) => {
  const k = await house(t);
  const [customers, uploads, mb] = isLong ? [1000000, 100, 50] : [20000, 6, 20];
  await k.stop();
  await k.run(['demo', '--customers', String(customers), '--json']);
  await k.start();
  const api = await k.token('administrator');
  const owner = await k.token('owner', ['read', 'write', 'intake', 'admin']);

  let rows = 0, bytes = 0;
  const at = new URL(k.origin);
  await new Promise((done, failed) => {
    http.get({ host: at.hostname, port: at.port, path: '/api/v1/customers/export?format=csv', headers: owner.headers('GET') }, (a) => {
      if (a.statusCode !== 200) failed(new Error(`export: ${a.statusCode}`));
      a.on('data', (p) => { bytes += p.length; for (let i = p.indexOf(10); i >= 0; i = p.indexOf(10, i + 1)) rows++; });
      a.on('end', done);
      a.on('error', failed);
    }).on('error', failed);
  });
  assert.ok(rows > customers, `${rows} lines`);
  const afterExport = peakKb(k.process.pid);

  const row = `${'Pat Example,'.padEnd(1000, 'x')}\n`;
  const piece = Buffer.from(row.repeat(1024));
  const upload = () => new Promise((done, failed) => {
    const boundary = 'bbbb';
    const head = Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncustomers\r\n--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\nName\n`);
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    const times = Math.ceil((mb << 20) / piece.length);
    const r = http.request({ method: 'POST', host: at.hostname, port: at.port, path: '/api/v1/imports', agent: false,
      headers: { ...api.headers('POST'), 'Content-Type': `multipart/form-data; boundary=${boundary}`, 'Content-Length': head.length + tail.length + times * piece.length } }, (a) => {
      a.resume();
      a.on('end', () => done(a.statusCode));
    });
    r.on('error', failed);
    r.write(head);
    let i = 0;
    const more = () => {
      while (i < times) { i++; if (!r.write(piece)) { r.once('drain', more); return; } }
      r.end(tail);
    };
    more();
  });
  const statuses = [];
  for (let i = 0; i < uploads;) {
    const some = await Promise.all(Array.from({ length: Math.min(10, uploads - i) }, upload));
    i += some.length;
    statuses.push(...some);
  }
  for (const s of statuses) assert.ok(s === 201 || s === 503 || s === 429, `an upload was answered ${s}`);
  assert.ok(statuses.includes(201));
  const peak = peakKb(k.process.pid);
  t.diagnostic(`${rows} rows, ${bytes >> 20} MB exported: at most ${afterExport >> 10} MB; ${uploads} uploads of ${mb} MB: at most ${peak >> 10} MB resident`);
  if (slow === 1) assert.ok(peak < 256 << 10, `${peak >> 10} MB`); // sanitizers keep a multiple
});
