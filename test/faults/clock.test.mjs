// The clock of the machine jumps: a day back, a year ahead and back again, over the change of summer time, past 2038.
// Sessions neither live for ever nor all die, ids never go back, and what comes again each day comes once.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { house, isPostgres, sleep, until } from '../stories/kith.mjs';

// Debian's faketime, if it is there; it gets in the way of sanitizers.
const folder = '/usr/lib';
const library = existsSync(folder) && readdirSync(folder).map((d) => path.join(folder, d, 'faketime/libfaketimeMT.so.1')).find((f) => existsSync(f));
const skip = process.env.KITH_TEST_SLOW ? 'a sanitizer and faketime do not go together' : !library && 'the package faketime is not installed';
const day = 86400;

// A house whose clock is ours; jump(seconds) from the true time, or to a date.
async function clocked(t) {
  const k = await house(t);
  await k.stop();
  const rc = path.join(k.data, 'clock');
  const jump = (to) => {
    writeFileSync(`${rc}.new`, typeof to === 'string' ? `@${to}\n` : `${to < 0 ? '-' : '+'}${Math.abs(to)}\n`);
    renameSync(`${rc}.new`, rc);
  };
  const env = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: rc, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', TZ: 'UTC' };
  jump(0);
  await k.start({ env });
  return { k, jump, env };
}

const contact = (n) => ({ channel: 'email', direction: 'in', source_id: `m${n}`, identities: [{ type: 'email', value: `p${n}@mail.example` }], claims: { name: `Pat ${n}` } });

// Answers must go on whatever the clock says.
async function lives(k, api, n) {
  const a = await api.must(200, 'POST', '/intake', contact(n));
  assert.equal((await api.get(`/customers/${a.customer.id}/card`)).status, 200);
  assert.equal((await k.nobody().get('//readyz')).status, 200);
  return a.interaction.id;
}

test('a day back: people stay logged in, new ids are greater than all before, and work goes on', { skip }, async (t) => {
  const { k, jump, env } = await clocked(t);
  const owner = await k.person('owner');
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  const before = await lives(k, api, 1);

  jump(-day);
  const after = await lives(k, api, 2);
  assert.equal((await owner.get('/session')).status, 200);
  assert.ok(after > before, `${after} came after ${before}`); // ids are text in the order of time
  const late = await k.logIn(owner.staff.email);
  assert.equal((await late.get('/session')).status, 200);

  await k.kill(); // and the mark outlives the process
  await k.start({ env });
  const again = await lives(k, api, 3);
  assert.ok(again > after, `${again} came after ${after}`);
  assert.equal((await owner.get('/session')).status, 200);

  jump(0);
  const now = await lives(k, api, 4);
  assert.ok(now > again);
  assert.equal((await owner.get('/session')).status, 200);
});

test('a year ahead and back: old sessions have ended, those begun in the wrong year end with it, and a log-in works at any time', { skip }, async (t) => {
  const { k, jump } = await clocked(t);
  const owner = await k.person('owner');
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  await lives(k, api, 1);

  jump(365 * day);
  const ends = (who, what) => until(async () => (await who.get('/session')).status === 401, { ms: 10000, what }); // what was good is so for half a second
  await ends(owner, 'the end of a session of last year');
  const ahead = await k.logIn(owner.staff.email);
  assert.equal((await ahead.get('/session')).status, 200);
  const stream = await ahead.events();
  await lives(k, api, 2);

  jump(0);
  await ends(ahead, 'the end of a session of next year, which would live for a year');
  await stream.ended(10000);
  const back = await k.logIn(owner.staff.email);
  assert.equal((await back.get('/session')).status, 200);
  await lives(k, api, 3);
});

test('what comes again by the clock comes again after the clock was a year ahead, and a day is turned once', { skip }, async (t) => {
  const { k, jump } = await clocked(t);
  const owner = await k.person('owner');
  await owner.must(200, 'PATCH', '/settings', { base_currency: 'EUR' });
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  const order = (n) => api.must(201, 'POST', '/orders', { number: `n${n}`, identities: [{ type: 'email', value: 'p1@mail.example' }], currency: 'EUR', lines: [{ sku: 'A', name: 'Lamp', quantity: 1, price: 1000 }] });
  await order(1);
  const week = () => Number(k.sql('SELECT orders_7d FROM standing')[0][0]);
  const isWeek = (n, what) => until(() => week() === n, { ms: 15000, what });
  const turned = () => Number(k.sql('SELECT done_day FROM standing_turn')[0]?.[0] ?? 0);
  await isWeek(1, 'an order in the week');
  jump(60); // when it is due
  const first = await until(() => turned(), { ms: 15000, what: 'the first turn' });

  jump(3 * day);
  await until(() => turned() === first + 3, { ms: 15000, what: 'the turn of three days at once' });
  assert.equal(week(), 1);
  jump(2 * day); // yesterday comes once more
  await sleep(1500);
  assert.equal(turned(), first + 3);
  jump(8 * day);
  await isWeek(0, 'the end of the week');
  await until(() => turned() === first + 8, { ms: 15000, what: 'the turn' });

  jump(365 * day);
  await until(() => turned() >= first + 365, { ms: 15000, what: 'the turn of a year' });
  jump(0);
  await order(2);
  await until(() => turned() === first, { ms: 15000, what: 'the true day' });
  await isWeek(2, 'both orders in this week');
  const jobs = () => k.sql("SELECT kind FROM job WHERE state = 'waiting' AND next_ms > " + (Date.now() + 2 * 3600 * 1000)).map((r) => r[0]);
  await until(() => jobs().length === 0, { ms: 15000, what: `an end of waiting for next year (${jobs()})` });
});

test('it serves past 19 January 2038 and through the nights of summer time', { skip }, async (t) => {
  const { k, jump, env } = await clocked(t);
  const owner = await k.person('owner');
  await owner.must(200, 'PATCH', '/settings', { time_zone: 'Europe/Berlin' });
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  let n = 1, last = await lives(k, api, n);
  for (const at of ['2027-03-28 00:59:59', '2027-10-31 00:59:58', '2027-10-31 01:00:01', '2038-01-19 03:14:06', '2038-01-19 03:14:08', '2100-03-01 00:00:00']) {
    jump(at);
    n += 1;
    const next = await lives(k, api, n);
    assert.ok(next > last, `${next} came after ${last} at ${at}`);
    last = next;
    const [made] = (await api.must(200, 'GET', '/customers?limit=1&sort=-created_at')).items;
    assert.ok(made, at);
  }
  assert.match((await api.must(200, 'GET', '/audit')).items[0].at, /^2\d\d\d-/);
  await k.stop();
  await k.start({ env });
  await lives(k, api, 99);
});
