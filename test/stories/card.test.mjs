// The whole customer in one answer, and his history page by page.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house } from './kith.mjs';

const mail = (value) => [{ type: 'email', value }];

test('one request brings everything an operator needs, late things first', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const manager = await k.person('manager');
  const id = (await api.must(200, 'POST', '/intake', {
    channel: 'chat', identities: mail('aiko@example.com'), text: 'お世話になっております',
    claims: { name: '田中 愛子', reading: 'たなか あいこ', language: 'ja', country: 'JP', address_kind: 'home', address_line: '1-2-3 銀座', address_postal: '104-0061' },
  })).customer.id;
  await api.must(201, 'POST', '/orders', { number: 'T-1', customer: id, currency: 'JPY', due_at: '2020-01-02T00:00:00Z', lines: [{ sku: 'K-40', name: '電気ケトル', quantity: 1, price: 18400 }] });
  await manager.must(201, 'POST', `/customers/${id}/notes`, { text: 'prefers the morning' });
  await manager.must(201, 'POST', `/customers/${id}/tasks`, { title: 'send the parcel again', kind: 'promise', due_at: '2020-01-01T00:00:00Z' });
  await manager.must(201, 'POST', `/customers/${id}/tasks`, { title: 'some day' });
  await manager.must(201, 'POST', `/customers/${id}/marks`, { mark: 'vip', reason: 'since 2012' });

  const card = await api.must(200, 'GET', `/customers/${id}/card`);

  assert.equal(card.greeting.lang, 'ja');
  assert.equal(card.greeting.text, '田中様（たなか あいこ）');
  assert.deepEqual(card.advice.map((a) => a.code).sort(), ['late_order', 'promise_due', 'vip_first']);
  assert.ok(card.advice.every((a) => a.because.length && a.because[0].code));
  assert.deepEqual(card.open.map((o) => [o.type, o.is_late]), [['task', true], ['order', true], ['task', false]]);
  assert.deepEqual(card.orders[0].total, { amount: 18400, currency: 'JPY' });
  assert.equal(card.notes[0].text, 'prefers the morning');
  assert.deepEqual(card.questions, ['order_number', 'postcode']);
  assert.equal(card.ask, null);
  assert.deepEqual(card.recent.map((l) => l.channel), ['order', 'chat']);
  assert.equal(card.identities[0].state, 'claimed');
  for (const absent of ['value', 'mood']) assert.ok(!(absent in card));
  assert.equal(typeof card.class.advice, 'string');
  assert.ok(card.risk === null || card.risk.level === 'low');
});

test('the timeline pages through every contact once, newest first', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  let id;
  for (let i = 0; i < 60; i++)
    ({ customer: { id } } = await api.must(200, 'POST', '/intake', {
      channel: i % 3 ? 'email' : 'chat', identities: mail('a@example.com'), subject: `n${i}`, at: new Date(Date.UTC(2024, 0, 1 + (i % 7), 0, 0, 0)).toISOString(),
    }));

  const seen = [];
  for (let cursor = ''; ;) {
    const page = await api.must(200, 'GET', `/customers/${id}/timeline?limit=7${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    seen.push(...page.items);
    if (!page.next) break;
    cursor = page.next;
  }
  assert.equal(new Set(seen.map((l) => l.id)).size, 60);
  assert.deepEqual(seen.map((l) => l.at), seen.map((l) => l.at).sort().reverse());
  const chats = await api.must(200, 'GET', `/customers/${id}/timeline?channel=chat&limit=50`);
  assert.equal(chats.items.length, 20);

  for (const query of ['cursor=nonsense', 'limit=0', 'limit=201', 'limit=x', 'channel=smoke', 'sort=at', `cursor=${'A'.repeat(401)}`]) {
    const a = await api.get(`/customers/${id}/timeline?${query}`);
    assert.equal(a.status, 422, query);
    assert.equal(a.body.field, query.split('=')[0]);
  }
  const page = await api.must(200, 'GET', `/customers/${id}/timeline?limit=1`);
  assert.equal((await api.get(`/customers?cursor=${encodeURIComponent(page.next)}`)).status, 422); // of another list
});

test('a long text is cut in lists, says so, and is whole by itself', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const text = '田'.repeat(5000);
  const a = await api.must(200, 'POST', '/intake', { channel: 'email', identities: mail('a@example.com'), text });

  const [line] = (await api.must(200, 'GET', `/customers/${a.customer.id}/card`)).recent;
  assert.equal([...line.text].length, 600);
  assert.equal(line.is_cut, true);
  const whole = await api.must(200, 'GET', `/interactions/${line.id}`);
  assert.equal(whole.text, text);
  assert.equal(whole.is_cut, false);
  assert.equal((await api.get('/interactions/itx_0000000000001')).status, 404);
  const tooLong = await api.post('/intake', { channel: 'email', identities: mail('a@example.com'), text: 'x'.repeat(200001) });
  assert.deepEqual([tooLong.status, tooLong.body.field], [422, 'text']);
});

test('notes are cut on the card, whole on the record, and page back to the first', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = (await agent.must(201, 'POST', '/customers', { identities: mail('a@example.com') })).customer.id;
  const long = 'ш'.repeat(20000);
  for (let i = 0; i < 40; i++) await agent.must(201, 'POST', `/customers/${id}/notes`, { text: `${i} ${long}`.slice(0, 20000) });

  const card = await agent.must(200, 'GET', `/customers/${id}/card`);
  assert.deepEqual(card.notes.map((n) => [n.text.length, n.is_cut]), [[600, true], [600, true], [600, true]]);
  const record = await agent.must(200, 'GET', `/customers/${id}`);
  assert.equal(record.notes.length, 30);
  assert.deepEqual(record.more, ['notes']);
  const first = await agent.must(200, 'GET', `/customers/${id}/notes`);
  const second = await agent.must(200, 'GET', `/customers/${id}/notes?cursor=${encodeURIComponent(first.next)}`);
  assert.equal(second.next, null);
  assert.deepEqual([...first.items, ...second.items].map((n) => parseInt(n.text)), Array.from({ length: 40 }, (_, i) => 39 - i));
  const longer = await agent.post(`/customers/${id}/notes`, { text: long + 'x' });
  assert.deepEqual([longer.status, longer.body.field], [422, 'text']);
});

test('who looked at a customer stands in the audit', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const owner = await k.person('owner');
  const id = (await agent.must(201, 'POST', '/customers', { identities: mail('a@example.com') })).customer.id;
  await agent.must(200, 'GET', `/customers/${id}/card`);

  const end = Date.now() + 5000;
  for (;;) {
    const { items } = await owner.must(200, 'GET', `/audit?customer=${id}`);
    if (items.some((r) => /view/.test(r.action)) && items.some((r) => r.action === 'customer.add')) break;
    assert.ok(Date.now() < end, JSON.stringify(items));
    await new Promise((done) => setTimeout(done, 100));
  }
});
