// A record as staff keep it: made, completed, marked, noted; two who change it at once do not undo each other.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house } from './kith.mjs';

const ann = { identities: [{ type: 'phone', value: '+44 20 7946 0018' }], claims: { name: 'Ann Lee', country: 'GB' } };

test('a customer is made once, however often he is entered', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');

  const first = await agent.must(201, 'POST', '/customers', ann);
  const again = await agent.must(201, 'POST', '/customers', { ...ann, claims: { name: 'Ann Lee', city: 'Leeds' } });

  assert.equal(first.customer.is_new, true);
  assert.equal(first.interaction, null);
  assert.deepEqual(again.customer, { id: first.customer.id, is_new: false });
  const { customer, identities } = await agent.must(200, 'GET', `/customers/${first.customer.id}`);
  assert.equal(customer.city, 'Leeds');
  assert.equal(identities[0].value, '+442079460018');
  assert.equal(identities[0].state, 'confirmed');
});

test('only what is sent changes, and an older version is refused', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = (await agent.must(201, 'POST', '/customers', ann)).customer.id;

  const changed = await agent.ask('PATCH', `/customers/${id}`, { city: 'Leeds', form_of_address: 'Ms' }, { 'If-Match': '"1"' });
  const late = await agent.patch(`/customers/${id}`, { city: 'York' }, { 'If-Match': '"1"' });

  assert.equal(changed.status, 200, changed.text);
  assert.equal(changed.body.customer.name, 'Ann Lee');
  assert.equal(changed.body.customer.version, 2);
  assert.match(changed.headers.etag, /^"2\b/);
  assert.equal(late.status, 412);
  assert.equal((await agent.must(200, 'GET', `/customers/${id}`)).customer.city, 'Leeds');
});

test('members that no record has are refused by name', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = (await agent.must(201, 'POST', '/customers', ann)).customer.id;
  for (const [body, field] of [[{ version: 7 }, 'version'], [{ created_at: null }, 'created_at'], [{ class: 'vip' }, 'class'], [{ name: 5 }, 'name'],
    [{ name: 'x'.repeat(501) }, 'name'], [{ lang: 'x' }, 'lang'], [{ owner: 'cus_0000000000001' }, 'owner'], [{ kind: 'dog' }, 'kind']]) {
    const a = await agent.patch(`/customers/${id}`, body);
    assert.deepEqual([a.status, a.body.field], [422, field], JSON.stringify(body));
  }
  assert.equal((await agent.must(200, 'GET', `/customers/${id}`)).version, 1);
});

test('notes, tasks, addresses, holdings and relations hang on the record', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = (await agent.must(201, 'POST', '/customers', ann)).customer.id;
  const firm = (await agent.must(201, 'POST', '/customers', { claims: { name: 'Huadong Parts', kind: 'company' } })).customer.id;

  const note = await agent.must(201, 'POST', `/customers/${id}/notes`, { text: 'likes\ntea' });
  const task = await agent.must(201, 'POST', `/customers/${id}/tasks`, { title: 'call back', kind: 'call_back', due_at: '2030-01-01T10:00:00+05:00' });
  await agent.must(201, 'POST', `/customers/${id}/addresses`, { kind: 'home', line: '1 High Street', postal: 'LS1', country: 'gb' });
  await agent.must(201, 'POST', `/customers/${id}/holdings`, { name: 'Kettle K-40', serial: '0088-2217', until: '2027-01-01T00:00:00Z' });
  await agent.must(201, 'POST', `/customers/${id}/relations`, { other: firm, kind: 'works_at', role: 'buyer' });

  const r = await agent.must(200, 'GET', `/customers/${id}`);
  assert.equal(r.notes[0].text, 'likes\ntea');
  assert.equal(r.notes[0].staff.id, note.staff.id);
  assert.equal(r.tasks[0].due_at, '2030-01-01T05:00:00Z');
  assert.equal(r.addresses[0].country, 'GB');
  assert.equal(r.holdings[0].serial, '0088-2217');
  assert.equal(r.relations[0].other.name, 'Huadong Parts');
  const back = await agent.must(200, 'GET', `/customers/${firm}/card`);
  assert.deepEqual(back.people.map((p) => [p.id, p.role]), [[id, 'buyer']]);

  for (const part of ['addresses', 'holdings', 'relations']) {
    await agent.must(204, 'DELETE', `/${part}/${r[part][0].id}`);
    assert.equal((await agent.delete(`/${part}/${r[part][0].id}`)).status, 404);
    assert.deepEqual((await agent.must(200, 'GET', `/customers/${id}`))[part], []);
  }
  const done = await agent.must(200, 'PATCH', `/tasks/${task.id}`, { done: true });
  assert.ok(done.done_at);
  assert.deepEqual((await agent.must(200, 'GET', '/tasks?view=open')).items, []);
});

test('only a manager makes a VIP, always with a reason', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const manager = await k.person('manager');
  const id = (await agent.must(201, 'POST', '/customers', ann)).customer.id;

  assert.equal((await agent.post(`/customers/${id}/marks`, { mark: 'vip', reason: 'friend' })).status, 403);
  assert.equal((await manager.post(`/customers/${id}/marks`, { mark: 'vip', reason: ' ' })).status, 422);
  await manager.must(201, 'POST', `/customers/${id}/marks`, { mark: 'vip', reason: 'big orders' });

  const card = await agent.must(200, 'GET', `/customers/${id}/card`);
  assert.equal(card.advice[0].code, 'vip_first');
  assert.equal(card.advice[0].because[0].args.reason, 'big orders');
  assert.equal((await agent.delete(`/customers/${id}/marks/vip`)).status, 403);
  await manager.must(204, 'DELETE', `/customers/${id}/marks/vip`);
  assert.equal((await manager.delete(`/customers/${id}/marks/vip`)).status, 404);
});

test('a number of two customers shows both, with the reason', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const a = (await agent.must(201, 'POST', '/customers', ann)).customer.id;
  const b = (await agent.must(201, 'POST', '/customers', { claims: { name: 'Bob Lee' }, identities: [{ type: 'email', value: 'bob@example.com' }] })).customer.id;
  await agent.must(201, 'POST', `/customers/${b}/identities`, { type: 'phone', value: '+442079460018', state: 'shared' });

  const card = await agent.must(200, 'GET', `/customers/${a}/card`);
  assert.equal(card.is_shared_number, true);
  assert.deepEqual(card.candidates.map((c) => [c.id, c.name, c.why]), [[b, 'Bob Lee', 'shared_phone']]);
  const asBob = await agent.must(200, 'POST', '/intake', { channel: 'call', identities: ann.identities, claims: { name: 'bob lee' } });
  assert.equal(asBob.customer.id, b);
  assert.deepEqual(asBob.possible_duplicates.map((d) => d.id), [a]);
});

test('the marketer reads no notes, the branch no records', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = (await agent.must(201, 'POST', '/customers', ann)).customer.id;
  await agent.must(201, 'POST', `/customers/${id}/notes`, { text: 'private words' });

  const marketer = await k.person('marketer');
  for (const path of [`/customers/${id}`, `/customers/${id}/card`]) {
    const a = await marketer.get(path);
    assert.equal(a.status, 200);
    assert.ok(!a.text.includes('private words'));
    assert.equal(a.body.notes[0].text, null);
  }
  assert.equal((await marketer.patch(`/customers/${id}`, { city: 'x' })).status, 403);
  const branch = await k.person('branch');
  assert.equal((await branch.get(`/customers/${id}`)).status, 403);
  assert.equal((await branch.get(`/customers/${id}/card`)).status, 403);
});

test('an id that is none, or of nobody, is answered without a crash', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  for (const id of ['cus_0000000000001', 'cus_', 'x', '1', 'cus_zzzzzzzzzzzzz', 'stf_0000000000001', '%00', '..%2f', 'cus_' + 'a'.repeat(500)])
    for (const path of ['', '/card', '/timeline', '/orders']) {
      const a = await agent.get(`/customers/${id}${path}`);
      assert.ok([400, 404, 422].includes(a.status), `${id}${path}: ${a.status}`);
    }
});
