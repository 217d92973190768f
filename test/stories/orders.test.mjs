// Orders come in from the shop, count once, arrive late, come back.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { house } from './kith.mjs';

const order = (more) => ({
  number: '10482', currency: 'EUR', identities: [{ type: 'email', value: 'ann@example.com' }], claims: { name: 'Ann Lee' },
  lines: [{ sku: 'K-40', name: 'Kettle', quantity: 2, price: 1999 }, { sku: 'TEA', name: 'Tea', quantity: 0.125, price: 2000 }], ...more,
});

test('an order makes its customer, sums its lines and stands on the card', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');

  const o = await api.must(201, 'POST', '/orders', order({ discount: 100, due_at: '2020-01-05T00:00:00Z', at: '2020-01-01T00:00:00Z' }));

  assert.deepEqual(o.total, { amount: 4148, currency: 'EUR' });
  assert.equal(o.lines[1].total.amount, 250);
  const card = await api.must(200, 'GET', `/customers/${o.customer.id}/card`);
  assert.equal(card.orders[0].number, '10482');
  assert.equal(card.orders[0].lines, 2);
  assert.equal(card.open[0].is_late, true);
  assert.ok(card.advice.some((a) => a.code === 'late_order'));
  assert.equal(card.ask, null);
  assert.equal(card.recent[0].channel, 'order');
  assert.equal(card.recent[0].ref.number, '10482');
  assert.equal(card.numbers.orders, 1);
});

test('the same order twice counts once, also at one moment; another under its number is a conflict', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');

  const all = await Promise.all(Array.from({ length: 8 }, () => api.must(201, 'POST', '/orders', order())));
  const other = await api.post('/orders', order({ lines: [{ sku: 'K-40', quantity: 1, price: 5 }] }));

  assert.equal(new Set(all.map((o) => o.id)).size, 1);
  assert.deepEqual([other.status, other.body.field], [409, 'number']);
  const list = await api.must(200, 'GET', `/customers/${all[0].customer.id}/orders`);
  assert.equal(list.items.length, 1);
  assert.equal((await api.must(200, 'GET', `/customers/${all[0].customer.id}`)).standing.orders, 1);
});

test('goods come back only as far as they were ordered', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const o = await api.must(201, 'POST', '/orders', order());

  const one = await api.must(201, 'POST', `/orders/${o.id}/returns`, { line: 1, quantity: 1, reason: 'broken' });
  assert.equal(one.returned.amount, 1999);
  for (const [body, field] of [[{ line: 1, quantity: 2 }, 'quantity'], [{ line: 7, quantity: 1 }, 'line'], [{ quantity: 1 }, 'amount'], [{ quantity: 0, line: 1 }, 'quantity'],
    [{ quantity: 1, amount: 1e9 }, 'amount'], [{ quantity: 1, amount: -5 }, 'amount']]) {
    const a = await api.post(`/orders/${o.id}/returns`, body);
    assert.deepEqual([a.status, a.body.field], [422, field], JSON.stringify(body));
  }
  const twenty = await Promise.all(Array.from({ length: 20 }, () => api.post(`/orders/${o.id}/returns`, { line: 1, quantity: 1 })));
  assert.equal(twenty.filter((a) => a.status === 201).length, 1);
  assert.equal((await api.must(200, 'GET', `/orders/${o.id}`)).returned.amount, 3998);
});

test('an order goes forwards only, and a cancelled one counts no more', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const o = await api.must(201, 'POST', '/orders', order());

  await api.must(200, 'PATCH', `/orders/${o.id}`, { status: 'shipped' });
  assert.equal((await api.patch(`/orders/${o.id}`, { status: 'open' })).status, 409);
  await api.must(200, 'PATCH', `/orders/${o.id}`, { status: 'cancelled' });
  assert.equal((await api.patch(`/orders/${o.id}`, { status: 'paid' })).status, 409);

  const { standing } = await api.must(200, 'GET', `/customers/${o.customer.id}`);
  assert.equal(standing.orders, 0);
});

test('products are kept once by their number and name the lines of orders', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const p = await api.must(201, 'POST', '/products', { sku: 'FX-2', name: 'Filter FX-2', price: { amount: 2400, currency: 'JPY' } });

  assert.equal((await api.post('/products', { sku: 'FX-2', name: 'again' })).status, 409);
  const o = await api.must(201, 'POST', '/orders', order({ currency: 'JPY', lines: [{ sku: 'FX-2', quantity: 3, price: 2400 }] }));
  assert.equal(o.lines[0].name, 'Filter FX-2');
  assert.equal(o.lines[0].product, p.id);
  assert.equal(o.total.amount, 7200);
  const changed = await api.must(200, 'PATCH', `/products/${p.id}`, { name: 'Filter set FX-2' });
  assert.equal(changed.price.amount, 2400);
});

// ---- many orders at once

const many = (n, more) => ({ number: `M-${n}`, currency: 'EUR', identities: [{ type: 'email', value: `m${n % 7}@example.com` }], lines: [{ sku: 'K-40', quantity: 1, price: 1000 + n }], ...more });

test('orders come many at once, each exactly once by its number', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  await api.must(201, 'POST', '/products', { sku: 'K-40', name: 'Kettle' });
  const all = Array.from({ length: 230 }, (_, i) => many(i));
  all[5] = many(5, { returns: [{ line: 1, quantity: 1, reason: 'broken' }], facts: [{ kind: 'paid' }] });

  const first = await api.lines('/bulk/orders', all);
  const again = await api.lines('/bulk/orders', all);

  assert.equal(first.status, 200);
  assert.ok(first.body.every((l, i) => l.line === i + 1 && l.status === 201 && l.number === `M-${i}` && l.is_repeat === false));
  assert.equal(new Set(first.body.map((l) => l.customer)).size, 7);
  assert.deepEqual(again.body.map((l) => [l.status, l.id, l.customer, l.is_repeat]), first.body.map((l) => [201, l.id, l.customer, true]));
  const order = await api.must(200, 'GET', `/orders/${first.body[5].id}`);
  assert.equal(order.lines[0].name, 'Kettle');
  assert.equal(order.returned.amount, 1005);
  assert.equal(order.facts[0].kind, 'paid');
  const record = await api.must(200, 'GET', `/customers/${first.body[0].customer}`);
  assert.equal(record.standing.orders, Math.ceil(230 / 7));
  const timeline = await api.must(200, 'GET', `/customers/${first.body[0].customer}/timeline?limit=200`);
  assert.equal(timeline.items.length, Math.ceil(230 / 7));
});

test('a bad order fails alone, and a number that comes twice in one body is taken once', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');

  const { body } = await api.lines('/bulk/orders', [
    many(1),
    many(2, { currency: 'XYZ' }),
    many(1),
    many(1, { lines: [{ sku: 'K-40', quantity: 2, price: 5 }] }),
    many(2),
    many(3, { lines: [{ sku: 'K-40', quantity: 0, price: 5 }] }),
    many(4, { customer: 'cus_0000000000000', identities: undefined }),
    '{"number": "5",',
    many(4),
    many(6, { discount: 99999999 }),
    many(7, { returns: [{ line: 2, quantity: 1 }] }),
  ]);

  assert.deepEqual(body.map((l) => l.status), [201, 422, 201, 409, 201, 422, 422, 400, 201, 422, 422]);
  assert.equal(body[2].id, body[0].id);
  assert.equal(body[2].is_repeat, true);
  assert.deepEqual([1, 3, 5, 6, 9, 10].map((i) => body[i].field), ['currency', 'number', 'lines[0].quantity', 'customer', 'discount', 'returns[0].line']);
  assert.ok(body[1].detail.length > 10);
  const list = await api.must(200, 'GET', '/orders');
  assert.deepEqual(list.items.map((o) => o.number).sort(), ['M-1', 'M-2', 'M-4']);
});

test('two who send the same orders at once make each of them once', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const all = Array.from({ length: 120 }, (_, i) => many(i));

  const bodies = await Promise.all([1, 2, 3].map(() => api.lines('/bulk/orders', all)));

  const status = bodies.flatMap((b) => b.body.map((l) => l.status));
  assert.ok(status.every((s) => s === 201 || s === 503), [...new Set(status)].join());
  const list = await api.must(200, 'GET', '/orders?limit=200');
  assert.equal(list.items.length, 120);
  assert.equal(new Set(list.items.map((o) => o.number)).size, 120);
});

test('a client who goes away leaves no order half written, and may send the same again', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const all = Array.from({ length: 600 }, (_, i) => many(i));
  const text = all.map((o) => JSON.stringify(o)).join('\n');

  await new Promise((done) => {
    const s = net.connect(Number(new URL(k.origin).port), '127.0.0.1', () => {
      s.write(`POST /api/v1/bulk/orders HTTP/1.1\r\nHost: ${new URL(k.origin).host}\r\nAuthorization: Bearer ${api.token}\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`);
      s.write(text, () => setTimeout(() => { s.destroy(); done(); }, 20));
    });
    s.on('error', done);
  });
  const { body } = await api.lines('/bulk/orders', all);

  assert.deepEqual(body.filter((l) => l.status !== 201).slice(0, 3), []);
  let n = 0;
  for (let cursor = ''; cursor !== null;) {
    const page = await api.must(200, 'GET', `/orders?limit=200${cursor && `&cursor=${cursor}`}`);
    n += page.items.length;
    cursor = page.next;
  }
  assert.equal(n, 600);
  const standing = await Promise.all([...new Set(body.map((l) => l.customer))].map(async (c) => (await api.must(200, 'GET', `/customers/${c}`)).standing.orders));
  assert.equal(standing.reduce((a, b) => a + b), 600);
});

test('what came of a payment is told once and changes what was spent', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const order = await api.must(201, 'POST', '/orders', many(1));

  const disputed = await api.must(201, 'POST', `/orders/${order.id}/facts`, { kind: 'charge_back', source_id: 'cb-1' });
  await api.must(201, 'POST', `/orders/${order.id}/facts`, { kind: 'charge_back', source_id: 'cb-1' });
  const spent = async () => (await api.must(200, 'GET', `/customers/${order.customer.id}`)).standing.spent.amount;
  assert.equal(disputed.lost.amount, 1001);
  assert.equal(await spent(), 0);
  const paid = await api.must(201, 'POST', `/orders/${order.id}/facts`, { kind: 'paid_at_last' });
  assert.equal(paid.facts.length, 2);
  assert.equal(await spent(), 1001);
});

test('who spends enough is VIP at once, and everybody sees by which rule', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const settings = await owner.must(200, 'GET', '/settings');
  assert.deepEqual([settings.activity_new_days, settings.activity_active_days, settings.activity_cooling_days, settings.activity_idle_days, settings.vip_amount, settings.vip_share], [30, 30, 90, 365, 0, 0]);
  await owner.must(200, 'PATCH', '/settings', { vip_amount: 300000 });
  assert.equal((await owner.patch('/settings', { vip_share: 11 })).body.field, 'vip_share');
  assert.equal((await owner.patch('/settings', { activity_cooling_days: 400 })).body.field, 'activity_cooling_days');

  const o = await owner.must(201, 'POST', '/orders', many(1, { lines: [{ sku: 'K-40', quantity: 1, price: 431000 }] }));
  const record = await owner.must(200, 'GET', `/customers/${o.customer.id}`);
  const card = await owner.must(200, 'GET', `/customers/${o.customer.id}/card`);

  assert.equal(record.marks[0].mark, 'vip');
  assert.match(record.marks[0].reason, /4310\.00 EUR.*3000\.00 EUR/);
  assert.deepEqual(record.standing.vip, { by: 'amount', spent: { amount: 431000, currency: 'EUR' }, limit: { amount: 300000, currency: 'EUR' }, share: null });
  assert.equal(record.standing.activity, 'new');
  assert.equal(card.numbers.activity, 'new');
  assert.equal(card.marks[0].mark, 'vip');
  assert.equal(card.advice[0].code, 'vip_first');
  const gone = await owner.delete(`/customers/${o.customer.id}/marks/vip`);
  assert.deepEqual([gone.status, gone.body.reason], [409, 'MARK_BY_RULE']);
  await owner.must(200, 'PATCH', `/orders/${o.id}`, { status: 'cancelled' });
  assert.deepEqual((await owner.must(200, 'GET', `/customers/${o.customer.id}`)).marks, []);
});
