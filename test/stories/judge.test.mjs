// Judgement: customers are judged by readable rules that explain themselves, can be previewed, changed and overruled.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { bin, house, isPostgres, until } from './kith.mjs';

let n = 0;
const handle = () => ({ type: 'email', value: `p${(n += 1)}@judge.example` });
const add = async (who, claims, identities = [handle()]) => (await who.must(201, 'POST', '/customers', { claims, identities })).customer.id;
const judged = (who, id) => who.must(200, 'GET', `/customers/${id}/judgement`);
const shipped = (who) => until(async () => (await who.must(200, 'GET', '/rules')).items.length > 0 && !(await who.must(200, 'GET', '/classify')).is_running, { ms: 20000, what: 'the shipped rules' });
const buy = (who, id, more = {}) => who.must(201, 'POST', '/orders', { number: `J${(n += 1)}`, customer: id, currency: 'EUR', lines: [{ sku: 'L-1', name: 'Lantern', quantity: 1, price: 1000 }], ...more });
const leads = (who, id, what) => until(async () => (await who.must(200, 'GET', `/customers/${id}`)).class.code === what, { ms: 20000, what: `${id} to be ${what}` });

test('a customer is judged soon after something happened, and the judgement says why', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const marketer = await k.person('marketer');
  const japanese = await k.person('agent', { lang: 'ja' });
  await shipped(agent);
  const acme = await add(agent, { name: 'Acme Ltd', kind: 'company', company: 'Acme Ltd' });
  const fay = await add(agent, { name: 'Fay Hill' });
  await buy(agent, fay, { discount: 300 });
  await leads(agent, acme, 'company');
  await leads(agent, fay, 'freeloader');

  const j = await judged(agent, fay);
  const card = await agent.must(200, 'GET', `/customers/${fay}/card`);
  const ja = await judged(japanese, fay);
  const history = await agent.must(200, 'GET', `/customers/${fay}/judgements`);

  const rules = (await agent.must(200, 'GET', '/rules')).items;
  assert.ok(rules.length > 25 && rules.every((r) => r.failure === null && r.is_shipped && r.label), JSON.stringify(rules.filter((r) => r.failure)));
  assert.equal(j.class.leading, 'freeloader');
  assert.ok(j.risk.risk >= 0 && j.risk.payment.length > 0);
  assert.equal(card.risk.level, 'low');
  for (const [path, see] of [['judgement', 'risk'], ['card', 'risk']])
    assert.equal((await marketer.must(200, 'GET', `/customers/${fay}/${path}`))[see], null, 'risk is for those who serve and who answer for it');
  const manager = await k.person('manager');
  const refused = await marketer.get(`/customers?where=${encodeURIComponent('risk_level = low')}`);
  assert.deepEqual([refused.status, refused.body.reason, refused.body.args.name], [422, 'EXPR_DENIED', 'risk_level'], refused.text);
  assert.ok(!(await marketer.must(200, 'GET', '/attributes')).items.some((x) => x.name.startsWith('risk')), 'and is not offered');
  await manager.must(201, 'POST', '/segments', { name: 'Safe', text: 'risk_level = low' }); // what a manager gives a name may be used
  const safe = await marketer.must(200, 'GET', `/customers?where=${encodeURIComponent('segment("Safe")')}`);
  assert.ok(safe.items.some((c) => c.id === fay));
  const explained = await marketer.must(200, 'GET', `/customers/${fay}/explain?text=${encodeURIComponent('segment("Safe")')}`);
  assert.deepEqual([explained.holds, explained.lines.map((l) => l.seen)], [true, [null]]);
  assert.equal(j.class.name, 'Price-minded');
  assert.equal(j.class.pin, null, 'nobody said so');
  assert.equal(ja.class.name, 'お得志向');
  assert.match(j.advice[0].text, /firm fixed price/);
  const why = j.class.all.find((c) => c.name === 'freeloader').because;
  assert.equal(why[0].lines.find((l) => l.text.startsWith('discount_share')).seen, '1');
  assert.equal(card.class.code, 'freeloader');
  assert.match(card.class.advice, /public promotion/);
  assert.deepEqual([history.items[0].was, history.items[0].leading], [null, 'freeloader']);
  assert.equal(history.items[0].why.freeloader[0].lines.length, 2);
  assert.equal((await agent.must(200, 'POST', '/expressions/count', { text: 'class = freeloader' })).count, 1);
  assert.equal((await agent.must(200, 'POST', '/expressions/count', { text: 'classes in (freeloader, company) and class_since >= today' })).count, 2);
});

test('what a customer writes is read and counts: who asks for discounts and promises more is price-minded', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  await shipped(agent);
  const who = handle();
  const say = (text) => agent.must(200, 'POST', '/intake', { channel: 'email', direction: 'in', identities: [who], text });
  const id = (await say('Can I have a discount on the lantern, please?')).customer.id;
  await say('Give me a discount and I will buy more next month.');
  await leads(agent, id, 'freeloader');

  const j = await judged(agent, id);

  const rules = j.class.all.find((c) => c.name === 'freeloader').because.map((b) => b.points);
  assert.deepEqual(rules, [30, 25]);
  assert.equal(j.class.known, 2);
});

test('of somebody who wrote a great deal at once all of it is read', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  await shipped(agent);
  const who = handle();
  const api = await k.token('manager');
  const { status, body } = await api.lines('/bulk/intake', Array.from({ length: 230 }, (_, i) => (
    { channel: 'email', direction: 'in', identities: [who], text: `Could you give me a discount on lantern ${i}?` })));
  assert.equal(status, 200);
  assert.ok(body.every((l) => l.status === 200 && l.customer.id === body[0].customer.id));
  const { id } = body[0].customer;

  const asked = async () => (await agent.must(200, 'GET', `/customers/${id}/evidence`)).asked_discount;
  await until(async () => (await asked()) === 230, { ms: 20000, what: 'all 230 to be counted' });
});

test('of somebody of whom little is known nothing is said', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  await shipped(agent);
  const id = await add(agent, { name: 'Nemo' });

  const j = await judged(agent, id);

  assert.deepEqual([j.class.leading, j.class.is_known, j.class.name], [null, false, 'Not enough known yet']);
  assert.equal(j.advice[0].code, 'unknown');
});

test('a change of a rule is previewed, then applied to everybody; versions are kept', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager');
  const agent = await k.person('agent');
  await shipped(boss);
  const ids = [];
  for (let i = 0; i < 12; i += 1) ids.push(await add(boss, { name: `Ann ${i}`, city: i < 11 ? 'Leeds' : 'York' }));

  const asked = { class: 'company', label: 'Of Leeds', condition: 'city = leeds', points: 70 };
  const seen = await boss.must(200, 'POST', '/rules/preview', asked);
  assert.equal(seen.holds, 11);
  assert.equal(seen.moved, 11);
  assert.equal(seen.is_estimate, false);
  assert.equal(seen.sample.length, 10);
  assert.deepEqual([seen.sample[0].was, seen.sample[0].leading], [null, 'company']);
  assert.equal(seen.classes.find((c) => c.class === 'company').enters, 11);
  assert.equal((await boss.must(200, 'GET', '/classes')).items.find((c) => c.key === 'company').in, 0);

  const rule = await boss.must(201, 'POST', '/rules', asked);
  assert.equal((await agent.ask('POST', '/rules', asked)).status, 403);
  await leads(boss, ids[0], 'company');
  await until(async () => (await boss.must(200, 'GET', '/rules')).items.find((r) => r.id === rule.id).holds === 11, { what: 'the count' });
  assert.equal((await boss.must(200, 'GET', '/classes')).items.find((c) => c.key === 'company').leads, 11);
  const gone = await boss.must(200, 'POST', `/rules/${rule.id}/preview`, { is_gone: true });
  assert.equal(gone.classes.find((c) => c.class === 'company').leaves, 11);

  const changed = await boss.must(200, 'PATCH', `/rules/${rule.id}`, { points: 20 });
  assert.equal(changed.version, 2);
  const one = await boss.must(200, 'GET', `/rules/${rule.id}`);
  assert.deepEqual(one.versions.map((v) => [v.version, v.points]), [[2, 20], [1, 70]]);
  await until(async () => !(await boss.must(200, 'GET', '/classify')).is_running, { ms: 20000, what: 'the end' });
  assert.equal((await judged(boss, ids[0])).class.leading, 'company', 'the minimum stay holds him');
  await boss.must(200, 'PATCH', '/classes/company', { stay_days: 0, advice: 'Ring the director.' });
  await leads(boss, ids[0], null);
  await boss.must(204, 'DELETE', `/rules/${rule.id}`);
  assert.equal((await boss.ask('GET', `/rules/${rule.id}`)).status, 404);
});

test('of a past judgement each reads the reasons, and what a reason saw if he may ask for it himself', async (t) => {
  const k = await house(t);
  const boss = await k.person('manager');
  const marketer = await k.person('marketer');
  await shipped(boss);
  await boss.must(201, 'POST', '/rules', { class: 'company', label: 'Safe, of Leeds', condition: 'city = leeds and risk_level = low', points: 70 });
  const id = await add(boss, { name: 'Ann Lee', city: 'Leeds' });
  await leads(boss, id, 'company');

  const [all, some] = await Promise.all([boss, marketer].map((p) => p.must(200, 'GET', `/customers/${id}/judgements`)));

  const lines = (history) => history.items[0].why.company[0].lines.map((l) => [l.text, l.seen ?? null]);
  assert.deepEqual(lines(all), [['city = leeds', 'leeds'], ['risk_level = low', 'low']]);
  assert.deepEqual(lines(some), [['city = leeds', 'leeds'], ['risk_level = low', null]]);
});

test('people overrule the rules, with a reason, until a day; the disagreement stands beside the rule', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent', { name: 'Otto' });
  const risk = await k.person('risk');
  await shipped(agent);
  const id = await add(agent, { name: 'Fay Hill' });
  await buy(agent, id, { discount: 300 });
  await leads(agent, id, 'freeloader');
  const correct = `/customers/${id}/judgement/correct`;

  assert.equal((await agent.ask('POST', correct, { class: 'chatty' })).status, 422);
  assert.equal((await agent.ask('POST', correct, { class: 'rude', reason: 'x' })).body.field, 'class');
  assert.equal((await agent.ask('POST', correct, { class: 'chatty', reason: 'x', until: '2020-01-01T00:00:00Z' })).body.field, 'until');
  assert.equal((await agent.ask('POST', correct, { class: 'fraud_suspect', reason: 'odd' })).status, 403);
  const now = await agent.must(200, 'POST', correct, { class: 'chatty', reason: 'Talks for hours, price is no matter' });
  const j = await judged(agent, id);
  const rule = (await agent.must(200, 'GET', '/rules')).items.find((r) => r.key === 'mostly_discounts');
  const history = await agent.must(200, 'GET', `/customers/${id}/judgements?limit=1`);

  assert.deepEqual([now.code, now.is_pinned], ['chatty', true]);
  assert.deepEqual([j.class.leading, j.class.pin.by, j.class.pin.reason], ['chatty', 'Otto', 'Talks for hours, price is no matter']);
  assert.deepEqual([rule.disagreed, rule.agreed, rule.disagreement], [1, 0, 1]);
  assert.deepEqual([history.items[0].leading, history.items[0].by], ['chatty', 'Otto']);
  assert.ok(history.next);
  await buy(agent, id, { discount: 300 });
  await new Promise((r) => setTimeout(r, 800));
  assert.equal((await judged(agent, id)).class.leading, 'chatty');

  const back = await agent.must(200, 'DELETE', `/customers/${id}/judgement/pin`);
  assert.equal(back.is_pinned, false);
  assert.equal(back.code, 'freeloader', 'what came with a word that was taken back is not held by a minimum stay');
  const check = await risk.must(200, 'POST', correct, { class: 'fraud_suspect', reason: 'Card of somebody else' });
  assert.equal(check.name, 'Check first');
  assert.equal((await agent.ask('DELETE', `/customers/${id}/judgement/pin`)).status, 403);
});

test('a rule that is wrong, a circle, or too costly is refused with its place and reason', async (t) => {
  const k = await house(t);
  const boss = await k.person('owner');
  await shipped(boss);
  const put = (condition, more = {}) => boss.ask('POST', '/rules', { class: 'chatty', label: 'Mine', condition, points: 10, ...more });
  await boss.must(201, 'POST', '/segments', { name: 'Talkers', text: 'class = chatty' });

  const broken = await put('city = ');
  const unknown = await put('ordesr > 3');
  const wrongType = await put('orders > Leeds');
  const circle = await put('class = chatty and orders > 1');
  const round = await put('segment(talkers)');
  const costly = await put(Array.from({ length: 12 }, (_, i) => `any orders [total > ${i}]`).join(' or '));
  const deep = await put(`${'('.repeat(400)}vip${')'.repeat(400)}`);

  for (const x of [broken, unknown, wrongType, circle, round, costly, deep]) {
    assert.equal(x.status, 422, JSON.stringify(x.body));
    assert.equal(x.body.field, 'condition');
  }
  assert.match(unknown.body.detail, /ordesr/);
  assert.match(circle.body.detail, /circle/);
  assert.match(round.body.detail, /circle/);
  assert.match(costly.body.detail, /96/);
  assert.equal((await put('vip', { points: 0 })).body.field, 'points');
  assert.equal((await put('vip', { points: 1000 })).body.field, 'points');
  assert.equal((await put('vip', { label: ' ' })).body.field, 'label');
  assert.equal((await put('vip', { class: 'nice' })).body.field, 'class');
  assert.equal((await boss.ask('PATCH', '/classes/chatty', { enter: 30, leave: 40 })).body.field, 'leave');
  assert.equal((await boss.ask('PATCH', '/classes/nobody', { enter: 30 })).status, 404);
  const segment = (await boss.must(201, 'POST', '/segments', { name: 'Leeds', text: 'city = leeds' })).id;
  const leaning = (await boss.must(201, 'POST', '/rules', { class: 'chatty', label: 'Mine', condition: 'segment(leeds)', points: 10 })).id;
  await boss.must(200, 'PATCH', `/segments/${segment}`, { text: 'class = chatty' });
  const failing = (await boss.must(200, 'GET', '/rules')).items.find((r) => r.id === leaning);
  assert.match(failing.failure, /circle/, 'what became a circle later counts for nothing and says so');
});

test('kith classify judges everybody, beside the server and without it', { skip: isPostgres && 'its store is the server\'s' }, async (t) => {
  const k = await house(t);
  const boss = await k.person('manager');
  await shipped(boss);
  await add(boss, { name: 'Acme Ltd', kind: 'company' });
  await add(boss, { name: 'Bob' });
  const run = () => JSON.parse(execFileSync(bin, ['classify', '--data', k.data, '--json'], { encoding: 'utf8' }));

  const beside = run();
  await k.stop();
  const alone = run();

  assert.equal(beside.customers, 2);
  assert.equal(alone.customers, 2);
  assert.equal(alone.leads.company, 1);
  assert.equal(alone.changed, 0);
});
