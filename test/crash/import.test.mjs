// kill −9 in the middle of an import: it goes on by itself, or by the same command, and each row counts once.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { bin, house, sleep, until } from '../stories/kith.mjs';

// An import of a few seconds has no room for hundreds of kills.
const rounds = Math.min(Number(process.env.KITH_CRASH_ROUNDS || 8), Number(process.env.KITH_CRASH_ROUNDS) > 100 ? 40 : 8);
const rows = 6000;
// Each tenth row is broken; each seventh person comes twice.
function people() {
  let text = 'Name,Email,Phone,City\n';
  for (let i = 1; i <= rows; i++) {
    const who = i % 7 === 0 ? i - 1 : i;
    text += i % 10 === 0 ? `Broken ${i},"open\n` : `Pat ${who},p${who}@shop.example,+4479${String(who).padStart(8, '0')},Leeds\n`;
  }
  return text;
}
function expected() {
  const who = new Set();
  let rejected = 0;
  for (let i = 1; i <= rows; i++) {
    if (i % 10 === 0) rejected += 1;
    else who.add(i % 7 === 0 ? i - 1 : i);
  }
  return { made: who.size, rejected, same: rows - rejected - who.size };
}
function counted(k) {
  const one = (sql) => Number(k.sql(sql)[0][0]);
  const want = expected();
  const [[state, read, made, changed, same, rejected]] = k.sql("SELECT state, read_rows, made, changed, same, rejected FROM import WHERE state <> 'ready'");
  assert.deepEqual([state, ...[read, made, Number(changed) + Number(same), rejected].map(Number)], ['done', rows, want.made, want.same, want.rejected]);
  assert.equal(one('SELECT COUNT(*) FROM customer'), want.made);
  assert.equal(one('SELECT COUNT(*) FROM import_row'), want.made);
  assert.equal(one('SELECT COUNT(*) FROM import_reject'), want.rejected);
  assert.equal(one("SELECT COUNT(*) FROM identity_value WHERE type = 'email'"), want.made);
}

test(`an import goes on after each of ${rounds} kills of the server, and no row counts twice`, { timeout: 600000 }, async (t) => {
  const k = await house(t);
  k.expectsMistakes = true;
  const file = path.join(k.data, 'people.csv');
  writeFileSync(file, people());
  const api = await k.token('administrator');
  const boundary = 'bbbb';
  const body = `--${boundary}\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncustomers\r\n--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n${people()}\r\n--${boundary}--\r\n`;
  const { id } = await api.must(201, 'POST', '/imports', body, { 'Content-Type': `multipart/form-data; boundary=${boundary}` });
  await api.must(200, 'POST', `/imports/${id}/run`, {});
  let before = -1;
  for (let round = 0; round < rounds; round++) {
    await sleep(150 + Math.random() * 500);
    await k.kill();
    await k.start();
    const one = await api.must(200, 'GET', `/imports/${id}`);
    assert.ok(one.rows >= before, `${one.rows} after ${before}`);
    before = one.rows;
    if (one.state === 'done') break;
  }
  await until(async () => (await api.must(200, 'GET', `/imports/${id}`)).state === 'done', { ms: 120000, what: 'the end of the import' });
  counted(k);
});

test('the same command goes on where the one before was killed', { timeout: 600000 }, async (t) => {
  const k = await house(t);
  await k.stop();
  const file = path.join(k.data, 'people.csv');
  writeFileSync(file, people());
  const words = ['import', 'customers', file, ...k.store.args, '--json'];
  let went = 0;
  for (let round = 0; round < rounds; round++) {
    const p = spawn(bin, words, { stdio: 'ignore' });
    const ended = new Promise((done) => p.on('exit', done).on('error', done)); // it may end by itself before it is killed
    await sleep(100 + Math.random() * 400);
    p.kill('SIGKILL');
    await ended;
    went += 1;
  }
  const done = await k.command(['import', 'customers', file, '--json']);
  assert.equal(done.status, 0, done.err);
  assert.ok(went === rounds);
  const all = k.sql("SELECT state, COUNT(*) FROM import GROUP BY state ORDER BY state");
  assert.ok(all.every(([state]) => state === 'done'), JSON.stringify(all));
  const want = expected();
  assert.equal(Number(k.sql('SELECT COUNT(*) FROM customer')[0][0]), want.made);
  assert.equal(Number(k.sql('SELECT MAX(read_rows) FROM import')[0][0]), rows);
  await k.start();
});

test('orders go on where the command was killed, and each counts once', { timeout: 600000 }, async (t) => {
  const k = await house(t);
  await k.stop();
  const file = path.join(k.data, 'orders.csv');
  let text = 'Order number,Date,Email,SKU,Quantity,Price,Currency\n';
  for (let i = 0; i < rows; i++) text += `N${i - (i % 3 === 2 ? 1 : 0)},2026-10-01,p${i % 500}@shop.example,K${i % 9},${i % 10 === 9 ? 'x' : 1},2.50,EUR\n`;
  writeFileSync(file, text);
  const whole = async () => JSON.parse((await k.command(['import', 'orders', file, '--json'])).out);
  const words = ['import', 'orders', file, ...k.store.args, '--json'];
  for (let round = 0; round < rounds; round++) {
    const p = spawn(bin, words, { stdio: 'ignore' });
    const ended = new Promise((done) => p.on('exit', done).on('error', done));
    await sleep(100 + Math.random() * 400);
    p.kill('SIGKILL');
    await ended;
  }
  const done = await whole();
  const again = await whole();
  const one = (sql) => Number(k.sql(sql)[0][0]);
  const numbers = new Map(); // of each order: is one of its rows broken?
  for (const row of text.trim().split('\n').slice(1)) {
    const [n, , , , quantity] = row.split(',');
    numbers.set(n, (numbers.get(n) ?? false) || quantity === 'x');
  }
  const good = [...numbers.values()].filter((is_broken) => !is_broken).length;
  assert.equal(one('SELECT COUNT(*) FROM orders'), good);
  assert.equal(one("SELECT COUNT(*) FROM interaction WHERE channel = 'order'"), good);
  assert.deepEqual([done.rows, done.made + done.same, again.made, again.same, again.rejected], [rows, good, 0, good, done.rejected]);
  await k.start();
});
