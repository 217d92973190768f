// Risk: a checkout asks and is answered with reasons; what was seen is remembered; people decide, and it is kept.
import test from 'node:test';
import assert from 'node:assert/strict';
import { house, until } from './kith.mjs';

const honest = (i = 0) => ({
  customer: { name: `Anna Berg`, email: `anna.berg${i}@kith.example`, phone: '+4930901820', country: 'DE', city: 'Berlin', address: `Lane ${i + 1}`, language: 'de', time_zone: 'Europe/Berlin' },
  device: `device-${i}`, ip: '192.0.2.7', form_seconds: 60,
});
const names = (answer) => answer.signals.map((s) => s.name);
const screen = (who, body) => who.must(200, 'POST', '/screen', body);

test('an ordinary sign-up is low, says how much is known, and any payment is accepted', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const a = await screen(shop, { ...honest(), payment: { method: 'card', card_name: 'BERG ANNA', card_country: 'DE', card_fingerprint: 'tok_1' }, order: { total: 4900, currency: 'EUR', items: [{ sku: 'A', name: 'Lamp', qty: 1, price: 4900 }] } });
  assert.equal(a.risk, 0, JSON.stringify(a));
  assert.equal(a.level, 'low');
  assert.equal(a.advice_code, 'accept');
  assert.deepEqual(a.signals, []);
  assert.ok(a.confidence > 0.4 && a.confidence < 1);
  assert.ok(a.unknown.includes('questions'));
  assert.ok(a.payment.includes('card') && a.payment.includes('bank_transfer'));
  assert.match(a.summary, /^Low · 0 of 100 · \d+ of \d+ checks known$/);
});

test('what does not fit together is named with its points and its evidence, in the language asked', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const body = {
    customer: { name: 'John Smith', email: 'dragonslayer@kith.example', phone: '+77012345678', country: 'DE', time_zone: 'Asia/Tokyo' }, form_seconds: 2,
    payment: { method: 'card', card_name: 'MARIA GONZALEZ', card_country: 'BR', card_fingerprint: 'tok_9' },
    order: { total: 900000, currency: 'EUR', express: true, items: [] }, history: { paid_orders: 0, age_days: 0, questions: 0 },
  };
  const a = await screen(shop, body);
  for (const name of ['holder_name', 'card_country', 'phone_country', 'time_zone', 'large_first_order', 'hurry', 'email_unlike_name', 'no_questions'])
    assert.ok(names(a).includes(name), `${name}: ${JSON.stringify(names(a))}`);
  assert.equal(a.level, 'high');
  assert.equal(a.advice_code, 'hold');
  assert.ok(!a.payment.includes('card') && a.payment.includes('cash'));
  assert.match(a.signals.find((s) => s.name === 'card_country').evidence, /BR.*DE/);
  const ja = (await shop.post('/screen', body, { 'Accept-Language': 'ja' })).body;
  assert.match(ja.advice, /保留/);
});

test('a checkout is screened once by its id, and a card number is never taken', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const first = await screen(shop, { id: 'order-1', ...honest() });
  const again = await screen(shop, { id: 'order-1', customer: { name: 'Somebody Else' } });
  assert.equal(again.id, first.id);
  assert.equal(again.is_repeat, true);
  assert.equal(again.risk, first.risk);
  assert.deepEqual(again.unknown, first.unknown);
  const r = await shop.post('/screen', { ...honest(), payment: { card_fingerprint: '4111111111111111' } });
  assert.equal(r.status, 422);
  assert.equal(r.body.field, 'payment.card_fingerprint');
});

test('the same id from many sides at once is one screening', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const all = await Promise.all(Array.from({ length: 12 }, () => shop.post('/screen', { id: 'race', ...honest() })));
  assert.deepEqual([...new Set(all.map((a) => a.status))], [200]);
  assert.equal(new Set(all.map((a) => a.body.id)).size, 1);
  assert.equal(all.filter((a) => !a.body.is_repeat).length, 1);
});

test('rings and speed show: one device with many people, one person with many cards', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  let last;
  for (let i = 0; i < 5; i += 1) last = await screen(shop, { ...honest(i), customer: { ...honest(i).customer, name: ['Anna Berg', 'Karl Moor', 'Lena Vogt', 'Otto Pohl', 'Ines Rath'][i] }, device: 'one' });
  assert.ok(names(last).includes('shared_device'), JSON.stringify(last));
  assert.ok(names(last).includes('velocity'));
  const before = await screen(shop, { ...honest(50), device: 'own', payment: { card_fingerprint: 'c0' } });
  assert.ok(!names(before).includes('several_cards'));
  for (let i = 1; i < 4; i += 1) last = await screen(shop, { ...honest(50), device: 'own', payment: { card_fingerprint: `c${i}` } });
  assert.ok(names(last).includes('several_cards'));
});

test('small changes of an address are the same one', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const shop = await k.token('manager');
  await officer.must(201, 'POST', '/risk/blocks', { kind: 'email', value: 'bad.one@gmail.com', reason: 'never paid' });
  for (const email of ['bad.one@gmail.com', 'BadOne@Gmail.com', 'b.a.d.o.n.e+new@gmail.com']) {
    const a = await screen(shop, { customer: { name: 'Bad One', email, country: 'DE', city: 'Bonn' } });
    assert.ok(names(a).includes('listed'), email);
    assert.equal(a.advice_code, 'refuse');
    assert.deepEqual(a.payment, []);
  }
});

test('the block list has reasons and ends, and who is listed is heard', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const agent = await k.person('agent');
  assert.equal((await officer.post('/risk/blocks', { kind: 'ip', value: 'nonsense', reason: 'x' })).body.field, 'value');
  assert.equal((await officer.post('/risk/blocks', { kind: 'ip', value: '192.0.2.9', reason: ' ' })).body.field, 'reason');
  assert.equal((await officer.post('/risk/blocks', { kind: 'ip', value: '192.0.2.9', reason: 'x', until: '2020-01-01T00:00:00Z' })).body.field, 'until');
  assert.equal((await agent.post('/risk/blocks', { kind: 'ip', value: '192.0.2.9', reason: 'x' })).status, 403);
  const b = await officer.must(201, 'POST', '/risk/blocks', { kind: 'device', value: 'd-1', reason: 'charge-backs', until: '2090-01-01T00:00:00Z' });
  assert.equal((await officer.post('/risk/blocks', { kind: 'device', value: 'd-1', reason: 'again' })).status, 409);
  await agent.must(200, 'POST', `/risk/blocks/${b.id}/wish`, { text: 'It was my brother.' });
  const queue = await officer.must(200, 'GET', '/risk/queue');
  assert.equal(queue.items[0].kind, 'block');
  assert.equal(queue.items[0].block, b.id);
  assert.equal((await officer.must(200, 'GET', '/risk/blocks')).items[0].wishes, 'It was my brother.');
  await officer.must(204, 'DELETE', `/risk/blocks/${b.id}`);
  assert.deepEqual((await officer.must(200, 'GET', '/risk/blocks')).items, []);
  const a = await screen(await k.token('manager'), { ...honest(), device: 'd-1' });
  assert.ok(!names(a).includes('listed'));
});

const bad = (email, more = {}) => ({
  customer: { name: 'Asdfgh Qwertz', email, country: 'DE', city: 'Bonn', phone: '+77012345678', time_zone: 'Asia/Tokyo' },
  payment: { method: 'card', card_name: 'MARIA GONZALEZ', card_country: 'BR' }, order: { total: 100, currency: 'EUR' }, ...more,
});

test('a verdict is kept, counts for the same person, and is evidence, not guilt, for who shares a trace', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const shop = await k.token('manager');
  const high = await screen(shop, bad('first@kith.example', { device: 'shared-one' }));
  assert.equal(high.level, 'high', JSON.stringify(high));
  await screen(shop, bad('first@kith.example', { device: 'shared-one' }));
  const queue = (await officer.must(200, 'GET', '/risk/queue')).items;
  assert.equal(queue.length, 1);
  assert.equal(queue[0].times, 2);
  const one = await officer.must(200, 'GET', `/risk/queue/${queue[0].id}`);
  assert.equal(one.risk.level, 'high');
  assert.ok(one.shared.some((s) => s.kind === 'device'));
  const done = await officer.must(200, 'POST', `/risk/queue/${queue[0].id}/verdict`, { verdict: 'fraud', note: 'stolen card' });
  assert.equal(done.verdict, 'fraud');
  assert.deepEqual((await officer.must(200, 'GET', '/risk/queue')).items, []);
  assert.equal((await officer.must(200, 'GET', '/risk/queue?state=decided')).items[0].note, 'stolen card');

  const same = await screen(shop, { customer: { name: 'Anna Berg', email: 'first@kith.example', country: 'DE', city: 'Bonn' } });
  assert.ok(names(same).includes('judged_fraud'));
  const other = await screen(shop, { customer: { name: 'Karl Moor', email: 'karl.moor@kith.example', country: 'DE', city: 'Bonn' }, device: 'shared-one' });
  assert.ok(names(other).includes('linked_verdict') && !names(other).includes('judged_fraud'));
  assert.notEqual(other.level, 'high');

  const linked = (await (await k.person('owner')).must(201, 'POST', '/customers', { claims: { name: 'Karl Moor', country: 'DE', city: 'Bonn' }, identities: [{ type: 'device', value: 'shared-one' }] })).customer.id;
  const shown = await officer.must(200, 'GET', `/customers/${linked}/risk`);
  assert.ok(names(shown).includes('linked_verdict'));
  assert.deepEqual(shown.reviews.map((r) => r.note), ['stolen card']);

  await officer.must(200, 'POST', `/risk/queue/${queue[0].id}/verdict`, { verdict: 'honest', note: 'his own card after all' });
  const cleared = await screen(shop, { customer: { name: 'Anna Berg', email: 'first@kith.example', country: 'DE', city: 'Bonn' } });
  assert.ok(names(cleared).includes('judged_honest') && !names(cleared).includes('judged_fraud'));
});

test('facts of outcome and confirmed complaints stand on the customer', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const owner = await k.person('owner');
  const cus = (await owner.must(201, 'POST', '/customers', { claims: { name: 'Anna Berg', country: 'DE', city: 'Bonn' }, identities: [{ type: 'email', value: 'anna.berg@kith.example' }] })).customer.id;
  const risk = () => officer.must(200, 'GET', `/customers/${cus}/risk`);
  assert.equal((await risk()).risk, 0);
  const order = await owner.must(201, 'POST', '/orders', { number: 'N1', customer: cus, currency: 'EUR', status: 'paid', lines: [{ sku: 'A', quantity: 1, price: 100 }] });
  await owner.must(201, 'POST', `/orders/${order.id}/facts`, { kind: 'charge_back' });
  assert.ok(names(await risk()).includes('charge_back'));
  await owner.must(201, 'POST', `/orders/${order.id}/facts`, { kind: 'paid_at_last' });
  assert.ok(!names(await risk()).includes('charge_back'));

  const report = await owner.must(201, 'POST', `/customers/${cus}/abuse-reports`, { text: 'He deceived my mother with it.', reporter: 'Ms Pohl', source_id: 'm1' });
  assert.equal((await owner.must(201, 'POST', `/customers/${cus}/abuse-reports`, { text: 'again', source_id: 'm1' })).id, report.id);
  assert.ok(!names(await risk()).includes('abuse_report'));
  assert.equal((await (await k.person('agent')).post(`/abuse-reports/${report.id}/decide`, { confirmed: true })).status, 403);
  await officer.must(200, 'POST', `/abuse-reports/${report.id}/decide`, { confirmed: true, note: 'seen the letter' });
  assert.ok(names(await risk()).includes('abuse_report'));
  assert.equal((await officer.must(200, 'GET', `/customers/${cus}/abuse-reports`)).items[0].state, 'confirmed');
  await officer.must(200, 'POST', `/abuse-reports/${report.id}/decide`, { confirmed: false });
  assert.ok(!names(await risk()).includes('abuse_report'));
});

test('a record is looked at within a second, conditions may ask it, and a change of a weight is shown before and followed', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const owner = await k.person('owner');
  const made = (i, zone) => owner.must(201, 'POST', '/customers', { claims: { name: 'Anna Berg', country: 'DE', city: 'Bonn', time_zone: zone }, identities: [{ type: 'email', value: `anna.berg${i}@kith.example` }] });
  await made(1, 'Asia/Tokyo');
  const odd = (await made(2, 'Asia/Tokyo')).customer.id;
  await made(3, 'Europe/Berlin');
  const count = async (text) => (await owner.must(200, 'POST', '/expressions/count', { text })).count;
  await until(async () => (await count('risk is known')) === 3, { ms: 10000, what: 'the look at three records' });
  const { points } = (await officer.must(200, 'GET', '/risk/signals')).items.find((x) => x.code === 'time_zone');
  assert.equal(await count(`risk = ${points}`), 2);
  assert.equal(await count('risk_level = low'), 3);
  assert.ok((await count('risk_confidence > 0.1')) === 3 && (await count('risk_confidence > 1')) === 0);
  const judgement = await owner.must(200, 'GET', `/customers/${odd}/judgement`);
  assert.equal(judgement.risk.risk, points);
  assert.equal(judgement.risk.signals[0].name, 'time_zone');

  const seen = await officer.must(200, 'POST', '/risk/signals/time_zone/preview', { points: 40 });
  assert.deepEqual(seen.changes, [{ from: 'low', to: 'medium', customers: 2 }]);
  assert.equal(seen.looked_at, 2);
  assert.equal(seen.sample.length, 2);
  assert.equal(await count('risk_level = medium'), 0);
  await officer.must(200, 'PATCH', '/risk/signals/time_zone', { points: 40 });
  await until(async () => (await count('risk_level = medium')) === 2, { ms: 10000, what: 'the new weight on two records' });
  await officer.must(200, 'PATCH', '/risk/signals/time_zone', { is_on: false });
  await until(async () => (await count('risk = 0')) === 3, { ms: 10000, what: 'the sign that is off' });
  const back = await officer.must(200, 'POST', '/risk/signals/time_zone/preview', { is_on: true });
  assert.deepEqual(back.changes, [{ from: 'low', to: 'medium', customers: 2 }]);
});

test('what a checkout showed stands on the customer whose address it was, and a high one is in the queue', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const owner = await k.person('owner');
  const shop = await k.token('manager');
  const cus = (await owner.must(201, 'POST', '/customers', { claims: { name: 'Anna Berg', country: 'DE', city: 'Bonn' }, identities: [{ type: 'email', value: 'anna.berg@kith.example' }] })).customer.id;
  await screen(shop, { customer: { name: 'Anna Berg', email: 'anna.berg@kith.example', country: 'DE', city: 'Bonn' }, payment: { card_name: 'MARIA GONZALEZ', card_country: 'BR' } });
  const risk = await officer.must(200, 'GET', `/customers/${cus}/risk`);
  assert.ok(names(risk).includes('holder_name') && names(risk).includes('card_country'), JSON.stringify(risk));
  await officer.must(201, 'POST', '/risk/blocks', { kind: 'email', value: 'anna.berg@kith.example', reason: 'never paid' });
  const queue = await until(async () => { const q = (await officer.must(200, 'GET', '/risk/queue')).items; return q.length ? q : null; }, { ms: 10000, what: 'the queue' });
  assert.equal(queue[0].customer.id, cus);
});

test('a household shares a device and a card, strangers do not', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const order = (name, i, device, card) => screen(shop, { customer: { name, email: `p${i}@kith.example`, country: 'KZ' }, device, payment: { method: 'card', card_fingerprint: card } });
  const kin = ['Серик Ахметов', 'Динара Ахметова', 'AIZHAN AKHMETOVA'];
  for (const [i, name] of kin.entries()) {
    const said = names(await order(name, i, 'tablet', `family-${i % 2}`));
    for (const sign of ['shared_device', 'shared_card', 'several_cards']) assert.ok(!said.includes(sign), `${name}: ${said}`);
  }
  const others = ['Иван Смирнов', 'Пётр Кузнецов', 'Олег Морозов'];
  let last;
  for (const [i, name] of others.entries()) last = await order(name, i + 10, 'box', `taken-${i}`);
  assert.ok(names(last).includes('shared_device') && names(last).includes('several_cards') && last.level === 'high', JSON.stringify(last));
});

test('an account in other hands: known since before, and all around it is new', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const at = (days) => new Date(Date.now() - days * 86400000).toISOString();
  const customer = { name: 'Anna Berg', email: 'anna.berg@kith.example', country: 'DE', city: 'Bonn', address: 'Lane 1' };
  const history = { paid_orders: 7, age_days: 600, questions: 0 };
  const hers = { ip: '91.12.3.4', device: 'hers', payment: { method: 'card', card_fingerprint: 'hers', card_country: 'FR' }, history };
  const risk = async (days, more) => screen(shop, { at: at(days), customer, ...hers, ...more });
  await risk(9, {});
  const again = await risk(6, {});
  assert.ok(!names(again).includes('new_surroundings'));
  const phone = await risk(5, { device: 'her new one' });
  assert.ok(!names(phone).includes('new_surroundings'), 'a new telephone alone is nothing');
  const taken = await risk(0, { device: 'his', ip: '84.128.9.9', customer: { ...customer, city: 'Kehl', address: 'Drop 9' } });
  assert.ok(names(taken).includes('new_surroundings') && taken.risk > again.risk + 30, JSON.stringify(taken));
  const twice = await risk(0, { device: 'his', ip: '84.128.9.9', customer: { ...customer, city: 'Kehl', address: 'Drop 9' } });
  assert.ok(names(twice).includes('new_surroundings'), 'who took it over does not vouch for himself');
});

test('a card in Latin letters is compared with a name in Han as people there read it', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const signs = async (country, name, reading, card_name) => names(await screen(shop, { customer: { name, reading, email: `x${Math.abs(name.codePointAt(0))}@kith.example`, country }, payment: { method: 'card', card_name } }));
  for (const [country, name, reading, card, differs] of [
    ['CN', '马超', '', 'MA CHAO', false], ['CN', '马超', '', 'QIAN WEI', true], ['CN', '吕静', '', 'LV JING', false], ['HK', '陈大文', '', 'CHAN TAI MAN', false],
    ['JP', '桜井 誠', '', 'MAKOTO SAKURAI', false], ['JP', '桜井 誠', '', 'YOKO SUGIMOTO', true], ['JP', '渋谷 誠', 'しぶや まこと', 'MAKOTO SHIBUYA', false], ['JP', '渋谷 誠', 'しぶや まこと', 'YOKO SUGIMOTO', true],
  ]) assert.equal((await signs(country, name, reading, card)).includes('holder_name'), differs, `${name}: ${card}`);
});

test('weights are the company’s, versioned, and never above 100', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const shop = await k.token('manager');
  const body = { customer: { name: 'Anna Berg', email: 'anna.berg@kith.example', country: 'DE', city: 'Bonn', time_zone: 'Asia/Tokyo' } };
  const was = (await screen(shop, body)).risk;
  const s = (await officer.must(200, 'GET', '/risk/signals')).items.find((x) => x.code === 'time_zone');
  assert.equal(s.points, s.shipped_points);
  assert.equal(was, s.points);
  const changed = await officer.must(200, 'PATCH', '/risk/signals/time_zone', { points: 40 });
  assert.equal((await screen(shop, body)).risk, 40);
  assert.equal((await officer.patch('/risk/signals/time_zone', { points: 50 }, { 'If-Match': `"${changed.version - 1}"` })).status, 412);
  assert.equal((await officer.patch('/risk/signals/time_zone', { points: 101 })).status, 422);
  assert.equal((await officer.patch('/risk/signals/nonsense', { points: 1 })).status, 404);
  await officer.must(200, 'PATCH', '/risk/signals/time_zone', { is_on: false });
  assert.equal((await screen(shop, body)).risk, 0);
  const acts = (await (await k.person('owner')).must(200, 'GET', '/audit?act=risk.signal')).items;
  assert.equal(acts.length, 2);
});

test('ways to pay follow the advice and the country', async (t) => {
  const k = await house(t);
  const officer = await k.person('risk');
  const shop = await k.token('manager');
  const codes = async () => (await officer.must(200, 'GET', '/payment-methods')).items.map((m) => m.code);
  assert.deepEqual(await codes(), ['card', 'bank_transfer', 'cash', 'webmoney', 'yoomoney']);
  await officer.must(201, 'POST', '/payment-methods', { code: 'voucher', name: 'Voucher', call_back: 'no', countries: ['DE'], position: 9 });
  assert.equal((await officer.post('/payment-methods', { code: 'voucher', name: 'Voucher', call_back: 'no' })).status, 409);
  assert.equal((await officer.post('/payment-methods', { code: 'Bad Code', name: 'x', call_back: 'no' })).body.field, 'code');
  assert.equal((await officer.post('/payment-methods', { code: 'x', name: 'x', call_back: 'days' })).body.field, 'days');
  const at = async (country) => (await screen(shop, { customer: { name: 'Anna Berg', email: 'anna.berg@kith.example', country, city: 'X' } })).payment;
  assert.ok((await at('DE')).includes('voucher'));
  assert.ok(!(await at('FR')).includes('voucher'));
  assert.ok(!(await at('FR')).includes('yoomoney') && (await at('RU')).includes('yoomoney'));
  await officer.must(200, 'PATCH', '/payment-methods/card', { call_back: 'no' });
  assert.ok((await screen(shop, bad('z@kith.example'))).payment.includes('card'));
  await officer.must(204, 'DELETE', '/payment-methods/card');
  assert.ok(!(await codes()).includes('card'));
  assert.equal((await officer.delete('/payment-methods/card')).status, 404);
});

test('what is sent wrongly is refused by name, and nothing hostile passes', async (t) => {
  const k = await house(t);
  const shop = await k.token('manager');
  const refused = async (body, field) => {
    const a = await shop.post('/screen', body);
    assert.equal(a.status, 422, a.text);
    assert.equal(a.body.field, field, a.text);
  };
  await refused({}, 'customer');
  await refused({ customer: {} }, 'customer');
  await refused({ customer: { name: 'A B', country: 'Germany' } }, 'customer.country');
  await refused({ customer: { name: 'A B' }, order: { total: 1, currency: 'XXQ' } }, 'order.currency');
  await refused({ customer: { name: 'A B' }, order: { total: -1, currency: 'EUR' } }, 'order.total');
  await refused({ customer: { name: 'A B' }, at: '2099-01-01T00:00:00Z' }, 'at');
  await refused({ customer: { name: 'A B', role: 'owner' } }, 'customer.role');
  await refused({ customer: { name: 'x'.repeat(201) } }, 'customer.name');
  for (const name of ['<script>alert(1)</script>', "'; DROP TABLE screened; --", '\u202eevil', '𝕬𝖓𝖓𝖆', '🙂🙂🙂', 'a'.repeat(200), 'Ann '.repeat(50).trim()]) {
    const a = await shop.post('/screen', { customer: { name, email: `${'a'.repeat(60)}@kith.example`, phone: '+'.repeat(60) }, ip: '::ffff:999.1', device: '"><x', payment: { method: '../..', card_name: name } });
    assert.ok(a.status === 200 || a.status === 422, a.text);
  }
  for (const ip of ['::1', '2001:db8::1', '192.0.2.1', '192.0.2.1 ', '0x7f000001', 'fe80::1%eth0']) await screen(shop, { ...honest(), ip });
  assert.equal((await k.nobody().post('/screen', honest())).status, 401);
});
