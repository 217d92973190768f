// The stream of events: resumed where it broke off, and over when its owner may not see it any more.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { house, isPostgres, sleep, until } from './kith.mjs';

async function rung(t) {
  const k = await house(t);
  const owner = await k.person('owner');
  const anna = await k.person('operator', { name: 'Anna', extensions: ['101'] });
  const link = await owner.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'PBX', region: 'GB' });
  const tell = (event, callId, more = {}) =>
    k.nobody().must(200, 'POST', `/cti/${link.token}`, { event, callId, direction: 'in', user: ['101'], ...more });
  return { k, owner, anna, tell };
}

test('a stream that broke off gets what it missed, rendered anew, without what is over', async (t) => {
  const { anna, tell } = await rung(t);
  const first = await anna.events('call');
  const begun = await first.place();
  await tell('newCall', 'a', { from: '+442079460011' });
  await first.next('call.ringing');
  const lastId = await first.place(begun);
  first.close();

  await tell('newCall', 'b', { from: '+442079460012' });
  await tell('hangup', 'b', { cause: 'noAnswer' });
  await tell('newCall', 'c', { from: '+442079460013' });
  const again = await anna.events('call', lastId);

  assert.equal((await again.next('call.ended')).body.cause, 'noAnswer');
  const ring = (await again.next('call.ringing')).body;
  assert.equal(ring.call.e164, '+442079460013');
  await again.silent('call.ringing', 200);
  assert.ok(!again.seen.some((e) => e.event === 'reset'));
});

test('a ring does not wait for a long transaction of somebody else, and is shown once', { skip: !isPostgres }, async (t) => {
  const { k, anna, tell } = await rung(t);
  const stream = await anna.events('call');
  const begun = await stream.place();
  const slow = spawn('psql', ['-qXAt', k.store.url, '-c', 'BEGIN; SELECT pg_current_xact_id(); SELECT pg_sleep(2); COMMIT'], { stdio: 'ignore' });
  let isOver = false;
  slow.on('exit', () => { isOver = true; });
  const running = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2)%' AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()";
  await until(() => k.sql(running).length, { what: 'the long transaction' });

  await tell('newCall', 'a', { from: '+442079460011' });
  const ring = await stream.next('call.ringing');
  assert.ok(!isOver);
  assert.equal(ring.id, undefined);
  assert.equal(stream.lastId, begun);

  await until(() => isOver);
  await stream.place(begun);
  await tell('hangup', 'a', { cause: 'noAnswer' });
  await stream.next('call.ended');
  assert.deepEqual(stream.seen.filter((e) => e.event === 'call.ringing'), []);
});

test('the place in the stream holds over a restart', async (t) => {
  const { k, anna, tell } = await rung(t);
  const first = await anna.events('call');
  const begun = await first.place();
  await tell('newCall', 'a', { from: '+442079460011' });
  await first.next('call.ringing');
  const lastId = await first.place(begun);
  await tell('newCall', 'b', { from: '+442079460012' });
  await k.stop();
  await k.start();

  const again = await anna.events('call', lastId);
  assert.equal((await again.next('call.ringing')).body.call.e164, '+442079460012');
});

test('a place that is not ours or too long ago gets a reset, and what rings now', async (t) => {
  const { anna, tell } = await rung(t);
  await tell('newCall', 'a', { from: '+442079460011' });
  for (const id of ['9223372036854775806.1', 'nonsense', '-1', '9'.repeat(30)]) {
    const at = await anna.events('call', id);
    await at.next('reset');
    assert.equal((await at.next('call.ringing')).body.call.e164, '+442079460011');
  }
});

test('a browser that is opened while it rings shows the call at once', async (t) => {
  const { anna, tell } = await rung(t);
  await tell('newCall', 'a', { from: '+442079460011' });
  const at = await anna.events('call,queue');
  assert.equal((await at.next('call.ringing')).body.call.e164, '+442079460011');
  assert.equal((await at.next('queue.changed')).body.waiting, 1);
});

test('who takes calls before their rings could be shown sees each card, then the answer', async (t) => {
  const { k, anna, tell } = await rung(t);
  const stream = await anna.events('call');
  const calls = Array.from({ length: 60 }, (_, i) => `q${i}`);
  k.process.kill('SIGSTOP'); // so that ring and answer of a call are taken together
  const told = calls.flatMap((id, i) => [tell('newCall', id, { from: `+4420794600${10 + i}` }), tell('answer', id, { answeringNumber: '101' })]);
  await sleep(300);
  k.process.kill('SIGCONT');
  await Promise.all(told);
  await until(() => stream.seen.filter((e) => e.event === 'call.answered').length === calls.length, { what: 'all answers' });

  const shown = new Set();
  for (const e of stream.seen)
    if (e.event === 'call.ringing') shown.add(e.body.call.id);
    else if (e.event === 'call.answered') assert.ok(shown.has(e.body.id), `${e.body.id} was answered and never shown`);
  assert.equal(shown.size, calls.length);
});

test('the stream ends within a second of log-out, disabling and a new role', async (t) => {
  const { k, owner, anna } = await rung(t);
  const ben = await k.person('operator', { name: 'Ben' });
  const cleo = await k.person('operator', { name: 'Cleo' });
  const streams = await Promise.all([anna, ben, cleo].map((p) => p.events()));
  const stays = await owner.events();
  const begun = Date.now();
  await anna.must(204, 'DELETE', '/session');
  await owner.must(200, 'PATCH', `/staff/${ben.staff.id}`, { is_active: false });
  await owner.must(200, 'PATCH', `/staff/${cleo.staff.id}`, { role: 'branch' });
  for (const s of streams) await s.ended(2500);
  assert.ok(Date.now() - begun < 2500);
  for (const s of streams) assert.ok(s.seen.some((e) => e.event === 'session.ended'));
  assert.equal(stays.isOver, false);
  await sleep(600);
  await assert.rejects(anna.events(), /401/);
});

test('a token’s stream ends when the token does', async (t) => {
  const { k, owner } = await rung(t);
  const made = await owner.ask('POST', '/tokens', { name: 'wall', role: 'manager', scopes: ['read'] });
  assert.ok(made.status < 300, made.text);
  const wall = Object.assign(k.nobody(), { token: made.body.token });
  const at = await wall.events('queue');
  await at.next('queue.changed');
  await owner.must(204, 'DELETE', `/tokens/${made.body.id}`);
  await at.ended(2500);
});

test('who does not answer customers hears of no call, and nobody hears of another desk’s', async (t) => {
  const { k, anna, tell } = await rung(t);
  const marketer = await k.person('marketer', { extensions: ['101'] });
  const branch = await k.person('branch', { extensions: ['101'] });
  const manager = await k.person('manager');
  const atAnna = await anna.events();
  const others = await Promise.all([marketer, branch].map((p) => p.events()));
  const atManager = await manager.events();
  await tell('newCall', 'a', { from: '+442079460011' });
  await atAnna.next('call.ringing');
  await atManager.next('queue.changed', { fits: (b) => b.waiting === 1 });
  await sleep(300);
  for (const s of others) assert.deepEqual(s.seen.filter((e) => /call|queue|task/.test(e.event)), []);
  assert.ok(!atManager.seen.some((e) => e.event.startsWith('call.')));
});

test('changes of a customer are told to those who opened him, not to others', async (t) => {
  const { k, owner, anna } = await rung(t);
  const ben = await k.person('operator', { name: 'Ben' });
  const { customer } = await owner.must(201, 'POST', '/customers', { claims: { name: 'Ann' }, identities: [{ type: 'phone', value: '+442079460011' }] });
  const [atAnna, atBen] = [await anna.events(), await ben.events()];
  await until(async () => {
    await anna.must(200, 'GET', `/customers/${customer.id}/card`);
    await owner.must(200, 'PATCH', `/customers/${customer.id}`, { city: `Leeds ${Date.now()}` });
    await sleep(100);
    return atAnna.seen.some((e) => e.event === 'customer.changed' && e.body.id === customer.id);
  }, { what: 'customer.changed' });
  assert.ok(!atBen.seen.some((e) => e.event === 'customer.changed'));

  const watches = await ben.events(`customer:${customer.id}`);
  await sleep(100);
  await owner.must(200, 'PATCH', `/customers/${customer.id}`, { city: 'York' });
  assert.equal((await watches.next('customer.changed')).body.id, customer.id);
  await assert.rejects(ben.events('weather'), /422/);
  await assert.rejects(ben.events('customer:cus_nobody'), /422/);
});
