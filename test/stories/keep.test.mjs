// What keeps the records: checks, backups, the way back; what a kill in the middle leaves.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { house, bin, isPostgres, sleep, until } from './kith.mjs';

const run = (words, { input = '', env = {} } = {}) =>
  new Promise((done) => {
    const p = spawn(bin, words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let out = '', err = '';
    p.stdout.on('data', (d) => { out += d; });
    p.stderr.on('data', (d) => { err += d; });
    p.stdin.on('error', () => {});
    p.stdin.end(input);
    p.on('close', (status, signal) => done({ status, signal, out, err }));
  });

// A place for files of the test.
function place(t) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'kith-keep-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const person = (n) => ({
  channel: 'call', direction: 'in', source_id: `keep-${n}`,
  identities: [{ type: 'phone', value: `+4420794${String(10000 + n).slice(-5)}` }], claims: { name: `Person ${n}` }, text: `call ${n}`,
});

// Writes until told to stop; `acked` counts what was answered.
function load(api) {
  const w = { acked: 0, stops: false, n: 0 };
  const one = async () => {
    while (!w.stops) {
      const a = await api.post('/intake', person(w.n++)).catch(() => null);
      if (a && a.status < 300) w.acked += 1;
    }
  };
  w.over = Promise.all([one(), one(), one()]);
  w.stop = async () => { w.stops = true; await w.over; };
  return w;
}

const keyOf = (k) => `${k.data}.key`;
const customersIn = async (dir, key) => {
  const r = await run(['export', 'customers', '--data', dir, '--format', 'ndjson'], { env: { KITH_KEY_FILE: key } });
  assert.equal(r.status, 0, r.err);
  return r.out.split('\n').filter(Boolean).length;
};

test('a backup made while calls come in is restored with every call that was answered before it began', { skip: isPostgres }, async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'copy.kith'), back = path.join(at, 'back');
  await k.person('owner');
  const w = load(await k.token('owner'));
  await until(() => w.acked > 30, { ms: 20000, what: 'some calls' });
  const before = w.acked;
  const said = JSON.parse(await k.run(['backup', '--to', file, '--json']));
  const after = w.n;
  await w.stop();
  assert.equal(said.bytes, statSync(file).size);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(!existsSync(`${file}.part`) && !existsSync(`${file}.part.check`));
  assert.equal(readFileSync(file).includes('Person 1'), false);

  const r = await run(['restore', '--from', file, '--data', back, '--key-file', keyOf(k)]);
  assert.equal(r.status, 0, r.err);
  assert.match(r.out, /kith release/);
  const found = await customersIn(back, keyOf(k));
  assert.ok(found >= before && found <= after, `${before} <= ${found} <= ${after}`);
  const check = await run(['check', '--data', back], { env: { KITH_KEY_FILE: keyOf(k) } });
  assert.equal(check.status, 0, check.err);
});

test('a backup without a server is the same; one that is damaged, cut or of another key is refused in one sentence', { skip: isPostgres }, async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'copy.kith'), back = path.join(at, 'back');
  await k.person('owner');
  const api = await k.token('owner');
  for (let n = 0; n < 5; n++) await api.must(200, 'POST', '/intake', person(n));
  await k.stop();
  await k.run(['backup', '--to', file]);
  const refused = async (what, why, key = keyOf(k)) => {
    const r = await run(['restore', '--from', what, '--data', back, '--key-file', key]);
    assert.equal(r.status, 1, r.out);
    assert.match(r.err, why);
    assert.equal(r.err.trimEnd().split('\n').length, 1, r.err);
    assert.ok(!existsSync(back) && !existsSync(`${back}.restoring`));
  };
  const unkeyed = await run(['restore', '--from', file, '--data', back], { env: { KITH_KEY_FILE: undefined, KITH_KEY: undefined } });
  assert.equal(unkeyed.status, 1);
  assert.match(unkeyed.err, /^kith: .*copy\.kith is sealed, and there is no key for it: .*--key-file.*--recovery-key-stdin\.\n$/);
  for (const [to, why] of [[at, /is a directory; --to names a file/], ['', /--to is missing/]])
    assert.match((await run(['backup', '--data', k.data, '--to', to])).err, why);
  const bad = path.join(at, 'bad.kith'), size = statSync(file).size;
  copyFileSync(file, bad);
  truncateSync(bad, size - 1);
  await refused(bad, /ends too early/);
  const bytes = readFileSync(file);
  bytes[Math.floor(size / 2)] ^= 1;
  writeFileSync(bad, bytes);
  await refused(bad, /damaged near byte/);
  writeFileSync(bad, 'not a backup of anything at all, but long enough to be looked at');
  await refused(bad, /neither a backup nor an export/);
  const other = path.join(at, 'other.key');
  writeFileSync(other, `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  await refused(file, /key/, other);
  assert.equal((await run(['restore', '--from', file, '--data', k.data, '--key-file', keyOf(k)])).status, 1); // not empty
  assert.equal((await run(['restore', '--from', file, '--data', back, '--key-file', keyOf(k)])).status, 0);
  assert.equal(await customersIn(back, keyOf(k)), 5);
});

test('a backup or a restore that is killed leaves what was there before, or all of the new', { skip: isPostgres }, async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'copy.kith'), back = path.join(at, 'back');
  await k.person('owner');
  const api = await k.token('owner');
  for (let n = 0; n < 20; n++) await api.must(200, 'POST', '/intake', person(n));
  await k.run(['backup', '--to', file]);
  const first = readFileSync(file);
  await k.stop();
  for (const ms of [0, 5, 10, 20, 40, 80, 160]) {
    const p = spawn(bin, ['backup', ...k.store.args, '--to', file], { stdio: 'ignore' });
    const gone = new Promise((done) => p.on('exit', done));
    await sleep(ms);
    p.kill('SIGKILL');
    await gone;
    if (!readFileSync(file).equals(first)) break; // the new one, in place
  }
  for (const ms of [0, 5, 10, 20, 40, 80]) {
    const p = spawn(bin, ['restore', '--from', file, '--data', back, '--key-file', keyOf(k)], { stdio: 'ignore' });
    const gone = new Promise((done) => p.on('exit', done));
    await sleep(ms);
    p.kill('SIGKILL');
    await gone;
    if (!existsSync(back)) continue;
    assert.equal(await customersIn(back, keyOf(k)), 20);
    rmSync(back, { recursive: true });
  }
  assert.equal((await run(['restore', '--from', file, '--data', back, '--key-file', keyOf(k)])).status, 0);
  assert.equal(await customersIn(back, keyOf(k)), 20);
});

test('check says what it looked at, with and without a server, and as JSON', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const api = await k.token('owner');
  for (let n = 0; n < 5; n++) await api.must(200, 'POST', '/intake', person(n));
  const there = JSON.parse(await k.run(['check', '--json']));
  assert.equal(there.sound, true);
  assert.equal(there.damages, 0);
  await k.stop();
  const here = JSON.parse(await k.run(['check', '--json']));
  assert.equal(here.sound, true);
  assert.ok(here.rows > 20);
});

test('a restored or copied store sends nothing until a person releases it; the one it came from goes on', { skip: isPostgres }, async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'copy.kith');
  await k.person('owner', { email: 'o@kith.example' });
  const held = async (h) => (await (await h.logIn('o@kith.example')).get('/session')).body.sending_held;
  assert.equal(await held(k), '');
  await k.run(['backup', '--to', file]);
  const again = async (dir) => {
    const h = await house(t, { data: dir, env: { KITH_KEY_FILE: keyOf(k) } });
    return h;
  };
  const back = path.join(at, 'back');
  assert.equal((await run(['restore', '--from', file, '--data', back, '--key-file', keyOf(k)])).status, 0);
  const r = await again(back);
  assert.equal(await held(r), 'restored');
  await r.stop();
  await r.start({ env: { KITH_KEY_FILE: keyOf(k) } });
  assert.equal(await held(r), 'restored'); // a restart releases nothing
  assert.match(await r.run(['release']), /released/);
  assert.equal(await held(r), '');
  assert.match(await r.run(['release']), /not held/);
  await r.stop();
  await r.start({ env: { KITH_KEY_FILE: keyOf(k) } });
  assert.equal(await held(r), '');

  await k.stop();
  const copied = path.join(at, 'copied');
  cpSync(k.data, copied, { recursive: true });
  const c = await again(copied);
  assert.equal(await held(c), 'copied');
  const agent = await c.person('agent');
  assert.equal((await agent.post('/sending/release')).status, 403);
  assert.equal((await (await c.logIn('o@kith.example')).post('/sending/release')).status, 204);
  assert.equal(await held(c), '');
  await k.start();
  assert.equal(await held(k), '');
});

test('the machine and its key are lost: the backup and the recovery key from paper bring everything back', async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'copy.kith'), back = path.join(at, 'back');
  const recovery = /^kith: {5}((?:[0-9A-Z]{4}-){8}[0-9A-Z]{4})$/m.exec(k.log)[1];
  await k.person('owner', { email: 'o@kith.example' });
  const api = await k.token('owner');
  for (let n = 0; n < 5; n++) await api.must(200, 'POST', '/intake', person(n));
  await k.run(['backup', '--to', file]);
  await k.stop();
  const words = ['restore', '--from', file, '--data', back, '--recovery-key-stdin'];

  const wrong = await run(words, { input: `${'ABCD-'.repeat(8)}ABCD\n` });
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /^kith: [^\n]*recovery key[^\n]*\n$/);
  assert.equal(existsSync(path.join(back, 'kith.db')), false);
  const right = await run(words, { input: `${recovery.toLowerCase().replaceAll('-', ' ')}\n` });
  assert.equal(right.status, 0, right.err);

  assert.notEqual(readFileSync(`${back}.key`, 'utf8'), readFileSync(keyOf(k), 'utf8')); // a key of its own, for the old one is lost
  const checked = await run(['check', '--data', back]);
  assert.equal(checked.status, 0, checked.err);
  assert.equal(await customersIn(back, `${back}.key`), 5);
  assert.match((await run(['user', 'list', '--data', back])).out, /o@kith\.example/);
});

test('a whole installation goes from one store to another: people log in there, customers are there, nothing is sent', async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'all.kith'), there = path.join(at, 'there');
  await k.person('owner', { email: 'o@kith.example' });
  const api = await k.token('owner');
  for (let n = 0; n < 12; n++) await api.must(200, 'POST', '/intake', person(n));
  const said = JSON.parse(await k.run(['export', 'all', '--out', file, '--json']));
  assert.equal(said.bytes, statSync(file).size);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(readFileSync(file).includes('Person 1'), false);
  const r = await run(['import', 'all', file, '--data', there, '--key-file', keyOf(k), '--json']);
  assert.equal(r.status, 0, r.err);
  assert.equal(JSON.parse(r.out).digest, said.digest);
  const check = await run(['check', '--data', there], { env: { KITH_KEY_FILE: keyOf(k) } });
  assert.equal(check.status, 0, check.err);
  assert.equal(await customersIn(there, keyOf(k)), 12);
  const again = await run(['import', 'all', file, '--data', there, '--key-file', keyOf(k)]);
  assert.equal(again.status, 1);
  assert.match(again.err, /not empty/);
  // by pipes, as a stream
  const piped = spawn('sh', ['-c', '"$0" export all - --data "$1" | "$0" import all - --data "$2" --key-file "$3"', bin, there, `${there}2`, keyOf(k)],
    { stdio: 'ignore', env: { ...process.env, KITH_KEY_FILE: keyOf(k) } });
  assert.equal(await new Promise((done) => piped.on('exit', done)), 0);
  assert.equal(await customersIn(`${there}2`, keyOf(k)), 12);
});

test('an import of everything that is killed leaves nothing, or all of it', async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'all.kith'), there = path.join(at, 'there');
  await k.person('owner');
  const api = await k.token('owner');
  for (let n = 0; n < 12; n++) await api.must(200, 'POST', '/intake', person(n));
  await k.run(['export', 'all', file]);
  for (const ms of [10, 40, 80, 160, 320]) {
    const p = spawn(bin, ['import', 'all', file, '--data', there, '--key-file', keyOf(k)], { stdio: 'ignore' });
    const gone = new Promise((done) => p.on('exit', done));
    await sleep(ms);
    p.kill('SIGKILL');
    await gone;
    if (!existsSync(there)) continue;
    assert.equal(await customersIn(there, keyOf(k)), 12);
    rmSync(there, { recursive: true });
  }
  assert.equal((await run(['import', 'all', file, '--data', there, '--key-file', keyOf(k)])).status, 0);
  assert.equal(await customersIn(there, keyOf(k)), 12);
});

test('a backup of PostgreSQL is restored into PostgreSQL and into a directory', { skip: !isPostgres }, async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'copy.kith'), there = path.join(at, 'there');
  await k.person('owner');
  const api = await k.token('owner');
  for (let n = 0; n < 12; n++) await api.must(200, 'POST', '/intake', person(n));
  await k.run(['backup', '--to', file]);
  assert.equal((await run(['restore', '--from', file, '--data', there, '--key-file', keyOf(k)])).status, 0);
  assert.equal(await customersIn(there, keyOf(k)), 12);
  const full = await run(['restore', '--from', file, ...k.store.args, '--key-file', keyOf(k)]);
  assert.equal(full.status, 1); // there is something already
  assert.match(full.err, /not empty|keys of its own/);
});

test('a followed store goes back to any moment, and a kill of the server loses nothing of what the file has', { skip: isPostgres }, async (t) => {
  const at = place(t), to = path.join(at, 'backups'), old = path.join(to, 'kith-20200131T020000Z.kith.part'), fresh = path.join(to, 'kith-20990131T020000Z.kith.part');
  mkdirSync(`${old}.check`, { recursive: true });
  for (const rest of [old, `${old}.check/kith.db`, fresh]) writeFileSync(rest, 'half');
  const k = await house(t, { args: ['--backup-to', to, '--backup-days', '3'] });
  const made = () => (existsSync(to) ? readdirSync(to).filter((n) => /^kith-\d{8}T\d{6}Z\.kith$/.test(n)) : []);
  await until(() => made().length === 1, { ms: 20000, what: 'a backup' });
  await k.person('owner');
  const api = await k.token('owner');
  for (let n = 0; n < 5; n++) await api.must(200, 'POST', '/intake', person(n));
  await sleep(20);
  const between = new Date().toISOString();
  await sleep(20);
  for (let n = 5; n < 9; n++) await api.must(200, 'POST', '/intake', person(n));
  const figures = (await k.nobody().get('//metrics')).text;
  assert.match(figures, /backup_failing 0/);
  await until(() => !existsSync(old) && !existsSync(`${old}.check`), { what: 'what a killed server left is gone' });
  assert.ok(existsSync(fresh)); // of a node that is at it
  await k.stop(); // the last commits are taken in
  const file = path.join(to, made()[0]);
  const back = async (name, ...more) => {
    const dir = path.join(at, name);
    const r = await run(['restore', '--from', file, '--data', dir, '--key-file', keyOf(k), ...more]);
    assert.equal(r.status, 0, r.err);
    return customersIn(dir, keyOf(k));
  };
  assert.equal(await back('then', '--at', between), 5);
  assert.equal(await back('now'), 9);
  const early = await run(['restore', '--from', file, '--data', path.join(at, 'early'), '--key-file', keyOf(k), '--at', '2020-01-01T00:00:00Z']);
  assert.equal(early.status, 1);
  assert.match(early.err, /begins at/);

  await sleep(1100); // names are by the second
  await k.start({ args: ['--backup-to', to] });
  await until(() => made().length === 2, { ms: 20000, what: 'another backup' });
  for (let n = 9; n < 12; n++) await api.must(200, 'POST', '/intake', person(n));
  await k.kill();
  const dir = path.join(at, 'killed');
  const r = await run(['restore', '--from', path.join(to, made()[1]), '--data', dir, '--key-file', keyOf(k)]);
  assert.equal(r.status, 0, r.err);
  const found = await customersIn(dir, keyOf(k));
  assert.ok(found >= 9 && found <= 12, `${found}`);
  assert.equal((await run(['check', '--data', dir], { env: { KITH_KEY_FILE: keyOf(k) } })).status, 0);
});

test('PostgreSQL is backed up each day beside, verified by being taken in', { skip: !isPostgres }, async (t) => {
  const at = place(t), to = path.join(at, 'backups'), there = path.join(at, 'there');
  const k = await house(t, { args: ['--backup-to', to] });
  await until(() => existsSync(to) && readdirSync(to).some((n) => n.endsWith('.kith')), { ms: 30000, what: 'a backup' });
  const file = path.join(to, readdirSync(to).find((n) => n.endsWith('.kith')));
  assert.equal((await run(['restore', '--from', file, '--data', there, '--key-file', keyOf(k)])).status, 0);
  assert.equal(await customersIn(there, keyOf(k)), 0);
});

test('one command goes back: the old store is kept, and a running server keeps its own', { skip: isPostgres }, async (t) => {
  const k = await house(t), at = place(t), file = path.join(at, 'copy.kith');
  t.after(() => readdirSync(path.dirname(k.data)).filter((n) => n.startsWith(`${path.basename(k.data)}.replaced`))
    .forEach((n) => rmSync(path.join(path.dirname(k.data), n), { recursive: true })));
  await k.person('owner');
  const api = await k.token('owner');
  for (let n = 0; n < 4; n++) await api.must(200, 'POST', '/intake', person(n));
  await k.run(['backup', '--to', file]);
  for (let n = 4; n < 9; n++) await api.must(200, 'POST', '/intake', person(n));
  const words = ['restore', '--replace', '--from', file, '--data', k.data, '--key-file', keyOf(k)];
  const busy = await run(words);
  assert.equal(busy.status, 1, busy.out);
  assert.equal((await api.get('/customers?limit=50')).status, 200);
  await k.stop();
  assert.equal(await customersIn(k.data, keyOf(k)), 9);
  for (let n = 0; n < 3; n++) { // in one second
    const r = await run(words);
    assert.equal(r.status, 0, r.err);
    assert.equal(r.err, '');
  }
  assert.equal(await customersIn(k.data, keyOf(k)), 4);
  const old = readdirSync(path.dirname(k.data)).filter((n) => n.startsWith(`${path.basename(k.data)}.replaced`)).sort();
  assert.equal(old.length, 3);
  assert.equal(await customersIn(path.join(path.dirname(k.data), old[0]), keyOf(k)), 9);
  assert.ok(!existsSync(`${k.data}.restoring`));
});
