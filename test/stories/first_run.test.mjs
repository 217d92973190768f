// The first run: somebody installs Kith and becomes its owner.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house } from './kith.mjs';

const wanted = (code) => ({
  code, email: 'Olga@kith.example', name: 'Olga', password: 'a lamp beside the river', company: 'Lantern & Thread',
  lang: 'kk', time_zone: 'Asia/Almaty', base_currency: 'KZT', region: 'KZ',
});

test('the console shows a set-up code, and with it the first person becomes the owner, once', async (t) => {
  const k = await house(t);
  const nobody = k.nobody();
  assert.match(k.code, /^[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{2}$/);
  assert.equal((await nobody.get('/state')).body.has_owner, false);

  const wrong = await nobody.post('/setup', wanted('2222-2222-22'));
  assert.equal(wrong.status, 403);
  assert.equal(wrong.body.reason, 'SETUP_CODE');
  assert.equal(wrong.body.field, 'code');

  const done = await nobody.post('/setup', wanted(k.code.toLowerCase().replaceAll('-', ' ')));
  assert.equal(done.status, 200);
  assert.equal(done.body.staff.role, 'owner');
  assert.equal(done.body.staff.email, 'olga@kith.example');
  assert.equal(done.body.company, 'Lantern & Thread');
  assert.equal(done.body.base_currency, 'KZT');
  assert.ok(done.body.can.includes('staff.write'));
  assert.ok(!JSON.stringify(done.body).includes('secret'));
  const cookie = done.headers['set-cookie'].find((c) => c.startsWith('kith='));
  assert.match(cookie, /^kith=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/);

  const state = (await nobody.get('/state')).body;
  assert.deepEqual([state.has_owner, state.company, state.lang], [true, 'Lantern & Thread', 'kk']);
  const again = await nobody.post('/setup', { ...wanted(k.code), email: 'eve@kith.example' });
  assert.equal(again.status, 409);
  assert.equal(again.body.reason, 'SETUP_OVER');
});

test('what the first run is told is checked, and each fault is named', async (t) => {
  const k = await house(t);
  const nobody = k.nobody();
  const wrong = { time_zone: 'Mars/Olympus', base_currency: 'XXQ', region: 'kz', company: ' ', email: 'olga', password: 'short' };
  for (const [field, value] of Object.entries(wrong)) {
    const a = await nobody.post('/setup', { ...wanted(k.code), [field]: value });
    assert.equal(a.status, 422, `${field}: ${a.text}`);
    assert.equal(a.body.field, field);
  }
  assert.equal((await nobody.get('/state')).body.has_owner, false);
});

test('the code of an earlier start does not open the house any more', async (t) => {
  const k = await house(t);
  const old = k.code;
  await k.stop();
  await k.start();
  assert.notEqual(k.code, old);
  assert.equal((await k.nobody().post('/setup', wanted(old))).status, 403);
  assert.equal((await k.nobody().post('/setup', wanted(k.code))).status, 200);
});

test('an owner made by the command ends the first run, and a second start shows no code', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  assert.equal((await owner.get('/session')).body.staff.role, 'owner');
  assert.equal((await k.nobody().get('/state')).body.has_owner, true);
  await k.stop();
  await k.start();
  assert.equal(k.code, undefined);
});
