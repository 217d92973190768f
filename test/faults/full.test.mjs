// The disk is full in the middle of the work: reading goes on, writing is refused with a sentence, nothing acknowledged
// is lost, and when there is room again everything goes on by itself.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bin, house, isPostgres, sleep, until } from '../stories/kith.mjs';
import { Doors } from '../crash/doors.mjs';
import { fileLimit, smallDisk } from './machine.mjs';

const skip = isPostgres && 'PostgreSQL keeps the records on a disk of its own';
const languages = ['en', 'ja', 'zh', 'kk', 'ru'];

// Waits until writing was refused for want of room, and looks at how.
async function isFull(k, doors, events) {
  await doors.until(() => doors.seen.full > 20, { ms: 60000, what: 'a full disk' });
  const told = await events.next('house.state', { ms: 10000 });
  assert.deepEqual(told.body, { store: 'full' });
  assert.match((await k.nobody().get('//readyz')).text, /disk is full/);
  assert.match((await k.nobody().get('//metrics')).text, /^kith_store_full 1$/m);

  const said = new Set();
  for (const lang of languages) {
    // what fits into what was set aside before is taken still
    const a = await until(async () => {
      const one = await doors.api.post(`/customers/${doors.own[1]}/notes`, { text: `full ${lang} ${Math.random()} `.padEnd(9000, 'x') }, { 'Accept-Language': lang });
      return one.status !== 201 && one;
    }, { ms: 20000, what: 'a refusal' });
    assert.equal(a.status, 507, a.text.slice(0, 300));
    assert.match(a.headers['content-type'], /^application\/problem\+json/);
    assert.ok(Number(a.headers['retry-after']) > 0);
    assert.equal(a.body.code, 'no_space');
    said.add(a.body.detail);
  }
  assert.equal(said.size, languages.length, [...said].join(' | '));
  const card = await doors.api.must(200, 'GET', `/customers/${doors.own[0]}/card`);
  assert.ok(card.names ?? card.customer);
  assert.ok((await doors.api.must(200, 'GET', '/customers?limit=50')).items.length > 20);
  assert.ok((await doors.api.must(200, 'GET', '/search?q=own')).items.length > 0);
}

async function hasRoom(k, doors, events) {
  assert.deepEqual((await events.next('house.state', { ms: 15000 })).body, { store: 'fine' });
  const before = { ...doors.acknowledged };
  await doors.until(() => doors.intakes.size > before.intakes + 20 && doors.notes.size > before.notes && doors.orders.size > before.orders + 20
    && doors.actions.size > before.actions && doors.imports.size > before.imports, { ms: 60000, what: 'work at every door again' });
  await doors.end();
  await doors.holds();
  assert.equal((await k.nobody().get('//readyz')).text, 'ready\n');
  await k.stop();
  const checked = await k.command(['check']);
  assert.equal(checked.status, 0, checked.err);
  await k.start(); // and it opens again
}

test('a disk that fills up in the middle of work refuses writing, goes on reading, and everything goes on when there is room', { skip }, async (t) => {
  const disk = smallDisk(t, 128);
  if (!disk) return t.skip('no file system may be mounted here; the next test limits the size of files instead');
  mkdirSync(disk.dir, { mode: 0o700 });
  const k = await house(undefined, { data: disk.dir });
  t.after(async () => { try { await k.end(); } finally { disk.away(); } });
  const doors = await Doors.open(k);
  const events = await doors.api.events();

  doors.begin();
  await doors.until(() => doors.intakes.size > 50 && doors.imports.size > 0, { ms: 30000, what: 'some work' });
  disk.fill();
  await isFull(k, doors, events);
  await sleep(500); // of being refused at every door
  disk.empty();

  await hasRoom(k, doors, events);
});

test('a server that is killed on a full disk opens again with everything acknowledged, as soon as there is room', { skip }, async (t) => {
  const disk = smallDisk(t, 128);
  if (!disk) return t.skip('no file system may be mounted here');
  mkdirSync(disk.dir, { mode: 0o700 });
  const k = await house(undefined, { data: disk.dir });
  t.after(async () => { try { await k.end(); } finally { disk.away(); } });
  const doors = await Doors.open(k);

  doors.begin();
  await doors.until(() => doors.intakes.size > 50 && doors.orders.size > 50, { ms: 30000, what: 'some work' });
  disk.fill();
  await doors.until(() => doors.seen.full > 20, { ms: 60000, what: 'a full disk' });
  await k.kill();
  await doors.end();
  const refused = await k.start().then(() => undefined, (e) => e); // it may open for reading, or say why not
  if (refused) assert.match(String(refused), /No space left on device|full/);
  else await k.stop();
  disk.empty();
  await k.start();

  await doors.holds();
  await k.stop();
  assert.equal((await k.command(['check'])).status, 0);
  await k.start();
});

test('a limit on the size of files is answered as a full disk is, and healed as one', { skip }, async (t) => {
  const k = await house(t);
  const doors = await Doors.open(k);
  const events = await doors.api.events();

  doors.begin();
  await doors.until(() => doors.intakes.size > 50 && doors.imports.size > 0, { ms: 30000, what: 'some work' });
  fileLimit(k.process.pid, 65536);
  await isFull(k, doors, events);
  fileLimit(k.process.pid, 'unlimited');

  await hasRoom(k, doors, events);
});

test('an import and an action for many customers stop on a full disk and go on by themselves', { skip }, async (t) => {
  const k = await house(t);
  const fill = () => fileLimit(k.process.pid, 65536);
  const empty = () => fileLimit(k.process.pid, 'unlimited');
  const isFull = async () => /^kith_store_full 1$/m.test((await k.nobody().get('//metrics')).text);
  const api = await k.token('administrator');
  const manager = await k.token('manager');
  const rows = 5000;
  const upload = (turn) => {
    let text = 'Name,Email,City\n';
    for (let i = 0; i < rows; i++) text += `Pat ${i},pat${turn}-${i}@shop.example,Leeds\n`;
    const body = `--bbbb\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncustomers\r\n--bbbb\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n${text}\r\n--bbbb--\r\n`;
    return api.must(201, 'POST', '/imports', body, { 'Content-Type': 'multipart/form-data; boundary=bbbb' });
  };

  // Fills the disk while a thing is at work, and empties it again; true when it was not quicker than that.
  const stands = async (look, isAtWork, count) => {
    await until(async () => count(await look()) > 0, { ms: 20000, what: 'the first of it' });
    fill();
    await until(async () => !isAtWork(await look()) || await isFull(), { ms: 20000, what: 'a full disk' });
    const before = await look();
    await sleep(1500);
    const after = await look();
    if (isAtWork(before)) assert.deepEqual([after.state, count(after)], [before.state, count(before)]);
    empty();
    await until(async () => !await isFull(), { ms: 15000, what: 'room' });
    return isAtWork(before);
  };

  let stood = false, imported = 0;
  for (let turn = 0; !stood && turn < 4; turn++, imported += rows) {
    const { id } = await upload(turn);
    const look = () => api.must(200, 'GET', `/imports/${id}`);
    await api.must(200, 'POST', `/imports/${id}/run`, {});
    stood = await stands(look, (i) => i.state === 'running', (i) => i.rows);
    const done = await until(async () => { const i = await look(); return i.state === 'done' && i; }, { ms: 60000, what: 'the end of the import' });
    assert.deepEqual([done.rows, done.made, done.rejected], [rows, rows, 0]);
  }
  assert.ok(stood, 'every import was over before the disk was full');

  stood = false;
  for (let turn = 0, city = 'Leeds'; !stood && turn < 4; turn++) {
    const next = `York ${turn}`;
    const made = await manager.must(202, 'POST', '/customers/bulk', { action: 'set', field: 'city', value: next, all: true, where: `city = "${city}"` });
    const look = () => manager.must(200, 'GET', `/bulk-actions/${made.id}`);
    stood = await stands(look, (a) => a.state === 'running', (a) => a.changed);
    const last = await until(async () => { const a = await look(); return a.state !== 'running' && a; }, { ms: 60000, what: 'the end of the action' });
    assert.deepEqual([last.state, last.changed], ['done', imported]);
    city = next;
  }
  assert.ok(stood, 'every action was over before the disk was full');
  assert.equal(Number(k.sql('SELECT max(tries) FROM job')[0][0]), 0); // a full disk is not a job's mistake
  await k.stop();
  assert.equal((await k.command(['check'])).status, 0);
  await k.start();
});

test('a command that meets a full disk says so, and the same command goes on where it stood', { skip }, async (t) => {
  const k = await house(t);
  await k.stop();
  const file = path.join(k.data, 'people.csv');
  const rows = 8000;
  writeFileSync(file, 'Name,Email,City\n' + Array.from({ length: rows }, (_, i) => `Pat ${i},pat${i}@shop.example,Leeds\n`).join(''));
  const run = (limit) => new Promise((done) => {
    const p = spawn('prlimit', [`--fsize=${limit}`, bin, 'import', 'customers', file, ...k.store.args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '';
    p.stdout.on('data', (x) => { out += x; });
    p.stderr.on('data', (x) => { err += x; });
    p.on('close', (status) => done({ status, out, err }));
  });

  const stopped = await run(12 << 20);
  assert.equal(stopped.status, 1, stopped.out);
  assert.match(stopped.err, /^kith: [^\n]*(full|space)[^\n]*$/m);
  const done = await run('unlimited');
  assert.equal(done.status, 0, done.err);
  assert.equal(Number(k.sql('SELECT COUNT(*) FROM customer')[0][0]), rows);
  assert.equal(Number(k.sql("SELECT COUNT(*) FROM identity_value WHERE type = 'email'")[0][0]), rows);
  assert.equal((await k.command(['check'])).status, 0);
  await k.start();
});
