// The main job: a call comes in, and the caller's card is on the desk that rings before anybody answers.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, sleep, until } from './kith.mjs';

// A house with an owner, two operators at their telephones and a telephone system.
async function desks(t, region = 'GB') {
  const k = await house(t);
  const owner = await k.person('owner');
  const anna = await k.person('operator', { name: 'Anna', extensions: ['101'] });
  const ben = await k.person('operator', { name: 'Ben', extensions: ['102'] });
  const link = await owner.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'PBX', region });
  const nobody = k.nobody();
  const tell = async (event) => {
    const a = await nobody.post(`/cti/${link.token}`, event);
    assert.equal(a.status, 200, a.text);
    return a.body;
  };
  let n = 0;
  const ring = async (from, user = ['101'], more = {}) => {
    n += 1;
    await tell({ event: 'newCall', callId: `call-${n}`, from, to: '+442079460000', direction: 'in', user, ...more });
    return `call-${n}`;
  };
  return { k, owner, anna, ben, link, nobody, tell, ring };
}

const newCustomer = (asker, name, number, more = {}) =>
  asker.must(201, 'POST', '/customers', { claims: { name, ...more }, identities: [{ type: 'phone', value: number }] }).then((b) => b.customer.id);

test('a ring in Zammad’s form reaches only the desk it rings: as JSON, as a form with repeated user[], and by GET', async (t) => {
  const { anna, ben, nobody, link } = await desks(t);
  const [atAnna, atBen] = [await anna.events('call'), await ben.events('call')];

  const json = { event: 'newCall', callId: 'j', from: '+442079460018', to: '+442079460000', direction: 'in', user: ['101', 'Nobody'], strange: 1 };
  assert.equal((await nobody.post(`/cti/${link.token}`, json)).text, '{}');
  assert.equal((await atAnna.next('call.ringing')).body.call.e164, '+442079460018');

  const form = 'event=newCall&call_id=f&from=%2B442079460019&to=x&direction=in&user[]=999&user%5B%5D=101&queue=sales';
  const asForm = await nobody.post(`/cti/${link.token}`, form, { 'Content-Type': 'application/x-www-form-urlencoded' });
  assert.deepEqual([asForm.status, asForm.text], [200, '{}']);
  const second = (await atAnna.next('call.ringing')).body;
  assert.deepEqual([second.call.e164, second.call.queue], ['+442079460019', 'sales']);

  const byGet = await nobody.get(`/cti/${link.token}?event=newCall&callid=g&from=%2B442079460020&direction=in&user=Anna`);
  assert.deepEqual([byGet.status, byGet.text], [200, '{}']);
  assert.equal((await atAnna.next('call.ringing')).body.call.e164, '+442079460020');

  await atBen.silent('call.ringing');
});

test('a known caller’s whole card is there at the ring, and the same comes by request', async (t) => {
  const { anna, owner, ring } = await desks(t);
  const id = await newCustomer(owner, '田中愛子', '+819012345678', { reading: 'たなか あいこ', language: 'ja' });
  const at = await anna.events('call');

  await ring('0081 90-1234-5678');

  const { call, card, intake } = (await at.next('call.ringing')).body;
  assert.deepEqual(call.customer, { id, name: '田中愛子', name_lang: 'ja', kind: 'person', lang: 'ja' });
  assert.equal(card.customer.id, id);
  assert.equal(card.greeting.lang, 'ja');
  assert.match(card.greeting.text, /様/);
  assert.equal(intake, null);
  const again = await anna.must(200, 'GET', `/calls/${call.id}`);
  assert.deepEqual(again.card.customer, card.customer);
  assert.equal(again.call.state, 'ringing');
});

test('the desk that answers keeps the call and the others lose it; the end is told where it was answered', async (t) => {
  const { anna, ben, ring, tell } = await desks(t);
  const [atAnna, atBen] = [await anna.events('call'), await ben.events('call')];

  const callId = await ring('+442079460018', ['101', '102']);
  const { call } = (await atAnna.next('call.ringing')).body;
  await atBen.next('call.ringing');
  await tell({ event: 'answer', callId, user: 'Ben', answeringNumber: '102' });

  assert.equal((await atAnna.next('call.answered')).body.staff.name, 'Ben');
  assert.equal((await atBen.next('call.answered')).body.id, call.id);
  await tell({ event: 'hangup', callId, cause: 'normalClearing' });
  assert.equal((await atBen.next('call.ended')).body.cause, 'normalClearing');
  await atAnna.silent('call.ended');
  assert.equal((await ben.must(200, 'GET', `/calls/${call.id}`)).call.staff.name, 'Ben');
});

test('an answer that comes first brings the card with it', async (t) => {
  const { anna, owner, tell } = await desks(t);
  const id = await newCustomer(owner, 'Ann Lee', '+442079460018');
  const at = await anna.events('call');

  await tell({ event: 'answer', callId: 'x', from: '+442079460018', direction: 'in', user: '101' });

  assert.equal((await at.next('call.ringing')).body.card.customer.id, id);
  await at.next('call.answered');
});

test('an unknown caller becomes a customer while he talks, and the next call shows him with the note of the first', async (t) => {
  const { anna, ring, tell, k } = await desks(t);
  const at = await anna.events('call');
  const first = await ring('+442079460018');
  const { call, card, intake } = (await at.next('call.ringing')).body;
  assert.equal(card, null);
  assert.equal(intake.country, 'GB');
  assert.equal(intake.say.name, 'May I have your name, please?');
  await tell({ event: 'answer', callId: first, user: '101' });

  for (const name of ['Pet', 'Peter L', 'Peter Lane'])
    await anna.must(200, 'PUT', `/calls/${call.id}/draft`, { name, reason: 'parcel' });
  assert.equal((await anna.must(200, 'GET', `/calls/${call.id}`)).call.draft.name, 'Peter Lane');

  const made = await anna.must(200, 'POST', `/calls/${call.id}/customer`, { name: 'Peter Lane', reason: 'parcel', email: 'peter@lane.example', city: 'Leeds' });
  assert.equal(made.customer.is_new, true);
  assert.equal(made.card.customer.name, 'Peter Lane');
  assert.equal(made.call.customer.id, made.customer.id);
  await anna.must(200, 'PATCH', `/calls/${call.id}`, { note: 'the parcel was left with a neighbour' });
  await tell({ event: 'hangup', callId: first });
  assert.equal(k.sql('SELECT COUNT(*) FROM customer')[0][0], '1');
  assert.equal(k.sql("SELECT COUNT(*) FROM interaction WHERE channel = 'call'")[0][0], '1');

  await ring('+44 20 7946 0018');
  const second = (await at.next('call.ringing', { fits: (b) => b.call.id !== call.id })).body;
  assert.equal(second.call.customer.id, made.customer.id);
  assert.equal(second.call.is_second, true);
  assert.equal(second.card.last_call.note, 'the parcel was left with a neighbour');
  assert.equal(second.card.last_call.is_today, true);
});

test('what an unknown caller said before anybody knew him is on his record afterwards, and so is his call-back', async (t) => {
  const { anna, ring, tell } = await desks(t);
  const at = await anna.events('call');
  const first = await ring('+442079460018');
  const before = (await at.next('call.ringing')).body.call;
  await tell({ event: 'answer', callId: first, user: '101' });
  await anna.must(200, 'PATCH', `/calls/${before.id}`, { note: 'asked for opening hours' });
  await tell({ event: 'hangup', callId: first });
  const missed = await ring('+442079460018');
  await at.next('call.ringing');
  await tell({ event: 'hangup', callId: missed, cause: 'noAnswer' });

  const again = await ring('+442079460018');
  const { call, intake } = (await at.next('call.ringing')).body;
  assert.deepEqual(intake.earlier.map((e) => e.note), ['', 'asked for opening hours']);
  const made = await anna.must(200, 'POST', `/calls/${call.id}/customer`, { name: 'Peter Lane' });
  const open = (await anna.must(200, 'GET', '/tasks?view=open')).items;
  assert.deepEqual(open.map((x) => x.customer?.id), [made.customer.id]);
  await tell({ event: 'answer', callId: again, user: '101' });

  const calls = (await anna.must(200, 'GET', `/calls?customer=${made.customer.id}`)).items;
  assert.equal(calls.length, 3);
  const lines = (await anna.must(200, 'GET', `/customers/${made.customer.id}/timeline`)).items;
  assert.equal(lines.filter((l) => l.channel === 'call').length, 3);
  assert.equal((await anna.must(200, 'GET', '/tasks?view=open')).items.length, 0);
});

test('likely customers are shown while the form is typed, and one of them can be joined: the number becomes his', async (t) => {
  const { anna, owner, ring, tell } = await desks(t);
  const known = await newCustomer(owner, 'Пётр Иванов', '+79161234567');
  await owner.ask('POST', `/customers/${known}/identities`, { type: 'email', value: 'petr@ivanov.example' });
  const at = await anna.events('call');
  const callId = await ring('+442079460018');
  const { call } = (await at.next('call.ringing')).body;
  await tell({ event: 'answer', callId, user: '101' });

  const byName = await anna.must(200, 'PUT', `/calls/${call.id}/draft`, { name: 'petr iv' });
  assert.deepEqual(byName.matches.map((m) => [m.id, m.why]), [[known, 'name']]);
  const byMail = await anna.must(200, 'PUT', `/calls/${call.id}/draft`, { email: 'Petr@Ivanov.example' });
  assert.deepEqual(byMail.matches.map((m) => [m.id, m.why]), [[known, 'email']]);
  const joined = await anna.must(200, 'POST', `/calls/${call.id}/customer`, { join: known });

  assert.deepEqual(joined.customer, { id: known, is_new: false });
  const phone = joined.card.identities.find((i) => i.value === '+442079460018');
  assert.equal(phone.state, 'claimed');
  await ring('+442079460018');
  assert.equal((await at.next('call.ringing', { fits: (b) => b.call.id !== call.id })).body.call.customer.id, known);
});

test('a note that was acknowledged while typing survives kill −9', async (t) => {
  const { k, anna, ring } = await desks(t);
  const at = await anna.events('call');
  await ring('+442079460018');
  const { call } = (await at.next('call.ringing')).body;
  let last = '';
  for (const note of ['w', 'wants', 'wants a refund', 'wants a refund of order 17'])
    last = (await anna.must(200, 'PATCH', `/calls/${call.id}`, { note })).note;
  await k.kill();
  await k.start();

  const again = await anna.must(200, 'GET', `/calls/${call.id}`);
  assert.equal(again.call.note, last);
  assert.equal(k.sql("SELECT COUNT(*) FROM audit WHERE action = 'call.write'")[0][0], '1');
});

test('a missed call becomes one call-back, VIPs first, and is done when somebody speaks with the number', async (t) => {
  const { anna, owner, ring, tell } = await desks(t);
  const vip = await newCustomer(owner, 'Vera', '+442079460018');
  await owner.must(201, 'POST', `/customers/${vip}/marks`, { mark: 'vip', reason: 'spends much' }).catch(() =>
    owner.must(200, 'POST', `/customers/${vip}/marks`, { mark: 'vip', reason: 'spends much' }));
  for (const from of ['+442079460077', '+442079460018', '+442079460018']) {
    const callId = await ring(from);
    await tell({ event: 'hangup', callId, cause: 'noAnswer' });
  }

  const open = (await anna.must(200, 'GET', '/tasks?view=open')).items;
  assert.deepEqual(open.map((x) => [x.kind, x.phone, x.customer?.id ?? null]),
    [['call_back', '+442079460018', vip], ['call_back', '+442079460077', null]]);
  assert.equal((await anna.must(200, 'GET', '/calls?view=missed')).items.length, 3);

  await tell({ event: 'newCall', callId: 'back', from: '101', to: '+442079460018', direction: 'out', user: ['101'] });
  await tell({ event: 'answer', callId: 'back', user: '101' });
  assert.deepEqual((await anna.must(200, 'GET', '/tasks?view=open')).items.map((x) => x.phone), ['+442079460077']);
  assert.deepEqual((await anna.must(200, 'GET', '/calls?view=missed')).items.map((c) => c.e164), ['+442079460077']);
});

test('withheld callers are shown as such, and a number shared by two shows both with the reason', async (t) => {
  const { anna, owner, ring } = await desks(t);
  const at = await anna.events('call');
  await ring('anonymous');
  const withheld = (await at.next('call.ringing')).body;
  assert.equal(withheld.call.is_withheld, true);
  assert.equal(withheld.call.customer, null);
  assert.deepEqual(withheld.call.candidates, []);
  assert.equal(withheld.intake.is_withheld, true);

  const [ann, bob] = [await newCustomer(owner, 'Ann', '+442079460018'), await newCustomer(owner, 'Bob', '+442079460019')];
  for (const id of [ann, bob]) {
    const record = await owner.must(200, 'GET', `/customers/${id}`);
    const phone = record.identities.find((i) => i.value === '+442079460018')
      ?? (await owner.ask('POST', `/customers/${id}/identities`, { type: 'phone', value: '+442079460018', state: 'shared' })).body;
    const shared = await owner.ask('PATCH', `/identities/${phone.id}`, { state: 'shared' });
    assert.equal(shared.status, 200, shared.text);
  }
  await ring('+442079460018');
  const { call } = (await at.next('call.ringing')).body;
  assert.equal(call.customer, null);
  assert.deepEqual(call.candidates.map((c) => [c.name, c.why]), [['Ann', 'shared_number'], ['Bob', 'shared_number']]);

  const chosen = await anna.must(200, 'PATCH', `/calls/${call.id}`, { customer: bob });
  assert.equal(chosen.customer.id, bob);
  assert.equal(chosen.is_chosen, true);
});

test('a blocked caller is rejected and rings at no desk', async (t) => {
  const { anna, owner, nobody, link, ring } = await desks(t);
  const id = await newCustomer(owner, 'Spam', '+442079460018');
  const marked = await owner.post(`/customers/${id}/marks`, { mark: 'blocked', reason: 'threats' });
  assert.ok(marked.status < 300, marked.text);
  const at = await anna.events('call');

  const a = await nobody.post(`/cti/${link.token}`, { event: 'newCall', callId: 'b', from: '+442079460018', direction: 'in', user: '101' });

  assert.deepEqual([a.status, a.body], [200, { action: 'reject', reason: 'busy' }]);
  await at.silent('call.ringing');
  await ring('+442079460020');
  await at.next('call.ringing');
});

test('a wrong address of a telephone system is refused without a hint, switched-off and replaced ones too', async (t) => {
  const { k, owner, nobody, link } = await desks(t);
  const event = { event: 'newCall', callId: 'x', from: '1', direction: 'in' };
  const old = link.token;
  const fresh = (await owner.must(200, 'POST', `/phone-links/${link.id}/token`)).token;
  const answers = [];
  for (const token of ['x', 'A'.repeat(43), old, `${fresh}A`, fresh.slice(0, 42)]) answers.push(await nobody.post(`/cti/${token}`, event));
  assert.equal((await nobody.post(`/cti/${fresh}`, event)).status, 200);
  await owner.must(200, 'PATCH', `/phone-links/${link.id}`, { is_active: false });
  answers.push(await nobody.post(`/cti/${fresh}`, event));

  for (const a of answers) {
    assert.equal(a.status, 401);
    assert.deepEqual(a.body.detail, answers[0].body.detail);
  }
  const broken = await nobody.post('/cti/wrong', '{"event":');
  assert.equal(broken.status, 401);
  assert.ok(!k.log.includes(old) && !k.log.includes(fresh), 'a token stands in the log');
});

test('hostile bodies are refused with a sentence and the next call rings', async (t) => {
  const { k, anna, nobody, link, ring } = await desks(t);
  const at = await anna.events('call');
  const send = (body, type = 'application/json') => nobody.post(`/cti/${link.token}`, body, { 'Content-Type': type });
  const head = '{"event":"newCall","callId":"h","direction":"in","user":"101"';

  const big = await send(Buffer.alloc(10 << 20, 0x20)).catch((e) => ({ status: 413, why: e.code }));
  assert.equal(big.status, 413);
  assert.equal((await send('['.repeat(50000))).status, 400);
  assert.equal((await send(`${head},"from":"a","from":"b"}`)).status, 400);
  assert.equal((await send(`${head},"from":"\\u0000"}`)).status, 400);
  assert.equal((await send(Buffer.concat([Buffer.from(`${head},"from":"`), Buffer.from([0xff, 0xc0, 0x80]), Buffer.from('"}')]))).status, 400);
  assert.equal((await send(Buffer.concat([Buffer.from(`${head}`), Buffer.from([0]), Buffer.from('}')]))).status, 400);
  assert.equal((await send('event=explode&callId=1', 'application/x-www-form-urlencoded')).status, 422);
  assert.equal((await send('{"event":"newCall"}')).status, 422);
  assert.equal((await send(`callId=1&event=newCall&${'a=b&'.repeat(5000)}`, 'application/x-www-form-urlencoded')).status, 413);
  await at.silent('call.ringing', 200);

  const name = 'x'.repeat(500);
  assert.equal((await send(`${head},"from":"+442079460018","name":"${name}","extra":{"deep":[[[1]]]}}`)).status, 200);
  assert.equal((await at.next('call.ringing')).body.call.caller_name, '');
  const turned = '‮<script>alert(1)</script>';
  await ring('+442079460019', ['101'], { name: turned });
  assert.equal((await at.next('call.ringing')).body.call.caller_name, turned);
  assert.ok(!k.log.includes('0018') && !k.log.includes('script'), 'personal data in the log');
});

test('the superset comes with an API token of the scope cti, one call however many legs', async (t) => {
  const { k, anna, ben } = await desks(t);
  const pbx = await k.token('manager', ['cti']);
  const other = await k.token('manager', ['read']);
  const [atAnna, atBen] = [await anna.events('call'), await ben.events('call')];
  const tell = (e) => pbx.must(200, 'POST', '/cti/v1/event', { linked_id: 'L', direction: 'in', from: '+442079460018', ...e });

  assert.equal((await other.post('/cti/v1/event', { event: 'ringing', call_id: '1' })).status, 403);
  await tell({ event: 'ringing', call_id: 'leg1', extension: '101' });
  await atAnna.next('call.ringing');
  await tell({ event: 'ringing', call_id: 'leg2', extension: '102' });
  await atBen.next('call.ringing');
  await tell({ event: 'answered', call_id: 'leg2', extension: '102' });
  assert.equal((await atAnna.next('call.answered')).body.staff.name, 'Ben');
  await tell({ event: 'held', call_id: 'leg2' });
  await tell({ event: 'transferred', call_id: 'leg2', extension: '101' });
  assert.equal((await atBen.next('call.answered', { fits: (b) => b.staff.name === 'Anna' })).body.staff.name, 'Anna');
  await tell({ event: 'hangup', call_id: 'leg2' });
  await atAnna.next('call.ended');

  assert.equal(k.sql('SELECT COUNT(*) FROM call')[0][0], '1');
});

test('someone else speaks: one line with name and role makes a related person, and only one', async (t) => {
  const { anna, owner, ring, tell } = await desks(t);
  const company = await newCustomer(owner, 'Lantern & Thread', '+442079460018', { kind: 'company' });
  const at = await anna.events('call');
  const callId = await ring('+442079460018');
  const { call } = (await at.next('call.ringing')).body;
  await tell({ event: 'answer', callId, user: '101' });

  const told = await anna.must(200, 'POST', `/calls/${call.id}/people`, { name: ' Ms Lee ', role: 'purchasing' });
  assert.equal(told.spoke.name, 'Ms Lee');
  assert.equal(told.customer.id, company, 'the call stays with the customer');
  const again = await anna.must(200, 'POST', `/calls/${call.id}/people`, { name: 'Ms Lee', role: 'head of purchasing' });
  assert.equal(again.spoke.id, told.spoke.id, 'the same name here is the same person');

  const { relations } = await anna.must(200, 'GET', `/customers/${company}`);
  assert.deepEqual(relations.map((r) => [r.other.id, r.kind, r.role, r.reads_back]), [[told.spoke.id, 'works_at', 'head of purchasing', true]]);
  const person = await anna.must(200, 'GET', `/customers/${told.spoke.id}`);
  assert.deepEqual([person.customer.kind, person.customer.name, person.customer.company], ['person', 'Ms Lee', 'Lantern & Thread']);
  const { people } = await anna.must(200, 'GET', `/customers/${company}/card`);
  assert.deepEqual(people.map((p) => [p.id, p.name, p.role]), [[told.spoke.id, 'Ms Lee', 'head of purchasing']]);

  for (const [body, field] of [[{ name: '  ' }, 'name'], [{ name: 'A', relation: 'friend' }, 'relation'], [{ role: 'x' }, 'name'], [{ name: 'A', age: 3 }, 'age']]) {
    const no = await anna.post(`/calls/${call.id}/people`, body);
    assert.deepEqual([no.status, no.body.field], [422, field]);
  }
  await ring('+442079460999');
  const unknown = (await at.next('call.ringing')).body.call;
  assert.equal((await anna.post(`/calls/${unknown.id}/people`, { name: 'B' })).status, 409, 'nobody is chosen yet');
});

test('after the call: outcome, note, impression and a follow-up in one form; the caller check and who spoke are kept', async (t) => {
  const { anna, ben, owner, ring, tell } = await desks(t);
  const id = await newCustomer(owner, 'Lantern & Thread', '+442079460018', { kind: 'company' });
  const at = await anna.events('call');
  const callId = await ring('+442079460018');
  const { call } = (await at.next('call.ringing')).body;
  await tell({ event: 'answer', callId, user: '101' });
  await anna.must(200, 'POST', `/calls/${call.id}/checks`, { question: 'postcode', is_right: false });
  const checked = await anna.must(200, 'POST', `/calls/${call.id}/checks`, { question: 'postcode', is_right: true });
  assert.deepEqual(checked.checks, [{ question: 'postcode', is_right: true }]);
  const spoke = await anna.must(200, 'PATCH', `/calls/${call.id}`, { spoke_name: 'Ms Lee, purchasing' });
  assert.deepEqual(spoke.spoke, { name: 'Ms Lee, purchasing', id: null });
  await tell({ event: 'hangup', callId });

  assert.equal((await ben.patch(`/calls/${call.id}`, { note: 'not mine' })).status, 403);
  const bare = await anna.post(`/calls/${call.id}/wrap-up`, { outcome: '' });
  assert.deepEqual([bare.status, bare.body.field], [422, 'outcome']);
  const done = await anna.must(200, 'POST', `/calls/${call.id}/wrap-up`,
    { outcome: 'follow_up', note: 'send the offer', impression: 'interested', follow_up: { title: 'Send the offer', due_at: '2030-01-01T09:00:00Z' } });

  assert.equal(done.outcome, 'follow_up');
  assert.equal(done.note, 'send the offer');
  assert.equal(done.impression, 'interested');
  assert.ok(done.wrapped_at);
  const mine = (await anna.must(200, 'GET', '/tasks?view=mine')).items;
  assert.deepEqual(mine.map((x) => [x.title, x.kind, x.customer.id]), [['Send the offer', 'promise', id]]);
  assert.deepEqual((await anna.must(200, 'GET', `/calls?customer=${id}`)).items.map((c) => c.id), [call.id]);
  assert.deepEqual((await anna.must(200, 'GET', '/calls?view=mine')).items.map((c) => c.id), [call.id]);
  assert.deepEqual((await ben.must(200, 'GET', '/calls?view=mine')).items, []);
  const { people } = await anna.must(200, 'GET', `/customers/${id}/card`);
  assert.deepEqual(people.map((p) => [p.id, p.name, p.last_call_at]), [[null, 'Ms Lee, purchasing', done.ring_at]]);
  assert.equal((await anna.get('/calls?view=mine&strange=1')).status, 422);
});

test('who can take calls: away, ready, ringing, on a call, wrapping up', async (t) => {
  const { anna, ring, tell } = await desks(t);
  const state = async () => (await anna.must(200, 'GET', '/desks')).items.find((d) => d.name === 'Anna').state;
  assert.equal(await state(), 'away');
  const at = await anna.events('call');
  await until(async () => (await state()) === 'ready', { what: 'ready' });
  const callId = await ring('+442079460018');
  const { call } = (await at.next('call.ringing')).body;
  assert.equal(await state(), 'ringing');
  await tell({ event: 'answer', callId, user: '101' });
  assert.equal(await state(), 'on_call');
  await tell({ event: 'hangup', callId });
  assert.equal(await state(), 'wrap_up');
  await anna.must(200, 'POST', `/calls/${call.id}/wrap-up`, { outcome: 'solved' });
  assert.equal(await state(), 'ready');
  await anna.must(200, 'PATCH', '/me', { is_ready: false });
  assert.equal(await state(), 'not_ready');
});

test('the queue shows VIPs first, then the order of arrival, and is told at most four times a second', async (t) => {
  const { anna, ben, owner, ring } = await desks(t);
  const vip = await newCustomer(owner, 'Vera', '+442079460018');
  assert.ok((await owner.post(`/customers/${vip}/marks`, { mark: 'vip', reason: 'x' })).status < 300);
  const at = await ben.events('queue');
  for (let i = 50; i < 80; i++) await ring(`+4420794600${i}`);
  await ring('+442079460018');

  const queue = await anna.must(200, 'GET', '/calls?view=queue');
  assert.equal(queue.waiting, 31);
  assert.deepEqual(queue.items.slice(0, 3).map((c) => c.e164), ['+442079460018', '+442079460050', '+442079460051']);
  const last = (await at.next('queue.changed', { fits: (b) => b.waiting === 31 })).body;
  assert.equal(last.items.length, 20);
  assert.equal(last.items[0].is_vip, true);

  const from = Date.now(), before = at.seen.length;
  for (let i = 0; i < 100; i++) await ring(`+44207946${String(1000 + i)}`);
  await sleep(400);
  const seen = at.seen.slice(before).filter((e) => e.event === 'queue.changed').length;
  assert.ok(seen >= 1 && seen <= ((Date.now() - from) / 1000) * 4 + 2, `${seen} in ${Date.now() - from} ms`);
});

test('a number is looked up as JSON, as a line of text, and as a priority for dial plans', async (t) => {
  const { anna, owner, ring, tell } = await desks(t);
  const id = await newCustomer(owner, 'Пётр, Иванов', '+442079460018', { language: 'ru' });
  const callId = await ring('+442079460018');
  await tell({ event: 'answer', callId, user: '101' });

  const json = await anna.must(200, 'GET', '/lookup?number=%2B442079460018');
  assert.deepEqual([json.customer.id, json.customer.name, json.e164], [id, 'Пётр, Иванов', '+442079460018']);
  assert.equal((await anna.get('/lookup?number=0044-20-7946-0018&as=text')).text, 'Пётр, Иванов\n');
  assert.match((await anna.get('/lookup?number=%2B442079460018&as=priority')).text, /^\d+,ru,101,\n$/);
  assert.equal((await anna.get('/lookup?number=anonymous&as=priority')).text, '50,,,\n');
  assert.equal((await anna.get('/lookup?number=12&as=text')).text, '\n');
  assert.equal((await anna.must(200, 'GET', '/lookup?number=x')).customer, null);
  const trunk = await anna.must(200, 'GET', '/lookup?number=%2B4402079460018'); // full, and yet no normal form
  assert.deepEqual([trunk.customer.id, trunk.e164, trunk.is_vip], [id, '+442079460018', false]);
  await owner.must(201, 'POST', `/customers/${id}/marks`, { mark: 'vip', reason: 'he asked' });
  assert.equal((await anna.must(200, 'GET', '/lookup?number=%2B442079460018')).is_vip, true);
  assert.match((await anna.get('/lookup?number=%2B442079460018&as=priority')).text, /^90,ru,101,\n$/);
  const later = await anna.get('/lookup?number=1&as=3cx');
  assert.deepEqual([later.status, later.body.field], [422, 'as']);
});

test('telephone links: other kinds are not there, the token is shown once, only administrators make them', async (t) => {
  const { owner, anna } = await desks(t);
  for (const kind of ['sip', 'ami', 'esl', 'fax']) {
    const a = await owner.post('/phone-links', { kind, name: 'x' });
    assert.deepEqual([a.status, a.body.field], [422, 'kind']);
    assert.match(a.body.detail, /webhook/);
  }
  assert.equal((await anna.post('/phone-links', { kind: 'webhook', name: 'x' })).status, 403);
  const made = await owner.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'Second' });
  assert.match(made.token, /^[\w-]{43}$/);
  assert.equal(made.url, `/api/v1/cti/${made.token}`);
  const { items } = await anna.must(200, 'GET', '/phone-links');
  assert.equal(items.length, 2);
  assert.ok(!JSON.stringify(items).includes(made.token) && items.every((l) => l.token === undefined));
  assert.equal((await owner.post('/phone-links', { kind: 'webhook', name: 'x', region: 'Germany' })).body.field, 'region');
});

test('the sentences to say are ours until the company writes its own, and come in the caller’s probable language', async (t) => {
  const { anna, owner, ring } = await desks(t);
  const at = await anna.events('call');
  await ring('+819012345678');
  const first = (await at.next('call.ringing')).body.intake;
  assert.deepEqual([first.lang, first.country, first.number_kind], ['ja', 'JP', 'mobile']);
  assert.match(first.say.name, /お名前/);

  await owner.must(200, 'PATCH', '/calls/say', { lang: 'ja', name: 'お名前をどうぞ。' });
  assert.equal((await anna.patch('/calls/say', { lang: 'ja', name: 'x' })).status, 403);
  await ring('+819012345679');
  assert.equal((await at.next('call.ringing', { fits: (b) => b.call.e164 === '+819012345679' })).body.intake.say.name, 'お名前をどうぞ。');
  await owner.must(200, 'PATCH', '/calls/say', { lang: 'ja', name: '' });
  assert.match((await anna.must(200, 'GET', '/calls/say?lang=ja')).name, /お名前をお伺い/);
});

test('events of one call that come at once, from several lines and repeated, are one row with one line on the timeline', async (t) => {
  const { k, owner, link } = await desks(t);
  const ids = [];
  for (let i = 0; i < 20; i++) ids.push(await newCustomer(owner, `Customer ${i}`, `+4420794601${10 + i}`));
  const all = [];
  for (let i = 0; i < 20; i++)
    for (const event of ['newCall', 'newCall', 'answer', 'hangup', 'answer', 'newCall', 'hangup'])
      all.push({ event, callId: `same-${i}`, from: `+4420794601${10 + i}`, direction: 'in', user: ['101'], cause: 'normalClearing' });
  const answers = await Promise.all(all.map((e) => k.nobody().post(`/cti/${link.token}`, e)));

  assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
  const rows = k.sql('SELECT state, answer_ms IS NOT NULL, customer_id IS NOT NULL, COUNT(*) FROM call GROUP BY 1, 2, 3');
  assert.equal(rows.length, 1, JSON.stringify(rows));
  assert.deepEqual([rows[0][0], rows[0][3]], ['ended', '20']);
  assert.equal(k.sql("SELECT COUNT(*) FROM interaction WHERE channel = 'call'")[0][0], '20');
  assert.equal(k.sql('SELECT COUNT(*) FROM task WHERE done_ms IS NULL')[0][0], '0');
  assert.ok(k.sql("SELECT COUNT(*) FROM job WHERE kind = 'call_sweep'")[0][0] >= '1');
});
