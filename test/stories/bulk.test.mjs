// Many contacts or customers in one request: one line in, one line out.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house, until } from './kith.mjs';

const contact = (n, more) => ({ channel: 'email', direction: 'in', source_id: `m${n}`, identities: [{ type: 'email', value: `p${n}@example.com` }], ...more });

test('each line is answered as the single request would be, in the order sent', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const known = await api.must(200, 'POST', '/intake', contact(1, { claims: { name: 'Ann Lee' } }));

  const { status, headers, body } = await api.lines('/bulk/intake', [contact(2), contact(3, { identities: [{ type: 'email', value: 'P1@Example.com' }] }), contact(2)]);

  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/x-ndjson/);
  assert.deepEqual(body.map((l) => [l.line, l.status]), [[1, 200], [2, 200], [3, 200]]);
  assert.equal(body[0].customer.is_new, true);
  assert.deepEqual(body[1].customer, { id: known.customer.id, is_new: false });
  assert.equal(body[1].matched_by, 'email');
  assert.deepEqual({ ...body[2], line: 1 }, body[0]); // the same source again
});

test('the second line of a body meets the customer that the first one made', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const phone = [{ type: 'phone', value: '+442079460018' }];

  const { body } = await api.lines('/bulk/customers', [
    { claims: { name: 'Ann Lee', country: 'GB' }, identities: phone },
    { claims: { city: 'Leeds' }, identities: phone },
    { claims: { name: 'LEE Ann', country: 'GB' } },
  ]);

  assert.deepEqual(body.map((l) => l.status), [201, 201, 201]);
  assert.deepEqual(body[1].customer, { id: body[0].customer.id, is_new: false });
  assert.equal(body[2].customer.is_new, true);
  assert.equal(body[2].possible_duplicates[0].id, body[0].customer.id);
  const record = await api.must(200, 'GET', `/customers/${body[0].customer.id}`);
  assert.equal(record.customer.city, 'Leeds');
  assert.equal(body[0].interaction, null);
});

test('a bad line is refused alone, with its number, its sentence and the field at fault', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');

  const { status, body } = await api.lines('/bulk/intake', [
    contact(1),
    '{"channel": "email", ',
    contact(2, { claims: { nmae: 'Ann' } }),
    '',
    contact(3, { claims: { country: 'Atlantis' } }),
    '[1]',
    '{"channel":"email","channel":"call"}',
    contact(4, { at: '2999-01-01T00:00:00Z' }),
    contact(5),
  ]);

  assert.equal(status, 200);
  assert.deepEqual(body.map((l) => l.line), [1, 2, 3, 5, 6, 7, 8, 9]);
  assert.deepEqual(body.map((l) => l.status), [200, 400, 422, 422, 422, 400, 422, 200]);
  assert.equal(body[2].field, 'claims.nmae');
  assert.equal(body[2].reason, 'UNKNOWN_MEMBER_NEAR');
  assert.equal(body[2].args.nearest, 'name');
  assert.equal(body[3].field, 'claims.country');
  assert.equal(body[6].field, 'at');
  assert.ok(body[1].detail.length > 10);
  const list = await api.must(200, 'GET', '/customers');
  assert.equal(list.items.length, 2);
});

test('an Idempotency-Key makes each line happen once, however often and at whatever moment the request comes again', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const all = Array.from({ length: 250 }, (_, i) => ({ claims: { name: `Number ${i}`, country: 'GB' } }));
  all[7] = { claims: { country: 'nowhere' } };
  const key = { 'Idempotency-Key': 'import-1' };

  const first = await api.lines('/bulk/customers', all, key);
  const again = await api.lines('/bulk/customers', all, key);
  const other = await api.lines('/bulk/customers', all.slice(1), key);
  const twins = await Promise.all([1, 2, 3].map(() => api.lines('/bulk/customers', all.slice(0, 150), { 'Idempotency-Key': 'twins' })));

  assert.equal(first.body.filter((l) => l.status === 201).length, 249);
  assert.deepEqual(again.body.map((l) => [l.line, l.status, l.customer?.id, l.customer?.is_new]), first.body.map((l) => [l.line, l.status, l.customer?.id, l.customer?.is_new]));
  assert.equal(other.status, 422);
  assert.equal(other.body.reason, 'GATE_KEY_OTHER');
  for (const one of twins) assert.deepEqual(one.body.map((l) => l.customer?.id), twins[0].body.map((l) => l.customer?.id));
  let all_ids = new Set();
  for (let cursor = ''; cursor !== null;) {
    const page = await api.must(200, 'GET', `/customers?limit=200${cursor && `&cursor=${cursor}`}`);
    for (const c of page.items) all_ids.add(c.id);
    cursor = page.next;
  }
  assert.equal(all_ids.size, 249 + 149);
});

test('five thousand lines go, one more is refused before anything is done', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const all = Array.from({ length: 5001 }, (_, i) => contact(i, { identities: [{ type: 'email', value: `p${i % 100}@example.com` }] }));

  const over = await api.lines('/bulk/intake', all);
  const none = await api.must(200, 'GET', '/customers');
  const full = await api.lines('/bulk/intake', all.slice(0, 5000));

  assert.equal(over.status, 413);
  assert.equal(over.body.reason, 'LINES_MANY');
  assert.equal(none.items.length, 0);
  assert.equal(full.body.length, 5000);
  assert.ok(full.body.every((l) => l.status === 200));
  assert.equal(full.body.filter((l) => l.customer.is_new).length, 100);
  assert.equal(new Set(full.body.map((l) => l.interaction.id)).size, 5000);
});

test('the writer gets a body a turn at a time, of two hundred and fifty lines at most', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const all = Array.from({ length: 1200 }, (_, i) => ({ claims: { name: `Number ${i}` } }));

  const { body } = await api.lines('/bulk/customers', all);

  assert.ok(body.every((l) => l.status === 201));
  // what is written in one turn was made at one time
  const turns = k.sql('SELECT count(*) FROM customer GROUP BY created_ms').map(([n]) => Number(n));
  assert.equal(turns.reduce((a, b) => a + b), 1200);
  assert.ok(Math.max(...turns) <= 250, turns.join(' '));
});

test('a body among single requests is answered line by line, and each line is written once', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const key = { 'Idempotency-Key': 'among-others' };
  const all = Array.from({ length: 2000 }, (_, i) => contact(i, i % 50 === 7 ? { claims: { country: 'Atlantis' } } : {}));

  let is_over = false, singles = 0;
  const sent = api.lines('/bulk/intake', all, key).finally(() => { is_over = true; });
  while (!is_over) {
    const one = await api.post('/intake', contact(`s${singles}`));
    assert.equal(one.status, 200);
    singles++;
  }
  const { body } = await sent;
  const again = await api.lines('/bulk/intake', all, key);

  assert.deepEqual(body.map((l) => l.line), all.map((_, i) => i + 1));
  assert.deepEqual(body.map((l) => l.status), all.map((_, i) => (i % 50 === 7 ? 422 : 200)));
  assert.deepEqual(again.body.map((l) => l.interaction?.id), body.map((l) => l.interaction?.id));
  assert.equal(Number(k.sql('SELECT count(*) FROM interaction')[0][0]), 1960 + singles);
});

test('no line is refused because those it tells of write all the while, each by a request of his own', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const caller = (i) => ({ identities: [{ type: 'email', value: `caller${i % 10}@example.com` }] });
  const all = Array.from({ length: 1000 }, (_, i) => contact(`b${i}`, caller(i)));

  let isOver = false, singles = 0;
  const others = Array.from({ length: 24 }, async () => {
    while (!isOver) {
      singles++;
      await api.must(200, 'POST', '/intake', contact(`s${singles}`, caller(singles)));
    }
  });
  const { body } = await api.lines('/bulk/intake', all).finally(() => { isOver = true; });
  await Promise.all(others);

  assert.equal(body.length, 1000);
  assert.deepEqual([...new Set(body.map((l) => l.status))], [200]);
  assert.equal(Number(k.sql('SELECT count(*) FROM interaction')[0][0]), 1000 + singles);
  assert.equal(Number(k.sql('SELECT count(*) FROM customer')[0][0]), 10);
});

test('what is no body of lines is refused as a whole', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');

  const empty = await api.lines('/bulk/intake', ['', '  ']);
  const json = await api.lines('/bulk/intake', [contact(1)], { 'Content-Type': 'application/json' });
  const query = await api.lines('/bulk/intake?dry=1', [contact(1)]);
  const long = await api.lines('/bulk/intake', [contact(1), `{"channel":"email","text":"${'x'.repeat(1100000)}"}`, contact(2)]);
  const big = await api.ask('POST', '/bulk/intake', Buffer.alloc((8 << 20) + 1, 'x'), { 'Content-Type': 'application/x-ndjson' }).catch(() => ({ status: 413 }));

  assert.equal(empty.body.reason, 'LINES_NONE');
  assert.equal(json.status, 415);
  assert.match(json.body.detail, /ndjson/);
  assert.equal(query.status, 422);
  assert.deepEqual(long.body.map((l) => l.status), [200, 413, 200]);
  assert.equal(big.status, 413);
});

test('who may not bring a contact may not bring many, and trust comes from the route', async (t) => {
  const k = await house(t);
  const reader = await k.token('manager', ['read']);
  const plain = await k.token('manager', ['read', 'intake']);
  const marketer = await k.token('marketer');

  const a = await reader.lines('/bulk/intake', [contact(1)]);
  const b = await marketer.lines('/bulk/customers', [{ claims: { name: 'Ann' } }]);
  const c = await plain.lines('/bulk/intake', [contact(2, { identities: [{ type: 'email', value: 'ann@example.com', verified: true }] })]);

  assert.equal(a.status, 403);
  assert.equal(b.status, 403);
  const record = await plain.must(200, 'GET', `/customers/${c.body[0].customer.id}`);
  assert.equal(record.identities[0].state, 'claimed');
});

test('single contacts are answered at once while many lines go in', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const all = Array.from({ length: 3000 }, (_, i) => contact(`b${i}`, { identities: [{ type: 'email', value: `b${i}@example.com` }], claims: { name: `Person ${i}` } }));
  let isOver = false;

  const bulk = api.lines('/bulk/intake', all).then((a) => { isOver = true; return a; });
  const took = [];
  for (let i = 0; !isOver && i < 200; i++) {
    const begun = Date.now();
    await api.must(200, 'POST', '/intake', contact(`s${i}`));
    took.push(Date.now() - begun);
  }
  const { body } = await bulk;

  assert.equal(body.length, 3000);
  assert.ok(body.every((l) => l.status === 200));
  assert.ok(took.length > 3);
  took.sort((a, b) => a - b);
  assert.ok(took[Math.floor(took.length / 2)] < 500, `median ${took[Math.floor(took.length / 2)]} ms`);
});

test('panels hear of many changes by one event, and of a single one by its own', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const api = await k.token('manager');
  const events = await owner.events('customer');

  await api.lines('/bulk/intake', [contact(1), contact(2), contact(1)]);
  const many = await events.next('customers.changed');

  assert.ok(many.body.count >= 4, `${many.body.count}`); // two made, two lines of a timeline
  assert.equal(events.seen.filter((e) => e.event === 'customer.changed').length, 0);
});

test('a body cut off by kill -9 is written once when it is sent again', async (t) => {
  const k = await house(t);
  const api = await k.token('manager');
  const all = Array.from({ length: 4000 }, (_, i) => ({ claims: { name: `Number ${i}`, country: 'GB' } }));
  const key = { 'Idempotency-Key': 'cut-off' };

  const cut = api.lines('/bulk/customers', all, key).then(() => false, () => true);
  await until(async () => (await api.get('/customers?limit=50')).body.items.length === 50, { what: 'the first lines' });
  await k.kill();
  await cut;
  await k.start();
  const again = await api.lines('/bulk/customers', all, key);

  assert.equal(again.body.length, 4000);
  assert.ok(again.body.every((l) => l.status === 201 && l.customer.is_new));
  assert.equal(new Set(again.body.map((l) => l.customer.id)).size, 4000);
  assert.equal(Number(k.sql('SELECT count(*) FROM customer')), 4000);
});
