// The record as a whole: every change leaves both values and can be taken back; tags, custom attributes, parts, proposed
// changes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { house, sleep } from './kith.mjs';

const made = async (who, claims = { name: 'Ann Lee', country: 'GB' }, identities = []) =>
  (await who.must(201, 'POST', '/customers', { claims, identities })).customer.id;
const history = async (who, id) => (await who.must(200, 'GET', `/customers/${id}/history?limit=200`)).items;

test('each change leaves both values and who made it, and is taken back while nothing moved since', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent);

  await agent.must(200, 'PATCH', `/customers/${id}`, { city: 'Leeds', company: 'Byron & Co' });
  const [company, city] = await history(agent, id);
  assert.deepEqual([company.field, company.old, company.new, company.source, company.can_undo], ['company', '', 'Byron & Co', 'staff', true]);
  assert.equal(city.staff.name.length > 0, true);
  assert.equal(city.token, null);

  const back = await agent.must(200, 'POST', `/history/${city.id}/undo`);
  assert.deepEqual([back.field, back.old, back.new, back.source], ['city', 'Leeds', '', 'undo']);
  assert.equal((await agent.must(200, 'GET', `/customers/${id}`)).customer.city, '');
  const twice = await agent.post(`/history/${city.id}/undo`);
  assert.equal(twice.status, 409);

  await agent.must(200, 'PATCH', `/customers/${id}`, { company: 'Lovelace Ltd' });
  const moved = await agent.post(`/history/${company.id}/undo`);
  assert.equal(moved.status, 409);
  assert.deepEqual([moved.body.args.now, moved.body.args.was], ['Lovelace Ltd', 'Byron & Co']);
});

test('a change of nothing changes nothing, not even the version', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent);
  const before = await agent.ask('GET', `/customers/${id}`);

  for (const body of [{}, { name: 'Ann Lee' }, { country: 'gb', city: '' }]) await agent.must(200, 'PATCH', `/customers/${id}`, body);

  const after = await agent.ask('GET', `/customers/${id}`);
  assert.equal(after.body.version, before.body.version);
  assert.equal(after.body.customer.changed_at, before.body.customer.changed_at);
  const told = (answer) => ({ ...answer.body, class: null, risk: null }); // which come of themselves, soon after
  assert.deepEqual(told(after), told(before));
  assert.deepEqual(await history(agent, id), []);
});

test('the responsible colleague is a field like any other, by name in the history', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const manager = await k.person('manager');
  const me = (await manager.must(200, 'GET', '/session')).staff;
  const id = await made(agent);

  await agent.must(200, 'PATCH', `/customers/${id}`, { owner: me.id });
  const [row] = await history(agent, id);
  assert.deepEqual([row.field, row.old, row.new], ['owner', '', me.name]);
  await agent.must(200, 'POST', `/history/${row.id}/undo`);
  assert.equal((await agent.must(200, 'GET', `/customers/${id}`)).customer.owner, null);
});

test('tags are one whatever their case, offered while typing, given and taken back', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent);
  const other = await made(agent, { name: 'Bo Lund' });

  await agent.must(200, 'PUT', `/customers/${id}/tags/${encodeURIComponent('展示会 2026')}`);
  await agent.must(200, 'PUT', `/customers/${id}/tags/Wholesale`);
  await agent.must(200, 'PUT', `/customers/${other}/tags/wholesale`);
  const { tags } = await agent.must(200, 'GET', `/customers/${other}`);
  assert.deepEqual(tags.map((x) => x.name), ['Wholesale']);
  assert.deepEqual((await agent.must(200, 'GET', '/tags?q=WHO')).items.map((x) => x.name), ['Wholesale']);

  await agent.must(204, 'DELETE', `/customers/${id}/tags/WHOLESALE`);
  assert.equal((await agent.ask('DELETE', `/customers/${id}/tags/WHOLESALE`)).status, 404);
  const [gone] = await history(agent, id);
  await agent.must(200, 'POST', `/history/${gone.id}/undo`);
  assert.equal((await agent.must(200, 'GET', `/customers/${id}`)).tags.length, 2);
  for (const bad of ['a,b', 'x'.repeat(61), ' ', '"'])
    assert.equal((await agent.ask('PUT', `/customers/${id}/tags/${encodeURIComponent(bad)}`)).status, 422, bad);
});

test('what the company itself wants to know: defined, typed, renamed, taken out of use with its values kept', async (t) => {
  const k = await house(t);
  const admin = await k.person('administrator');
  const agent = await k.person('agent');
  const id = await made(agent);
  const define = (code, type, more = {}) => admin.must(201, 'POST', '/custom-attributes', { code, label: code, type, ...more });

  const size = await define('shoe_size', 'number');
  await define('contract', 'money');
  await define('since', 'date');
  await define('newsletter', 'yes_no');
  await define('colour', 'choice', { choices: ['Red', 'Blue'] });
  const kinds = await define('interests', 'choices', { choices: ['Tea', 'Boats', '将棋'] });
  await define('remark', 'text');
  assert.equal((await agent.post('/custom-attributes', { code: 'x', label: 'x', type: 'text' })).status, 403);

  const good = { shoe_size: 42.5, contract: { amount: 123456, currency: 'EUR' }, since: '2024-02-29', newsletter: false, colour: 'Blue', interests: ['将棋', 'Tea'], remark: 'مرحبا' };
  for (const [code, v] of Object.entries(good)) await agent.must(200, 'PUT', `/customers/${id}/attributes/${code}`, { value: v });
  let { attributes } = await agent.must(200, 'GET', `/customers/${id}`);
  const values = Object.fromEntries(attributes.map((a) => [a.code, a.value]));
  assert.deepEqual({ ...values, interests: [...values.interests].sort() }, { ...good, interests: ['Tea', '将棋'] });

  const bad = { shoe_size: ['x', 1.23456, true, 1e300], contract: [5, { amount: 1 }, 'EUR'], since: ['31.1.2024', '2023-02-29', 5], newsletter: ['yes', 1], colour: ['Green', ['Red']], interests: ['Tea', ['Cars'], [1]], remark: ['x'.repeat(501), 7, 'a\u0000b', 'a\u0007b'] };
  for (const [code, list] of Object.entries(bad))
    for (const v of list) {
      const a = await agent.ask('PUT', `/customers/${id}/attributes/${code}`, { value: v });
      assert.ok([400, 422].includes(a.status), `${code} ${JSON.stringify(v)} ${a.status}`);
      if (a.status === 422) assert.match(a.body.field, /^value/, `${code} ${JSON.stringify(v)}`);
    }
  assert.equal((await agent.ask('PUT', `/customers/${id}/attributes/unknown`, { value: 1 })).status, 404);
  assert.equal((await agent.ask('PUT', `/customers/${id}/attributes/remark`, {})).body.field, 'value');

  await admin.must(200, 'PATCH', `/custom-attributes/${size.id}`, { label: 'Shoe size' });
  assert.equal((await admin.ask('PATCH', `/custom-attributes/${size.id}`, { type: 'text' })).body.field, 'type');
  assert.equal((await admin.ask('PATCH', `/custom-attributes/${kinds.id}`, { choices: ['Boats', '将棋'] })).status, 409);
  await admin.must(200, 'PATCH', `/custom-attributes/${kinds.id}`, { choices: ['Tea', '将棋', 'Trains'] });
  assert.equal((await admin.post('/custom-attributes', { code: 'shoe_size', label: 'again', type: 'text' })).status, 409);

  await admin.must(204, 'DELETE', `/custom-attributes/${size.id}`);
  ({ attributes } = await agent.must(200, 'GET', `/customers/${id}`));
  assert.equal(attributes.some((a) => a.code === 'shoe_size'), false);
  await admin.must(200, 'PATCH', `/custom-attributes/${size.id}`, { is_active: true });
  ({ attributes } = await agent.must(200, 'GET', `/customers/${id}`));
  assert.deepEqual(attributes.find((a) => a.code === 'shoe_size'), { code: 'shoe_size', label: 'Shoe size', type: 'number', value: 42.5 });

  await agent.must(204, 'DELETE', `/customers/${id}/attributes/shoe_size`);
  const [cleared] = await history(agent, id);
  assert.deepEqual([cleared.field, cleared.label, cleared.old, cleared.new], ['attr.shoe_size', 'Shoe size', '42.5', '']);
  await agent.must(200, 'POST', `/history/${cleared.id}/undo`);
  ({ attributes } = await agent.must(200, 'GET', `/customers/${id}`));
  assert.equal(attributes.find((a) => a.code === 'shoe_size').value, 42.5);
});

test('a relation stands in the history of both records and is taken back from either', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent, { name: 'Ann Lee' });
  const firm = await made(agent, { name: 'Huadong Parts', kind: 'company' });
  const relations = async (of) => (await agent.must(200, 'GET', `/customers/${of}`)).relations.map((r) => [r.role, r.other.name, r.reads_back]);
  const steps = async (of) => (await history(agent, of)).filter((h) => h.field === 'relation').map((h) => [h.old, h.new, Boolean(h.undone_by), h.can_undo]);

  const rel = await agent.must(201, 'POST', `/customers/${id}/relations`, { other: firm, kind: 'works_at', role: 'buyer' });
  await agent.must(200, 'PATCH', `/relations/${rel.id}`, { role: 'owner' });
  assert.deepEqual(await steps(id), [['works_at: Huadong Parts, buyer', 'works_at: Huadong Parts, owner', false, true], ['', 'works_at: Huadong Parts, buyer', false, true]]);
  assert.deepEqual(await steps(firm), [['← works_at: Ann Lee, buyer', '← works_at: Ann Lee, owner', false, true], ['', '← works_at: Ann Lee, buyer', false, true]]);

  const [there] = await history(agent, firm);
  const back = await agent.must(200, 'POST', `/history/${there.id}/undo`); // from the other end
  assert.deepEqual([back.old, back.new, back.source], ['← works_at: Ann Lee, owner', '← works_at: Ann Lee, buyer', 'undo']);
  assert.deepEqual([await relations(id), await relations(firm)], [[['buyer', 'Huadong Parts', false]], [['buyer', 'Ann Lee', true]]]);
  for (const of of [id, firm]) assert.deepEqual((await steps(of)).map(([, , is_undone, can]) => [is_undone, can]), [[false, true], [true, false], [false, true]]);
  assert.equal((await agent.post(`/history/${(await history(agent, id))[1].id}/undo`)).status, 409); // both rows are undone

  await agent.must(204, 'DELETE', `/relations/${rel.id}`);
  const [gone] = await history(agent, id);
  await agent.must(200, 'POST', `/history/${gone.id}/undo`); // from the first end
  assert.deepEqual(await relations(firm), [['buyer', 'Ann Lee', true]]);
  assert.equal((await agent.post(`/history/${(await history(agent, firm))[1].id}/undo`)).status, 409);
  const first = (await history(agent, firm)).at(-1);
  assert.equal((await agent.post(`/history/${first.id}/undo`)).status, 200); // it says what stands there now
  assert.deepEqual([await relations(id), await relations(firm)], [[], []]);
});

test('addresses, holdings and relations are changed in place; each step goes back', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent);
  const firm = await made(agent, { name: 'Huadong Parts', kind: 'company' });
  const adr = await agent.must(201, 'POST', `/customers/${id}/addresses`, { kind: 'home', line: '1 High Street', city: 'Leeds', country: 'gb' });
  const hld = await agent.must(201, 'POST', `/customers/${id}/holdings`, { name: 'Boiler', serial: 'B-1', until: '2030-01-01T00:00:00Z' });
  const rel = await agent.must(201, 'POST', `/customers/${id}/relations`, { other: firm, kind: 'works_at', role: 'buyer' });

  await agent.must(200, 'PATCH', `/addresses/${adr.id}`, { line: '2 High Street' });
  await agent.must(200, 'PATCH', `/holdings/${hld.id}`, { plan: 'gold', until: null });
  await agent.must(200, 'PATCH', `/relations/${rel.id}`, { role: 'owner' });
  await agent.must(204, 'DELETE', `/addresses/${adr.id}`);
  await agent.must(204, 'DELETE', `/holdings/${hld.id}`);
  await agent.must(204, 'DELETE', `/relations/${rel.id}`);
  const rows = await history(agent, id);
  assert.deepEqual(rows.map((r) => r.field), ['relation', 'holding', 'address', 'relation', 'holding', 'address', 'relation', 'holding', 'address']);
  assert.equal(rows[2].old, 'home: 2 High Street, Leeds, GB');
  assert.equal(rows[2].part, adr.id);

  for (const r of rows.slice(0, 6)) await agent.must(200, 'POST', `/history/${r.id}/undo`);
  const now = await agent.must(200, 'GET', `/customers/${id}`);
  assert.deepEqual(now.addresses, [adr]);
  assert.deepEqual(now.holdings, [hld]);
  assert.deepEqual(now.relations.map((r) => [r.id, r.role, r.other.id]), [[rel.id, 'buyer', firm]]);

  await agent.must(200, 'PATCH', `/addresses/${adr.id}`, { postal: 'LS1' });
  assert.equal((await agent.post(`/history/${rows[8].id}/undo`)).status, 409); // the adding: changed since
  assert.equal((await agent.patch(`/addresses/${adr.id}`, { line: '', city: '', postal: '' })).body.field, 'line');
  assert.equal((await agent.post(`/customers/${id}/holdings`, { name: 'x', product: 'prd_0000000000001' })).body.field, 'product');
});

test('a handle written by mistake goes; one that a contact came in by stays', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const api = await k.token('manager');
  const id = await made(agent, { name: 'Ann Lee' });
  const wrong = await agent.must(201, 'POST', `/customers/${id}/identities`, { type: 'email', value: 'an@lee.example' });
  await api.must(200, 'POST', '/intake', { channel: 'email', identities: [{ type: 'email', value: 'ann@lee.example' }] });

  await agent.must(200, 'PATCH', `/identities/${wrong.id}`, { state: 'shared' });
  await agent.must(204, 'DELETE', `/identities/${wrong.id}`);
  assert.deepEqual((await agent.must(200, 'GET', `/customers/${id}`)).identities, []);
  const [gone, state] = await history(agent, id);
  assert.deepEqual([state.field, state.old, state.new, state.about], ['identity.state', 'claimed', 'shared', 'an@lee.example']);
  await agent.must(200, 'POST', `/history/${gone.id}/undo`);
  const { identities } = await agent.must(200, 'GET', `/customers/${id}`);
  assert.deepEqual(identities.map((i) => [i.id, i.value, i.state]), [[wrong.id, 'an@lee.example', 'shared']]);

  const seen = await api.must(200, 'POST', '/intake', { channel: 'email', identities: [{ type: 'email', value: 'bo@lund.example' }] });
  const came = (await agent.must(200, 'GET', `/customers/${seen.customer.id}`)).identities[0];
  const refused = await agent.ask('DELETE', `/identities/${came.id}`);
  assert.equal(refused.status, 409);
  assert.match(refused.body.detail, /came in/);
});

test('a proposed change is decided: moved, a gift, or no', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const api = await k.token('manager');
  const email = [{ type: 'email', value: 'ann@lee.example' }];
  const claim = (n, claims) => api.must(200, 'POST', '/intake', { channel: 'order', source_id: `o${n}`, identities: email, claims });
  const id = (await claim(0, { name: 'Ann Lee', city: 'Leeds', address_kind: 'home', address_line: '1 High Street', address_postal: 'LS1' })).customer.id;
  const proposed = async (n, claims) => {
    await claim(n, claims);
    return (await agent.must(200, 'GET', `/customers/${id}`)).proposals.at(-1);
  };

  const gift = await proposed(1, { address_kind: 'home', address_line: '9 Park Lane', address_postal: 'W1' });
  assert.equal(gift.field, 'address.home');
  await agent.must(200, 'POST', `/proposals/${gift.id}`, { decision: 'gift' });
  let { addresses } = await agent.must(200, 'GET', `/customers/${id}`);
  assert.deepEqual(addresses.map((a) => [a.kind, a.line]), [['home', '1 High Street'], ['delivery', '9 Park Lane']]);

  const moved = await proposed(2, { address_kind: 'home', address_line: '5 New Road', address_postal: 'M1' });
  const answer = await agent.must(200, 'POST', `/proposals/${moved.id}`, { decision: 'moved' });
  assert.equal(answer.decision, 'moved');
  ({ addresses } = await agent.must(200, 'GET', `/customers/${id}`));
  assert.deepEqual(addresses.map((a) => [a.kind, a.line]), [['home', '5 New Road'], ['delivery', '9 Park Lane']]);
  const [row] = await history(agent, id);
  assert.deepEqual([row.field, row.source], ['address', 'proposal']);
  assert.match(row.old, /1 High Street/);
  await agent.must(200, 'POST', `/history/${row.id}/undo`);
  ({ addresses } = await agent.must(200, 'GET', `/customers/${id}`));
  assert.equal(addresses[0].line, '1 High Street');

  const city = await proposed(3, { city: 'York' });
  assert.equal((await agent.post(`/proposals/${city.id}`, { decision: 'gift' })).body.field, 'decision');
  assert.equal((await agent.post(`/proposals/${city.id}`, {})).body.field, 'decision');
  assert.equal((await agent.post(`/proposals/${city.id}`, { decision: 'no', accept: true })).body.field, 'decision');
  await agent.must(200, 'POST', `/proposals/${city.id}`, { decision: 'no' });
  assert.equal((await agent.must(200, 'GET', `/customers/${id}`)).customer.city, 'Leeds');
  assert.equal((await agent.post(`/proposals/${city.id}`, { decision: 'moved' })).status, 409);
});

test('a field says where it came from and when it was confirmed; the record asks one thing', async (t) => {
  const k = await house(t);
  const owner = await k.person('owner');
  const agent = await k.person('agent');
  const api = await k.token('manager');
  const id = (await api.must(200, 'POST', '/intake', { channel: 'form', identities: [{ type: 'email', value: 'ann@lee.example' }], claims: { name: 'Ann Lee' } })).customer.id;
  const read = () => agent.must(200, 'GET', `/customers/${id}`);

  let r = await read();
  assert.deepEqual(r.ask, { field: 'phone', why: 'missing', part: null, value: '' });
  assert.deepEqual((await agent.must(200, 'GET', `/customers/${id}/card`)).ask, r.ask);
  const mail = r.freshness.find((f) => f.field === 'email');
  assert.deepEqual([mail.source, mail.part, mail.staff, mail.is_old], ['form', r.identities[0].id, null, false]);

  await agent.must(204, 'POST', `/customers/${id}/confirm`, { field: mail.part });
  await agent.must(204, 'POST', `/customers/${id}/confirm`, { field: 'name' });
  await agent.must(200, 'PATCH', `/customers/${id}`, { city: 'Leeds' });
  r = await read();
  assert.equal(r.identities[0].state, 'confirmed');
  for (const f of ['email', 'name', 'city']) {
    const said = r.freshness.find((x) => x.field === f);
    assert.equal(said.source, 'staff', f);
    assert.ok(said.staff.id, f);
  }
  const other = (await agent.must(201, 'POST', '/customers', { claims: { name: 'Bo Lund' }, identities: [{ type: 'phone', value: '+46 8 123 456 78' }] })).customer.id;
  const theirs = (await agent.must(200, 'GET', `/customers/${other}`)).identities[0].id;
  for (const field of ['company', 'given', theirs, 'adr_0000000000001', 'x'])
    assert.equal((await agent.post(`/customers/${id}/confirm`, { field })).body.field, 'field', field);
  await owner.must(200, 'PATCH', '/settings', { old_after_days: 30 });
  assert.equal((await owner.must(200, 'GET', '/settings')).old_after_days, 30);
});

test('what the customer said about offers is kept word by word; the last word stands', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const marketer = await k.person('marketer');
  const id = await made(agent);
  const say = (body) => agent.post(`/customers/${id}/consents`, body);

  assert.equal((await say({ purpose: 'email_offers', state: 'given', channel: 'form' })).body.field, 'proof');
  const yes = await say({ purpose: 'email_offers', state: 'given', channel: 'form', source: 'newsletter', proof: 'ticked box 3 of form 12', at: '2026-01-31T10:00:00Z' });
  assert.equal(yes.status, 201, yes.text);
  await say({ purpose: 'sms_offers', state: 'refused', channel: 'call' });
  await say({ purpose: 'email_offers', state: 'withdrawn', channel: 'email', at: '2026-03-01T10:00:00Z' });
  await say({ purpose: 'email_offers', state: 'given', channel: 'visit', proof: 'letter found later', at: '2026-02-01T10:00:00Z' }); // older: does not stand
  const { consents } = await agent.must(200, 'GET', `/customers/${id}`);
  assert.deepEqual(consents.map((c) => [c.purpose, c.state]), [['email_offers', 'withdrawn'], ['sms_offers', 'refused']]);
  const all = await marketer.must(200, 'GET', `/customers/${id}/consents?limit=3`);
  assert.deepEqual(all.now, consents);
  assert.deepEqual(all.items.map((c) => c.state), ['given', 'withdrawn', 'refused']);
  const rest = await marketer.must(200, 'GET', `/customers/${id}/consents?limit=3&cursor=${all.next}`);
  assert.deepEqual([rest.items.length, rest.items[0].proof, rest.next], [1, 'ticked box 3 of form 12', null]);
  assert.equal((await say({ purpose: 'email_offers', state: 'given', channel: 'form', proof: 'x', at: '2199-01-01T00:00:00Z' })).body.field, 'at');
  assert.equal((await say({ purpose: 'everything', state: 'given', channel: 'form', proof: 'x' })).body.field, 'purpose');
});

test('one timeline of all channels, by channels and by a word in it, page by page', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const api = await k.token('manager');
  const identities = [{ type: 'email', value: 'ann@lee.example' }];
  const channels = ['email', 'chat', 'form', 'visit'];
  const at = (i) => new Date(Date.UTC(2026, 0, 1, 0, i)).toISOString();
  const id = (await api.must(200, 'POST', '/intake', { channel: 'letter', at: at(0), identities, subject: 'Erste Anfrage', text: 'Grüße aus Zürich' })).customer.id;
  for (let i = 1; i < 1300; i += 100)
    assert.ok((await api.ask('POST', '/bulk/intake', [...Array(Math.min(100, 1300 - i))].map((_, n) => JSON.stringify({ channel: channels[(i + n) % 4], source_id: `s${i + n}`, at: at(i + n), identities, subject: `No ${i + n}`, text: (i + n) % 650 ? 'nothing' : 'Der Wasserkocher ist KAPUTT' })).join('\n'),
      { 'Content-Type': 'application/x-ndjson' })).status < 300);
  const page = (q) => agent.must(200, 'GET', `/customers/${id}/timeline?${q}`);

  const two = await page('channel=email&channel=letter&limit=200');
  assert.deepEqual([...new Set(two.items.map((l) => l.channel))], ['email']);
  assert.deepEqual((await page('channel=letter')).items.map((l) => l.subject), ['Erste Anfrage']);
  assert.equal((await agent.ask('GET', `/customers/${id}/timeline?channel=pigeon`)).body.field, 'channel');

  const first = await page('q=kaputt'); // the older one is 651 lines back
  assert.deepEqual(first.items.map((l) => l.subject), ['No 650']);
  assert.equal(first.looked, 1000);
  assert.equal(first.until, first.items.length ? at(300).replace('.000', '') : null);
  const rest = await page(`q=KAPUTT&cursor=${first.next}`);
  assert.deepEqual([rest.items.length, rest.looked, rest.next], [0, 300, null]);
  const old = await page(`q=gr%C3%BCsse&cursor=${(await page('q=gr%C3%BCsse')).next}`);
  assert.deepEqual(old.items.map((l) => l.subject), ['Erste Anfrage']);
  assert.deepEqual((await page('q=GR%C3%9C%C3%9FE&channel=letter')).items.map((l) => l.subject), ['Erste Anfrage']);
  assert.equal((await agent.ask('GET', `/customers/${id}/timeline?q=other&cursor=${first.next}`)).body.field, 'cursor');
  assert.equal((await (await k.person('marketer')).ask('GET', `/customers/${id}/timeline?q=kaputt`)).status, 403);

  let seen = 0;
  for (let next = ''; next !== null;) {
    const p = await page(`limit=200${next && `&cursor=${next}`}`);
    seen += p.items.length;
    next = p.next;
  }
  assert.equal(seen, 1300);
});

test('a company has its people, page by page and by name', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const firm = await made(agent, { name: 'Huadong Parts', kind: 'company' });
  for (const name of ['Пётр Смирнов', 'Aiko Tanaka', 'Bo Lund']) {
    const id = await made(agent, { name });
    await agent.must(201, 'POST', `/customers/${id}/relations`, { other: firm, kind: 'works_at', role: name === 'Bo Lund' ? 'Einkäufer' : '' });
  }
  const people = (q = '') => agent.must(200, 'GET', `/customers/${firm}/people?${q}`);
  assert.deepEqual((await people()).items.map((p) => p.other.name), ['Bo Lund', 'Aiko Tanaka', 'Пётр Смирнов']);
  const two = await people('limit=2');
  assert.deepEqual((await people(`limit=2&cursor=${two.next}`)).items.map((p) => p.other.name), ['Пётр Смирнов']);
  for (const [q, name] of [['TANA', 'Aiko Tanaka'], ['eink%C3%84', 'Bo Lund'], ['%D1%81%D0%BC%D0%B8%D1%80', 'Пётр Смирнов'], ['smirnov', 'Пётр Смирнов']])
    assert.deepEqual((await people(`q=${q}`)).items.map((p) => p.other.name), [name], q);
  assert.equal((await people('q=nobody')).items.length, 0);
});

test('tasks of a customer: open ones, and those that are done', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent);
  const ids = [];
  for (const title of ['a', 'b', 'c']) ids.push((await agent.must(201, 'POST', `/customers/${id}/tasks`, { title })).id);
  for (const n of [2, 0]) {
    await agent.must(200, 'PATCH', `/tasks/${ids[n]}`, { done: true });
    await sleep(5); // of two done in the same millisecond the younger task would be the later one
  }
  assert.deepEqual((await agent.must(200, 'GET', `/customers/${id}/tasks`)).items.map((x) => x.title), ['b']);
  const done = await agent.must(200, 'GET', `/customers/${id}/tasks?state=done&limit=1`);
  assert.deepEqual(done.items.map((x) => x.title), ['a']);
  assert.deepEqual((await agent.must(200, 'GET', `/customers/${id}/tasks?state=done&cursor=${done.next}`)).items.map((x) => x.title), ['c']);
});

test('records that may be the same one are told with all the evidence', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const a = await made(agent, { name: 'Aiko Tanaka', company: 'Huadong Parts', country: 'JP' }, [{ type: 'phone', value: '+81 3 5550 0142' }]);
  const b = await made(agent, { name: 'Tanaka Aiko', company: 'HUADONG PARTS' }, [{ type: 'email', value: 'tanaka@huadong.example' }]);
  const c = await made(agent, { name: 'Family phone' }, [{ type: 'email', value: 'c@x.example' }]);
  await agent.must(201, 'POST', `/customers/${c}/identities`, { type: 'phone', value: '+81 3 5550 0142', state: 'shared' });
  await agent.must(201, 'POST', `/customers/${b}/identities`, { type: 'phone', value: '+81355500142' });

  const { items } = await agent.must(200, 'GET', `/customers/${a}/duplicates`);
  assert.deepEqual(items.map((d) => [d.id, d.why]), [[b, 'phone'], [c, 'shared_phone']]);
  assert.deepEqual(items[0].evidence.map((e) => e.why).sort(), ['name company', 'phone']);
  assert.equal(items[0].evidence.find((e) => e.why === 'phone').value, '+81 3 5550 0142');
  assert.equal(items.some((d) => d.id === a), false);
});

test('of two who change one field the later is told both values; who sends what stands there is not refused', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent);
  await agent.must(200, 'PATCH', `/customers/${id}`, { city: 'Leeds' });
  const late = await agent.patch(`/customers/${id}`, { company: '', city: 'York' }, { 'If-Match': '"1"' });
  assert.equal(late.status, 412);
  assert.equal(late.body.field, 'city');
  assert.deepEqual(late.body.args, { field: 'city', now: 'Leeds', given: 'York' });
  assert.match(late.headers.etag ?? '', /^"2/);
  assert.equal((await agent.patch(`/customers/${id}`, { city: 'Leeds' }, { 'If-Match': '"1"' })).status, 200);
});

test('the date of birth is a day that has been, claimed or changed, with its history', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const api = await k.token('manager');
  const identities = [{ type: 'email', value: 'ann@lee.example' }];
  const id = (await api.must(200, 'POST', '/intake', { channel: 'form', identities, claims: { name: 'Ann Lee', birth_date: '1990-01-31' } })).customer.id;
  assert.equal((await agent.must(200, 'GET', `/customers/${id}`)).customer.birth_date, '1990-01-31');
  for (const birth_date of ['1990-02-30', '31.01.1990', '2199-01-01', '0001-01-01', 'x']) {
    assert.equal((await agent.patch(`/customers/${id}`, { birth_date })).body.field, 'birth_date', birth_date);
    assert.equal((await api.post('/intake', { channel: 'form', identities, claims: { birth_date } })).body.field, 'claims.birth_date', birth_date);
  }
  await agent.must(200, 'PATCH', `/customers/${id}`, { birth_date: '' });
  const [row] = await history(agent, id);
  assert.deepEqual([row.field, row.old, row.new], ['birth_date', '1990-01-31', '']);
});

test('income, children and education are ranges of a list; the form draws itself from /meta', async (t) => {
  const k = await house(t);
  const agent = await k.person('agent');
  const id = await made(agent);
  const good = { income_band: 'middle', children: 'three_or_more', education: 'master', occupation: 'Kapitänin' };
  assert.deepEqual(Object.fromEntries(Object.entries((await agent.must(200, 'PATCH', `/customers/${id}`, good)).customer).filter(([name]) => name in good)), good);
  for (const [name, value] of [['income_band', '123,000'], ['children', '7'], ['education', 'MASTER']])
    assert.equal((await agent.patch(`/customers/${id}`, { [name]: value })).body.field, name);
  await agent.must(200, 'PATCH', `/customers/${id}`, { income_band: '' });
  const { forms } = await agent.must(200, 'GET', '/meta');
  const field = (name) => forms.customer_edit.fields.find((f) => f.name === name);
  assert.deepEqual(field('children').choices, ['none', 'one', 'two', 'three_or_more']);
  assert.deepEqual([field('children').type, field('birth_date').type, field('occupation').type, field('children').choice_label], ['choice', 'date', 'text', 'children.']);
});

test('who may not give a mark may not take its change back either', async (t) => {
  const k = await house(t);
  const manager = await k.person('manager');
  const agent = await k.person('agent');
  const id = await made(agent);
  await manager.must(201, 'POST', `/customers/${id}/marks`, { mark: 'vip', reason: 'founder' });
  const [row] = await history(agent, id);
  assert.deepEqual([row.field, row.old, row.new], ['mark.vip', '', 'founder']);
  assert.equal((await agent.post(`/history/${row.id}/undo`)).status, 403);
  await manager.must(200, 'POST', `/history/${row.id}/undo`);
  assert.deepEqual((await agent.must(200, 'GET', `/customers/${id}`)).marks, []);
});

test('texts of one character, of the most there may be, right to left and with emoji come back as written, in the record, its history and back', async (t) => {
  const k = await house(t);
  const admin = await k.person('administrator');
  const agent = await k.person('agent');
  const id = await made(agent);
  await admin.must(201, 'POST', '/custom-attributes', { code: 'remark', label: 'Remark', type: 'text' });
  const adr = (await agent.must(201, 'POST', `/customers/${id}/addresses`, { kind: 'home', line: 'x' })).id;
  const hld = (await agent.must(201, 'POST', `/customers/${id}/holdings`, { name: 'x' })).id;
  const places = { name: 500, company: 500, city: 200, occupation: 100 };
  const texts = ['李', 'ᚠ', 'שלום עולם', 'مرحبا بالعالم', '👩‍👩‍👧‍👦 & 𠮷', "O'Hara \"x\" <b>&amp;", '=cmd|\'/c calc\'!A1', '%00 \\u0000'];
  const read = () => agent.must(200, 'GET', `/customers/${id}`);
  for (const text of [...texts, ...texts.map((x) => x.repeat(500))]) {
    for (const [name, most] of Object.entries(places)) {
      const a = await agent.patch(`/customers/${id}`, { [name]: text });
      const fits = [...text].length <= most;
      assert.deepEqual([a.status, fits ? undefined : a.body.field], [fits ? 200 : 422, fits ? undefined : name], `${name} ${text.slice(0, 40)}`);
      if (fits) assert.equal(a.body.customer[name], text);
    }
    const attr = await agent.ask('PUT', `/customers/${id}/attributes/remark`, { value: text });
    assert.equal(attr.status, [...text].length <= 500 ? 200 : 422);
    if (attr.status === 200) assert.equal((await read()).attributes[0].value, text);
    for (const [path, name, most] of [[`/addresses/${adr}`, 'line', 500], [`/holdings/${hld}`, 'name', 200]]) {
      const a = await agent.patch(path, { [name]: text });
      assert.equal(a.status, [...text].length <= most ? 200 : 422, `${path} ${a.text}`);
      if (a.status === 200) assert.equal(a.body[name], text);
    }
  }
  for (const bad of ['a\u0000b', 'a\u0007b', 'a\u001bb', '\u009b'])
    for (const name of Object.keys(places)) assert.ok([400, 422].includes((await agent.patch(`/customers/${id}`, { [name]: bad })).status), name);
  // All of it goes back, the newest first, to what was there before.
  let undone = 0;
  for (let next = ''; next !== null;) {
    const page = await agent.must(200, 'GET', `/customers/${id}/history?limit=50${next && `&cursor=${next}`}`);
    for (const row of page.items) {
      if (row.source === 'undo' || row.undone_by) continue;
      const a = await agent.post(`/history/${row.id}/undo`);
      assert.equal(a.status, 200, `${row.field} ${row.old.slice(0, 30)} → ${row.new.slice(0, 30)}: ${a.text.slice(0, 300)}`);
      undone += 1;
    }
    next = page.next;
  }
  assert.ok(undone > 50, `${undone}`);
  const now = await read();
  assert.deepEqual([now.customer.name, now.customer.company, now.attributes[0].value, now.addresses.length, now.holdings.length], ['Ann Lee', '', null, 0, 0]);
});
