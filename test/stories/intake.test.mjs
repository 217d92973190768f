// A shop's server tells Kith of contacts; each finds its customer, once, whatever is sent.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house } from './kith.mjs';

const contact = (more) => ({ channel: 'email', direction: 'in', identities: [{ type: 'email', value: 'ann@example.com' }], ...more });

test('a customer is recognised by whatever handle he comes with', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');

  const first = await api.must(200, 'POST', '/intake', contact({
    identities: [{ type: 'phone', value: '+81 3-5550-0142' }, { type: 'email', value: 'Aiko@Example.com' }],
    claims: { name: '田中 愛子', reading: 'たなか あいこ', language: 'ja', country: 'jp' },
  }));
  const byPhone = await api.must(200, 'POST', '/intake', contact({ channel: 'call', identities: [{ type: 'phone', value: '0081 (3) 5550/0142' }] }));
  const byMail = await api.must(200, 'POST', '/intake', contact({ identities: [{ type: 'email', value: 'AIKO@example.COM' }] }));

  assert.equal(first.customer.is_new, true);
  assert.equal(first.interaction.number, null);
  assert.equal(first.matched_by, '');
  assert.deepEqual(byPhone.customer, { id: first.customer.id, is_new: false });
  assert.equal(byPhone.matched_by, 'phone');
  assert.equal(byMail.customer.id, first.customer.id);
  const card = await api.must(200, 'GET', `/customers/${first.customer.id}/card`);
  assert.equal(card.greeting.text, '田中様（たなか あいこ）');
  assert.equal(card.customer.country, 'JP');
  assert.equal(card.recent.length, 3);
});

test('the same source again answers the same and changes nothing, also when ten arrive at one moment', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const message = contact({ source_id: 'msg-1', text: 'hello', claims: { name: 'Ann Lee' } });

  const answers = await Promise.all(Array.from({ length: 10 }, () => api.must(200, 'POST', '/intake', message)));
  const later = await api.must(200, 'POST', '/intake', { ...message, text: 'changed' });

  for (const a of [...answers, later]) assert.deepEqual(a, answers[0]);
  const timeline = await api.must(200, 'GET', `/customers/${answers[0].customer.id}/timeline`);
  assert.equal(timeline.items.length, 1);
  assert.equal(timeline.items[0].text, 'hello');
});

test('fifty first contacts of one new number at one moment make one customer', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');

  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) =>
    api.must(200, 'POST', '/intake', contact({ channel: 'call', source_id: `c${i}`, identities: [{ type: 'phone', value: '+442079460018' }] }))));

  assert.equal(new Set(answers.map((a) => a.customer.id)).size, 1);
  assert.equal(answers.filter((a) => a.customer.is_new).length, 1);
  assert.equal(new Set(answers.map((a) => a.interaction.id)).size, 50);
});

test('only a token that may vouch proves a handle', async (t) => {
  const k = await house(t);
  const plain = await k.token('manager', ['read', 'intake']);
  const vouching = await k.token('manager', ['read', 'intake', 'vouch']);
  const verified = (value) => contact({ identities: [{ type: 'email', value, verified: true }] });

  const a = await plain.must(200, 'POST', '/intake', verified('ann@example.com'));
  const b = await vouching.must(200, 'POST', '/intake', verified('bob@example.com'));

  const stateOf = async (id) => (await plain.must(200, 'GET', `/customers/${id}`)).identities[0].state;
  assert.equal(await stateOf(a.customer.id), 'claimed');
  assert.equal(await stateOf(b.customer.id), 'confirmed');
});

test('a handle that is none is kept as given and recognises nobody', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  for (const [type, value] of [['phone', '123'], ['phone', 'callto:me'], ['email', 'nonsense'], ['email', 'a@b@c'], ['social', 'nobody'], ['phone', '"><script>']]) {
    const one = await api.must(200, 'POST', '/intake', contact({ channel: 'call', identities: [{ type, value }] }));
    const two = await api.must(200, 'POST', '/intake', contact({ channel: 'call', identities: [{ type, value }] }));
    assert.deepEqual(one.ignored, [{ type, value, why: 'malformed' }]);
    assert.notEqual(one.customer.id, two.customer.id);
    const [handle] = (await api.must(200, 'GET', `/customers/${one.customer.id}`)).identities;
    assert.deepEqual([handle.value, handle.given, handle.state], ['', value, 'wrong']);
  }
});

test('an anonymous caller who says something is recorded without a number', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  for (const value of ['anonymous', 'unknown', 'private', 'sip:anonymous@anonymous.invalid']) {
    const a = await api.must(200, 'POST', '/intake', contact({ channel: 'call', identities: [{ type: 'phone', value }], text: 'please call' }));
    assert.equal(a.ignored[0].why, 'withheld');
    assert.deepEqual((await api.must(200, 'GET', `/customers/${a.customer.id}`)).identities, []);
  }
});

test('names of one letter and of 500, emoji and right-to-left are kept as written', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const names = ['X', 'é'.repeat(500), '𠮷'.repeat(500), '😀👩‍👩‍👧', 'محمد بن سلمان', 'שלום', 'a\u202Eb', "O'Neil; DROP TABLE customer--", '<img src=x onerror=alert(1)>', '=1+1', 'Ң'.repeat(499)];
  for (const [i, name] of names.entries()) {
    const a = await api.must(200, 'POST', '/intake', contact({ identities: [{ type: 'email', value: `n${i}@example.com` }], claims: { name, company: name, country: 'KZ' } }));
    assert.equal((await api.must(200, 'GET', `/customers/${a.customer.id}`)).customer.name, name);
    assert.equal((await api.must(200, 'GET', `/customers/${a.customer.id}/card`)).customer.name, name);
  }
});

test('what cannot be kept is refused by name, and nothing changes', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const seventeen = Array.from({ length: 17 }, (_, i) => ({ type: 'email', value: `p${i}@example.com` }));
  const cases = [
    [contact({ claims: { name: 'a'.repeat(501) } }), 'claims.name'],
    [contact({ claims: { name: 'a\u0007b' } }), 'claims.name'],
    [contact({ claims: { country: 'Japan' } }), 'claims.country'],
    [contact({ claims: { language: '!' } }), 'claims.language'],
    [contact({ claims: { time_zone: 'Mars/Olympus' } }), 'claims.time_zone'],
    [contact({ claims: { kind: 'robot' } }), 'claims.kind'],
    [contact({ claims: { points: 5 } }), 'claims.points'],
    [contact({ trust: 'proven' }), 'trust'],
    [contact({ customer: 'cus_0000000000001' }), 'customer'],
    [contact({ identities: seventeen }), 'identities'],
    [contact({ identities: [{ type: 'fingerprint', value: 'x' }] }), 'identities[0].type'],
    [contact({ identities: [{ type: 'email' }] }), 'identities[0].value'],
    [contact({ channel: 'telepathy' }), 'channel'],
    [contact({ at: 'yesterday' }), 'at'],
    [contact({ at: '2999-01-01T00:00:00Z' }), 'at'],
    [{ channel: 'call', identities: [] }, 'identities'],
    [{}, 'channel'],
  ];
  for (const [body, field] of cases) {
    const a = await api.post('/intake', body);
    assert.deepEqual([a.status, a.body.field], [422, field], JSON.stringify(body).slice(0, 100));
    assert.ok(a.body.detail.length > 10);
  }
  for (const bytes of ['{"channel":"call","text":"a\\u0000b"}', '{"channel":"call","channel":"chat"}', '{"channel":', '[]', '\xff', '{"channel":"call"'.padEnd(300, ' ')]) {
    const a = await api.ask('POST', '/intake', Buffer.from(bytes, 'latin1'));
    assert.ok([400, 422].includes(a.status), `${bytes}: ${a.status}`);
  }
  assert.deepEqual((await api.must(200, 'GET', '/customers')).items, []);
});

test('claims do not take a record over: what differs waits for a person', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const ann = (await api.must(200, 'POST', '/intake', contact({ claims: { name: 'Ann Lee', city: 'Leeds' } }))).customer.id;

  await api.must(200, 'POST', '/intake', contact({ channel: 'form', claims: { name: 'Eve Adams', city: 'York' } }));

  const record = await api.must(200, 'GET', `/customers/${ann}`);
  assert.equal(record.customer.name, 'Ann Lee');
  assert.equal(record.customer.city, 'Leeds');
  assert.deepEqual(record.proposals.map((p) => [p.field, p.value, p.current]).sort(), [['city', 'York', 'Leeds'], ['name', 'Eve Adams', 'Ann Lee']]);
  const city = record.proposals.find((p) => p.field === 'city');
  await api.must(200, 'POST', `/proposals/${city.id}`, { accept: true });
  assert.equal((await api.post(`/proposals/${city.id}`, { accept: false })).status, 409);
  const after = await api.must(200, 'GET', `/customers/${ann}`);
  assert.equal(after.customer.city, 'York');
  assert.deepEqual(after.proposals.map((p) => p.field), ['name']);
});

test('a repeated Idempotency-Key answers the same intake', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const key = { 'Idempotency-Key': 'k1' };

  const first = await api.must(200, 'POST', '/intake', contact({ text: 'x' }), key);
  const again = await api.must(200, 'POST', '/intake', contact({ text: 'x' }), key);

  assert.deepEqual(again, first);
  assert.equal((await api.post('/intake', contact({ text: 'y' }), key)).status, 422);
  assert.equal((await api.must(200, 'GET', `/customers/${first.customer.id}/timeline`)).items.length, 1);
});

test('two handles of two customers go to the stronger one, and the other is told as a possible duplicate', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const account = await api.must(200, 'POST', '/intake', contact({ identities: [{ type: 'account', value: 'A-1' }], claims: { name: 'Ann Lee' } }));
  const phone = await api.must(200, 'POST', '/intake', contact({ channel: 'call', identities: [{ type: 'phone', value: '+442079460018' }], claims: { name: 'A. Lee' } }));

  const both = await api.must(200, 'POST', '/intake', contact({ channel: 'call', identities: [{ type: 'phone', value: '+442079460018' }, { type: 'account', value: 'A-1' }] }));

  assert.equal(both.customer.id, account.customer.id);
  assert.equal(both.matched_by, 'account');
  assert.deepEqual(both.possible_duplicates, [{ id: phone.customer.id, probability: 0.7, why: 'phone' }]);
  for (const [one, other, name] of [[account, phone, 'A. Lee'], [phone, account, 'Ann Lee']]) {
    const { items } = await api.must(200, 'GET', `/customers/${one.customer.id}/duplicates`);
    assert.deepEqual(items.map((i) => [i.id, i.name, i.why]), [[other.customer.id, name, 'phone']]);
  }
});
