// kill −9 in the middle: everything acknowledged is there, nothing twice, and the house opens again. Writers on every
// door that exists write what they were answered into memory; the server is killed at a random moment.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, isPostgres, sleep } from '../stories/kith.mjs';

const rounds = Number(process.env.KITH_CRASH_ROUNDS || 8);
const writers = 12;

// An answer that did not come is not an acknowledgement.
async function answered(promise) {
  try {
    return await promise;
  } catch {
    return { status: 0 };
  }
}

class Book {
  constructor() {
    this.intakes = new Map(); // source_id → ids as answered
    this.notes = new Set();
    this.callNotes = new Map(); // callId → the last text acknowledged, and those sent after it
    this.orders = new Set();
    this.tried = { intakes: 0, notes: 0, calls: 0, orders: 0 };
  }
}

const phone = (n) => `+4420794${String(60000 + (n % 40)).padStart(5, '0')}`;
// A caller of his own for each call: one that was cut off in an earlier round may ring still, and is found by its number.
const caller = (n) => `+44113${String(n).padStart(7, '0')}`;

async function intakes(api, book, name, isOver) {
  for (let i = 0; !isOver(); i++) {
    const source = `${name}-${i}`;
    book.tried.intakes++;
    const a = await answered(api.post('/intake', {
      channel: 'email', direction: 'in', source_id: source, identities: [{ type: 'phone', value: phone(i * 7 + name.length) }],
      claims: { name: `Caller ${i % 40}` }, text: source,
    }));
    if (a.status === 200) book.intakes.set(source, [a.body.customer.id, a.body.interaction.id]);
    else assert.ok(a.status === 0 || a.status === 503, `intake: ${a.status} ${a.text}`);
  }
}

async function notes(api, book, name, isOver) {
  const first = await answered(api.post('/intake', {
    channel: 'form', direction: 'in', source_id: `${name}-first`, identities: [{ type: 'email', value: `${name}@mail.example` }] }));
  for (let i = 0; first.status === 200 && !isOver(); i++) {
    const text = `${name} note ${i}`;
    book.tried.notes++;
    const a = await answered(api.post(`/customers/${first.body.customer.id}/notes`, { text }, { 'Idempotency-Key': text.replaceAll(' ', '-') }));
    if (a.status >= 200 && a.status < 300) book.notes.add(text);
    else assert.ok(a.status === 0 || a.status === 503, `note: ${a.status} ${a.text}`);
  }
}

async function orders(api, book, name, isOver) {
  for (let i = 0; !isOver(); i++) {
    const number = `${name}-${i}`;
    book.tried.orders++;
    const a = await answered(api.post('/orders', {
      number, identities: [{ type: 'phone', value: phone(i) }], currency: 'GBP',
      lines: [{ sku: 'A1', name: 'Lamp', quantity: 2, price: 1250 }] }));
    if (a.status >= 200 && a.status < 300) book.orders.add(number);
    else assert.ok(a.status === 0 || a.status === 503, `order: ${a.status} ${a.text}`);
  }
}

async function calls(nobody, operator, link, extension, book, name, isOver) {
  for (let i = 0; !isOver(); i++) {
    const callId = `${name}-${i}`;
    const from = caller(book.tried.calls);
    const tell = (event, more = {}) => answered(nobody.post(`/cti/${link}`, { event, callId, from, to: '100', direction: 'in', ...more }));
    book.tried.calls++;
    const rung = await tell('newCall', { user: [extension] });
    if (rung.status !== 200) continue;
    book.callNotes.set(callId, { sure: '', maybe: [] });
    const list = await answered(operator.get('/calls?view=queue'));
    const call = list.status === 200 && list.body.items.find((c) => c.state === 'ringing' && c.number === from);
    await tell('answer', { answeringNumber: extension });
    if (call) {
      const text = `${callId} said something`;
      const entry = book.callNotes.get(callId);
      entry.maybe.push(text);
      const saved = await answered(operator.patch(`/calls/${call.id}`, { note: text }));
      if (saved.status === 200) book.callNotes.set(callId, { sure: text, maybe: [] });
    }
    await tell('hangup', { cause: 'normalClearing' });
  }
}

test(`after ${rounds} kills in the middle of writing, everything acknowledged is there once`, { timeout: 4 * 3600 * 1000 }, async (t) => {
  const k = await house(t);
  const api = await k.token('owner', ['read', 'write', 'intake']);
  const owner = await k.person('owner');
  const operator = await k.person('operator', { extensions: ['101'] });
  const link = (await owner.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'crash' })).token;
  const nobody = k.nobody();
  const book = new Book();

  for (let round = 0; round < rounds; round++) {
    let over = false;
    const isOver = () => over;
    const doors = [];
    for (let w = 0; w < writers; w++) {
      const name = `r${round}w${w}`;
      doors.push(w % 4 === 0 ? notes(api, book, name, isOver)
        : w % 4 === 1 ? orders(api, book, name, isOver)
          : w === 2 ? calls(nobody, operator, link, '101', book, name, isOver)
            : intakes(api, book, name, isOver));
    }
    await sleep(10 + Math.random() * 490);
    await k.kill();
    over = true;
    await Promise.all(doors);
    await k.start();
  }

  const rows = new Set(k.sql('SELECT text FROM note').map((r) => r[0]));
  const missingNotes = [...book.notes].filter((n) => !rows.has(n));
  assert.deepEqual(missingNotes, []);

  const numbers = k.sql('SELECT number FROM orders').map((r) => r[0]);
  assert.equal(new Set(numbers).size, numbers.length);
  const missingOrders = [...book.orders].filter((n) => !numbers.includes(n));
  assert.deepEqual(missingOrders, []);

  const heard = new Map(k.sql('SELECT source_id, note FROM call').map((r) => [r[0], r[1] ?? '']));
  for (const [callId, entry] of book.callNotes) {
    assert.ok(heard.has(callId), `call ${callId} is lost`);
    assert.ok(heard.get(callId) === entry.sure || entry.maybe.includes(heard.get(callId)), `the note of ${callId} is lost: "${heard.get(callId)}" stands where "${entry.sure}" was acknowledged (${JSON.stringify(entry.maybe)})`);
  }

  // The same source again answers the same: nothing lost, nothing twice.
  const texts = k.sql(`SELECT text FROM interaction WHERE channel = 'email'`).map((r) => r[0]);
  assert.equal(new Set(texts).size, texts.length, 'an interaction stands twice');
  const kept = new Set(texts);
  assert.deepEqual([...book.intakes.keys()].filter((s) => !kept.has(s)), []);
  for (const [source, ids] of [...book.intakes].slice(-200)) {
    const again = await api.post('/intake', {
      channel: 'email', direction: 'in', source_id: source, identities: [{ type: 'phone', value: '+442079460999' }] });
    assert.deepEqual([again.body.customer.id, again.body.interaction.id], ids);
  }
  const owners = k.sql('SELECT value, type, count(*) FROM identity_value GROUP BY value, type HAVING count(*) > 1');
  assert.deepEqual(owners, []);

  await k.stop();
  if (!isPostgres) assert.equal((await k.command(['check'])).status, 0);
  t.diagnostic(`acknowledged: ${book.intakes.size} intakes, ${book.notes.size} notes, ${book.orders.size} orders, ${book.callNotes.size} calls; `
    + `tried ${JSON.stringify(book.tried)}`);
  assert.ok(book.intakes.size > rounds && book.notes.size > rounds && book.callNotes.size > 0, 'the writers wrote too little to show anything');
});
