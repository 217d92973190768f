// Coming in and going out: log-in, sessions and their end, requests from other pages, guessing.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, passPhrase, until, sleep } from './kith.mjs';

const cookieOf = (answer, name = 'kith') =>
  answer.headers['set-cookie']?.map((c) => c.split(';')[0]).find((c) => c.startsWith(`${name}=`));

test('a wrong password and an unknown person get the same answer in about the same time', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const time = async (body) => {
    const from = process.hrtime.bigint();
    const a = await k.nobody().post('/session', body);
    return [a, Number(process.hrtime.bigint() - from) / 1e6];
  };
  await time({ email: 'warm@kith.example', password: 'nothing of this is true' });
  const known = [], unknown = [];
  for (let i = 0; i < 5; i++) {
    const [a, ms] = await time({ email: owner.staff.email, password: 'nothing of this is true' });
    const [b, ms2] = await time({ email: `nobody${i}@kith.example`, password: 'nothing of this is true' });
    assert.equal(a.status, 401);
    assert.equal(b.status, 401);
    assert.equal(a.text, b.text);
    known.push(ms);
    unknown.push(ms2);
  }
  const [least, most] = [Math.min(...known), Math.min(...unknown)].sort((x, y) => x - y);
  assert.ok(most < least * 3 + 20, // without the hash it would be a tenth
    `known ${known}, unknown ${unknown}`);
});

test('log-in makes a new secret each time and never takes one that was brought along', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const brought = `kith=${'A'.repeat(43)}`;
  const a = await k.nobody().ask('POST', '/session', { email: owner.staff.email, password: passPhrase }, { Cookie: brought });
  const b = await k.nobody().ask('POST', '/session', { email: owner.staff.email, password: passPhrase }, { Cookie: cookieOf(a) });
  assert.equal(a.status, 200);
  assert.notEqual(cookieOf(a), brought);
  assert.notEqual(cookieOf(a), cookieOf(b));
  assert.equal((await k.nobody().get('/session', { Cookie: brought })).status, 401);
  const hashes = k.sql('SELECT hex(hash) FROM session'.replace('hex(hash)', process.env.KITH_TEST_STORE === 'postgres' ? "encode(hash, 'hex')" : 'hex(hash)'));
  for (const [h] of hashes) assert.equal(h.length, 64);
  assert.ok(!k.log.includes(cookieOf(a).slice(5)));
});

test('log-out ends the session at once and tells the browser to forget', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const out = await owner.delete('/session');
  assert.equal(out.status, 204);
  assert.match(out.headers['clear-site-data'], /"storage"/);
  assert.match(out.headers['set-cookie'].join(), /kith=; .*Max-Age=0/);
  await until(async () => (await owner.get('/session')).status === 401, { ms: 1000, what: 'the end of the session' });
  assert.equal((await owner.get('/session')).body.reason, 'GATE_SESSION_UNKNOWN');
});

test('sessions are listed and ended one by one; those of others are not found', async (t) => {
  const k = await house(t);
  const one = await k.person('operator');
  const other = await k.person('operator');
  const two = await k.logIn(one.staff.email);
  const list = (await one.get('/sessions')).body.items;
  assert.equal(list.length, 2);
  assert.deepEqual(list.map((s) => s.is_current), [false, true]);
  assert.equal(list[0].peer, '127.0.0.1');
  assert.equal((await other.delete(`/sessions/${list[0].id}`)).status, 404);
  assert.equal((await one.delete(`/sessions/${list[0].id}`)).status, 204);
  await until(async () => (await two.get('/session')).status === 401, { ms: 1000, what: 'the end of the other session' });
  assert.equal((await one.get('/session')).status, 200);
});

test('a new password ends the other sessions, and wants the old one', async (t) => {
  const k = await house(t);
  const me = await k.person('agent');
  const elsewhere = await k.logIn(me.staff.email);
  const wrong = await me.post('/me/password', { old: 'not the right one', new: 'the tall green heron' });
  assert.equal(wrong.status, 422);
  assert.equal(wrong.body.field, 'old');
  assert.equal((await me.post('/me/password', { old: passPhrase, new: 'the tall green heron' })).status, 204);
  await until(async () => (await elsewhere.get('/session')).status === 401, { ms: 1000, what: 'the end of the other session' });
  assert.equal((await me.get('/session')).status, 200);
  assert.equal((await k.nobody().post('/session', { email: me.staff.email, password: passPhrase })).status, 401);
  await k.logIn(me.staff.email, 'the tall green heron');
});

test('who is shut out, gets another role or another password is out within a second', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  for (const change of [{ is_active: false }, { role: 'agent' }, { password: 'the tall green heron' }]) {
    const one = await k.person('operator');
    assert.equal((await one.get('/session')).status, 200);
    assert.equal((await owner.patch(`/staff/${one.staff.id}`, change)).status, 200);
    await until(async () => (await one.get('/session')).status === 401, { ms: 1000, what: `the end after ${JSON.stringify(change)}` });
  }
  const token = await k.token('manager');
  assert.equal((await token.get('/staff')).status, 200);
  const [listed] = (await owner.get('/tokens')).body.items;
  assert.ok(!('token' in listed));
  assert.equal((await owner.delete(`/tokens/${listed.id}`)).status, 204);
  await until(async () => (await token.get('/staff')).status === 401, { ms: 1000, what: 'the end of the token' });
  assert.equal((await owner.delete(`/tokens/${listed.id}`)).status, 404);
});

test('a token with an end stops there, and an end in the past is refused', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const past = await owner.post('/tokens', { name: 'p', role: 'agent', scopes: ['read'], expires_at: '2001-01-01T00:00:00Z' });
  assert.equal(past.status, 422);
  assert.equal(past.body.field, 'expires_at');
  const soon = new Date(Date.now() + 1500).toISOString();
  const made = await owner.must(201, 'POST', '/tokens', { name: 'p', role: 'agent', scopes: ['read'], expires_at: soon });
  const api = k.nobody();
  api.token = made.token;
  assert.equal((await api.get('/settings')).status, 200);
  await sleep(2200);
  assert.equal((await api.get('/settings')).status, 401);
});

test('a request that another page makes a browser send is refused for every row that changes something', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const doc = (await k.nobody().get('/openapi.json')).body;
  const before = JSON.stringify(k.sql('SELECT id, version FROM staff ORDER BY id'));
  const evil = [
    { Origin: 'https://evil.example', 'X-Kith': '1' },
    { Origin: 'null', 'X-Kith': '1' },
    { Origin: null, 'X-Kith': '1' },
    { Origin: k.origin, 'X-Kith': null },
    { Origin: `${k.origin}.evil.example`, 'X-Kith': '1' },
    { Origin: k.origin, 'X-Kith': '1', 'Sec-Fetch-Site': 'cross-site' },
    { Origin: null, 'X-Kith': null, 'Content-Type': 'text/plain' },
  ];
  let tried = 0;
  for (const [path, methods] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(methods)) {
      if (method === 'get' || op.security.length === 0) continue;
      for (const headers of evil) {
        const target = `/${path.replace(/\{\w+\}/g, 'cus_00000000000000')}`;
        const a = await owner.ask(method.toUpperCase(), target, ['delete'].includes(method) ? undefined : '{}', headers);
        assert.equal(a.status, 403, `${method} ${path} ${JSON.stringify(headers)}: ${a.text}`);
        assert.equal(a.body.reason, 'GATE_ELSEWHERE');
        tried += 1;
      }
    }
  assert.ok(tried > 60);
  assert.equal((await owner.get('/session')).status, 200);
  assert.equal(JSON.stringify(k.sql('SELECT id, version FROM staff ORDER BY id')), before);
});

test('another page cannot log a browser in, and a form is no JSON', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const body = { email: owner.staff.email, password: passPhrase };
  const foreign = await k.nobody().post('/session', body, { Origin: 'https://evil.example' });
  assert.equal(foreign.status, 403);
  const plain = await k.nobody().ask('POST', '/session', JSON.stringify(body), { 'Content-Type': 'text/plain' });
  assert.equal(plain.status, 415);
  const form = await k.nobody().ask('POST', '/session', `email=${body.email}&password=x`, { 'Content-Type': 'application/x-www-form-urlencoded' });
  assert.equal(form.status, 415);
});

test('guessing is slowed by account and by network, and the true owner still gets in', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner'); // this browser has been here before
  const email = owner.staff.email;
  const seen = { 401: 0, 429: 0 };
  const guess = async (from, who = email, headers = {}) => {
    const a = await k.nobody(from).post('/session', { email: who, password: `a wrong guess ${Math.random()}` }, headers);
    seen[a.status] = (seen[a.status] ?? 0) + 1;
    if (a.status === 429) assert.ok(Number(a.headers['retry-after']) >= 1, a.text);
    return a.status;
  };
  // one network, with forged addresses in front of it
  for (let i = 0; i < 30; i++) await guess('127.0.0.2', email, { 'X-Forwarded-For': `203.0.113.${i}` });
  assert.ok(seen[401] <= 10 && seen[429] >= 20, JSON.stringify(seen));
  // many networks, one account
  for (let i = 0; i < 120; i += 6) await Promise.all([0, 1, 2, 3, 4, 5].map((n) => guess(`127.0.1.${i + n}`)));
  assert.ok(seen[429] >= 50, JSON.stringify(seen));
  // one network, many accounts
  let stopped = 0;
  for (let i = 0; i < 80 && !stopped; i += 8)
    for (const s of await Promise.all([...Array(8).keys()].map((n) => guess('127.0.3.1', `p${i + n}@kith.example`)))) stopped += s === 429;
  assert.ok(stopped > 0, JSON.stringify(seen));
  assert.ok(Object.keys(seen).every((s) => ['401', '429', '503'].includes(s)), JSON.stringify(seen));

  while ((await guess('127.0.2.1')) !== 429) { /* its own guesses are used up too */ }
  const forged = await k.nobody('127.0.2.1').post('/session', { email, password: passPhrase }, { Cookie: `kith-device=${'B'.repeat(43)}` });
  assert.equal(forged.status, 429);
  const device = owner.cookie.split('; ').find((c) => c.startsWith('kith-device='));
  const back = await k.logIn(email, passPhrase, { from: '127.0.2.1', cookie: device });
  assert.equal((await back.get('/session')).status, 200);
});

test('many log-ins at once run few hashes at a time and the rest of the house goes on', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const slow = [...Array(100).keys()].map((i) => k.nobody(`127.0.${i}.7`).post('/session', { email: `x${i}@kith.example`, password: 'a wrong guess again' }));
  const from = Date.now();
  let answered = 0;
  for (let i = 0; i < 50; i++) answered += (await owner.get('/settings')).status === 200;
  assert.equal(answered, 50);
  assert.ok(Date.now() - from < 5000);
  const got = await Promise.all(slow);
  for (const a of got) assert.ok([401, 503].includes(a.status), a.text);
  assert.ok(got.some((a) => a.status === 503) && got.every((a) => a.status === 401 || a.headers['retry-after']));
  const peak = /^kith_resident_bytes (\d+)/m.exec((await k.nobody().get('//metrics')).text)[1];
  assert.ok(Number(peak) < 300e6, `${peak} bytes`);
});

test('passwords that everybody guesses are refused, others of twelve characters are taken', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner', { name: 'Olga Petrova' });
  await owner.must(200, 'PATCH', '/settings', { company: 'Lantern Thread' });
  await sleep(1100);
  const tryOne = (password) => owner.post('/staff', { email: `p${Math.random()}@kith.example`, name: 'Pavel Sokolov', role: 'agent', password });
  for (const bad of ['short', 'elevenchars', 'passwordpassword', 'Password12345!', 'qwertyuiop12', '123456789012', 'aaaaaaaaaaaaaaa',
    'lanternthread1', 'SokolovPavel2024', 'iloveyou-iloveyou', 'abcdefghijklmnop', 'kithkithkith99', 'x'.repeat(1025)]) {
    const a = await tryOne(bad);
    assert.equal(a.status, 422, `${bad.slice(0, 40)}: ${a.text}`);
    assert.equal(a.body.field, 'password');
  }
  for (const good of [passPhrase, 'sturdy lamp river 7', 'Ein Fuchs im Nebel', '朝の海に浮かぶ白い舟と月', 'Тихий ветер над полем', 'm3Vq-zzt9-RRbw', 'y'.repeat(3) + 'Gf7 river'.repeat(60)]) {
    const a = await tryOne(good);
    assert.equal(a.status, 201, `${good.slice(0, 40)}: ${a.text}`);
  }
});

test('language, theme and the rest are one\'s own, and sentences come in that language', async (t) => {
  const k = await house(t);
  const me = await k.person('operator');
  const after = await me.must(200, 'PATCH', '/me', { lang: 'ja', theme: 'dark', text_size: 125, has_keys: false, has_sound: false, is_ready: false });
  assert.deepEqual([after.staff.lang, after.staff.theme, after.staff.text_size, after.staff.has_keys, after.staff.has_sound, after.staff.is_ready],
    ['ja', 'dark', 125, false, false, false]);
  assert.equal((await me.must(200, 'GET', '/attributes')).items.find((a) => a.name === 'city').label, '市区町村', 'what is asked next is answered in it');
  assert.equal((await me.patch('/me', { theme: 'neon' })).body.title, '受け付けられません');
  assert.equal((await me.patch('/me', { text_size: 151 })).body.field, 'text_size');
  for (const [lang, title] of [['ru-RU,ru;q=0.9', 'Сначала войдите'], ['zh-CN', '请先登录'], ['kk', 'Алдымен кіріңіз'], ['de, en;q=0.5', 'Log in first'], ['xx', 'Log in first']])
    assert.equal((await k.nobody().get('/session', { 'Accept-Language': lang })).body.title, title);
});

test('an open stream of events ends within a second of its session', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const ends = {
    'log-out': (one) => one.delete('/session'),
    'shutting out': (one) => owner.patch(`/staff/${one.staff.id}`, { is_active: false }),
    'another role': (one) => owner.patch(`/staff/${one.staff.id}`, { role: 'agent' }),
  };
  for (const [name, end] of Object.entries(ends)) {
    const one = await k.person('operator');
    const events = await one.events();
    await sleep(100);
    assert.ok(!events.isOver);
    assert.ok((await end(one)).status < 300);
    await events.ended(1000).catch(() => assert.fail(`the stream outlived ${name}`));
  }
});

test('a session that comes from another network is noted and shown to its owner', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const one = await k.person('operator');
  const thief = k.nobody('127.0.7.7');
  thief.cookie = one.cookie;
  for (let i = 0; i < 20; i++) assert.equal((await thief.get('/settings')).status, 200);
  await until(async () => (await owner.get('/audit')).body.items.some((l) => l.action === 'session.moved' && l.actor.id === one.staff.id), { what: 'the note' });
  await until(async () => (await one.get('/sessions')).body.items[0].peer === '127.0.7.7', { what: 'the address' });
  await one.get('/settings');
  await sleep(1200);
  for (let i = 0; i < 10; i++) await Promise.all([thief.get('/settings'), one.get('/settings')]);
  const notes = (await owner.get('/audit?limit=100')).body.items.filter((l) => l.action === 'session.moved');
  assert.ok(notes.length >= 1 && notes.length <= 5, `${notes.length} notes`);
  assert.match(k.log, /event=session\.moved/);
});
