// Orders come in from the shop, count once, arrive late, come back.
import assert from 'node:assert/strict';
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
