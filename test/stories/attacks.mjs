// A house with one of everything, and for every row that changes something a request that it takes; the members of a
// request one by one; what the store holds, as a fingerprint. For stories that try every place with hostile values.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { house, isPostgres, sleep } from './kith.mjs';

// Rows that end the session, hash a password each time or read a body by themselves: they have stories of their own
// (session, first_run, calls, bulk, imports, list, automation).
const apart = /^(delete \/api\/v1\/session|post \/api\/v1\/(setup|session|me\/password|cti\/.*|bulk\/.*|imports|notices\/\{id\}\/seen|security\/recovery|bulk-actions\/\{id\}\/resume))$/;

export async function furnished(t) {
  const k = await house(t);
  const owner = await k.person('owner', { name: 'Olga', extensions: ['100'] });
  const other = await k.person('agent', { name: 'Otto' });
  const doc = (await k.nobody().get('/openapi.json')).body;
  const link = await owner.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'PBX', region: 'GB' });
  let n = 0;
  const next = () => String((n += 1));
  const made = async (target, body) => (await owner.must(201, 'POST', target, body));
  const person = async () => {
    const i = next();
    return (await made('/customers', { claims: { name: `Ann ${i}` }, identities: [{ type: 'email', value: `ann${i}@kith.example` }] })).customer.id;
  };
  const cus = await person(), friend = await person();
  const ring = async (from) => {
    const callId = `c${next()}`;
    for (const event of ['newCall', 'answer'])
      await k.nobody().must(200, 'POST', `/cti/${link.token}`, { event, callId, from, to: '+442079460000', direction: 'in', user: ['100'] });
    return (await owner.must(200, 'GET', '/calls?view=all')).items.find((c) => c.state === 'answered' && c.number === from).id;
  };
  const stranger = () => ring(`+8130${next().padStart(7, '0')}`);
  const call = await ring('+442079460018');
  const order = async (more = {}) => ({ number: `N${next()}`, customer: cus, currency: 'EUR', lines: [{ sku: 'L-1', name: 'Lantern', quantity: 2, price: 100 }], ...more });
  const ord = await made('/orders', await order());
  const record = () => owner.must(200, 'GET', `/customers/${cus}`);
  const idn = (await record()).identities[0].id;
  const tsk = (await made(`/customers/${cus}/tasks`, { title: 'ring' })).id;
  const prd = (await made('/products', { sku: 'P-1', name: 'Pot' })).id;
  const address = async () => (await made(`/customers/${cus}/addresses`, { kind: 'home', line: 'Lane 1' })).id;
  const holding = async () => (await made(`/customers/${cus}/holdings`, { name: 'Pot' })).id;
  const relation = async () => (await made(`/customers/${cus}/relations`, { other: await person(), kind: 'family' })).id;
  const proposal = async () => {
    const i = next();
    await owner.must(200, 'POST', '/intake', { channel: 'form', customer: undefined, identities: [{ type: 'email', value: 'ann1@kith.example' }], claims: { name: `Somebody else ${i}` } });
    return (await record()).proposals.find((p) => p.value.endsWith(` ${i}`)).id;
  };
  const change = async () => {
    await owner.must(200, 'PATCH', `/customers/${cus}`, { city: `Town ${next()}` });
    return (await owner.must(200, 'GET', `/customers/${cus}/history?limit=1`)).items[0].id;
  };
  const colour = (await made('/custom-attributes', { code: 'colour', label: 'Colour', type: 'choices', choices: ['red', 'blue'] })).id;
  await made('/custom-attributes', { code: 'remark', label: 'Remark', type: 'text' });
  const tidy = async () => { for (const v of (await owner.must(200, 'GET', '/views')).items) await owner.ask('DELETE', `/views/${v.id}`); }; // at most 100 each
  const fewSegments = async () => { for (const x of (await owner.must(200, 'GET', '/segments')).items) await owner.ask('DELETE', `/segments/${x.id}`); };
  const segment = async () => { await fewSegments(); return (await made('/segments', { name: `Segment ${next()}`, text: 'city = Dover' })).id; };
  const fewAutomations = async () => { for (const x of (await owner.must(200, 'GET', '/automations')).items) await owner.ask('DELETE', `/automations/${x.id}`); };
  const actions = () => [{ kind: 'task', text: 'ring', to: 'colleague', staff: stf, priority: 'high', days: 3 }, { kind: 'tag', tag: 'fair' }];
  const hook = [{ kind: 'webhook', url: 'https://hooks.example.invalid/kith' }];
  const automation = async (list = actions()) => { await fewAutomations(); return (await made('/automations', { name: `Automation ${next()}`, event: 'order.added', is_on: false, actions: list })).id; };
  const delivery = async () => {
    const id = await automation(hook);
    await owner.must(202, 'POST', `/automations/${id}/test`);
    return (await owner.must(200, 'GET', `/webhooks/deliveries?automation=${id}`)).items[0].id;
  };
  const ofRule = () => ({ class: 'chatty', label: `Rule ${next()}`, condition: 'city = Dover', points: 20, is_on: true });
  const fewRules = async () => { for (const x of (await owner.must(200, 'GET', '/rules')).items) if (!x.key) await owner.ask('DELETE', `/rules/${x.id}`); };
  const rule = async () => { await fewRules(); return (await made('/rules', ofRule())).id; };
  const saved = async () => { await tidy(); return (await made('/views', { name: `View ${next()}` })).id; };
  const fewMethods = async () => { for (const m of (await owner.must(200, 'GET', '/payment-methods')).items) if (/^m\d/.test(m.code)) await owner.ask('DELETE', `/payment-methods/${m.code}`); };
  let spareMethod = 0; // codes stay taken once they were used, so one is brought back
  const method = async () => {
    if (!(await owner.must(200, 'GET', '/payment-methods')).items.some((m) => m.code === 'spare')) await made('/payment-methods', { code: 'spare', name: `Spare ${(spareMethod += 1)}`, call_back: 'no' });
    return 'spare';
  };
  const block = async () => (await made('/risk/blocks', { kind: 'device', value: `w${next()}`, reason: 'never paid' })).id;
  const review = async () => {
    const id = await block();
    await owner.must(200, 'POST', `/risk/blocks/${id}/wish`, { text: 'please look' });
    return (await owner.must(200, 'GET', '/risk/queue?limit=200')).items.find((r) => r.block === id).id;
  };
  const report = async () => (await made(`/customers/${cus}/abuse-reports`, { text: 'a complaint' })).id;
  const itx = (await owner.must(200, 'GET', `/customers/${cus}/timeline`)).items[0].id;
  const newStaff = async () => (await made('/staff', { email: `s${next()}@kith.example`, name: 'Sam', role: 'agent' })).id;
  const stf = await newStaff();
  const tok = async () => (await made('/tokens', { name: 'wall', role: 'agent', scopes: ['read'] })).id;
  const ses = async () => {
    await k.logIn(owner.staff.email);
    return (await owner.must(200, 'GET', '/sessions')).items.find((s) => !s.is_current).id;
  };

  const action = async () => (await owner.ask('POST', '/customers/bulk', { action: 'tag_add', value: `t${next()}`, ids: [cus] })).body.id;
  const ended = async (target) => {
    for (let i = 0; i < 400; i += 1) {
      const { state } = await owner.must(200, 'GET', target);
      if (!['waiting', 'checking', 'running', 'undoing'].includes(state)) return state;
      await sleep(25);
    }
    throw new Error(`${target} does not end`);
  };
  const acted = async () => {
    const id = await action();
    await ended(`/bulk-actions/${id}`);
    return id;
  };
  const file = async () => {
    const form = new FormData();
    form.set('kind', 'customers');
    form.set('file', new Blob([`name,email\nFay ${next()},fay${next()}@kith.example\n`]), 'people.csv');
    const sent = await fetch(new URL('/api/v1/imports', k.origin), { method: 'POST', body: form, headers: { cookie: owner.cookie, origin: k.origin, 'x-kith': '1' } });
    assert.equal(sent.status, 201, await sent.clone().text());
    return (await sent.json()).id;
  };
  const brought = async () => {
    const id = await file();
    await owner.must(200, 'POST', `/imports/${id}/run`, {});
    await ended(`/imports/${id}`);
    return id;
  };

  const claims = () => ({ name: 'Cleo', reading: 'kleo', given: 'Cleo', family: 'Park', patronymic: 'A', form_of_address: 'Ms', company: 'Park Ltd', kind: 'person', language: 'en',
    time_zone: 'Europe/London', country: 'GB', region: 'Kent', city: 'Dover', heard_of_us: 'radio', birth_date: '1990-01-31', income_band: 'low', children: 'one', education: 'school', occupation: 'baker', address_kind: 'home', address_line: 'Lane 2', address_postal: 'CT16' });
  const identities = () => [{ type: 'external', value: `x-${next()}` }];
  const draft = () => ({ name: 'Dora', reason: 'parcel', email: `dora${next()}@kith.example`, other_number: '+442079460077', company: 'Dora Ltd', address: 'Lane 3', postal: 'CT17', city: 'Dover',
    country: 'GB', opinion: 'good', heard_of_us: 'radio', lang: 'en' });
  const at = (path) => Object.assign(async () => path, { isFixed: true }); // the others make what they are sent to
  // method and path -> where to send it, what, and where it is to be seen afterwards (a: the answer); hides: nowhere
  const rows = {
    'post /api/v1/sending/release': { to: at('/sending/release') },
    'patch /api/v1/settings': { to: at('/settings'), body: () => ({ company: 'House', lang: 'en', time_zone: 'UTC', base_currency: 'EUR', region: 'GB' }), view: () => '/settings' },
    'patch /api/v1/me': { to: at('/me'), body: () => ({ name: 'Olga', lang: 'en', theme: 'dark', text_size: 110, has_keys: true, has_sound: true, is_ready: true }), view: () => '/session' },
    'delete /api/v1/sessions/{id}': { to: async () => `/sessions/${await ses()}` },
    'post /api/v1/staff': { to: at('/staff'), body: () => ({ email: `s${next()}@kith.example`, name: 'Sam', role: 'agent', lang: 'en', extensions: [next() + '77'], queues: ['sales'] }), view: (a) => `/staff/${a.id}` },
    'patch /api/v1/staff/{id}': { to: at(`/staff/${stf}`), body: () => ({ name: 'Sam', role: 'agent', is_active: true, extensions: ['771'], queues: ['sales'], lang: 'en' }), view: () => `/staff/${stf}` },
    'post /api/v1/tokens': { to: at('/tokens'), body: () => ({ name: 'wall', role: 'agent', scopes: ['read'], expires_at: '2090-01-01T00:00:00Z' }), view: () => '/tokens?limit=200' },
    'delete /api/v1/tokens/{id}': { to: async () => `/tokens/${await tok()}` },
    'post /api/v1/products': { to: at('/products'), body: () => ({ sku: `S${next()}`, name: 'Pan', price: { amount: 5, currency: 'EUR' }, category: 'kitchen' }), view: (a) => `/products/${a.id}` },
    'patch /api/v1/products/{id}': { to: at(`/products/${prd}`), body: () => ({ name: 'Pot', price: { amount: 5, currency: 'EUR' }, category: 'kitchen' }), view: () => `/products/${prd}` },
    'post /api/v1/customers': { to: at('/customers'), body: () => ({ identities: identities(), claims: claims() }), view: (a) => `/customers/${a.customer.id}` },
    'patch /api/v1/customers/{id}': { to: at(`/customers/${cus}`), body: () => ({ kind: 'person', name: 'Ann', reading: 'an', given: 'Ann', family: 'Lee', patronymic: 'B', form_of_address: 'Ms', lang: 'en',
      time_zone: 'UTC', country: 'GB', region: 'Kent', city: 'Dover', company: 'Lee Ltd', heard_of_us: 'radio', birth_date: '1990-01-31', income_band: 'low', children: 'one', education: 'school', occupation: 'baker', owner: stf }), view: () => `/customers/${cus}` },
    'post /api/v1/customers/{id}/identities': { to: at(`/customers/${cus}/identities`), body: () => ({ type: 'account', value: `a-${next()}`, state: 'claimed' }), view: () => `/customers/${cus}` },
    'patch /api/v1/identities/{id}': { to: at(`/identities/${idn}`), body: () => ({ state: 'confirmed' }) },
    'post /api/v1/customers/{id}/marks': { to: at(`/customers/${cus}/marks`), body: () => ({ mark: 'do_not_contact', reason: 'asked' }), view: () => `/customers/${cus}` },
    'delete /api/v1/customers/{id}/marks/{mark}': { to: async () => { await owner.post(`/customers/${cus}/marks`, { mark: 'vip', reason: 'x' }); return `/customers/${cus}/marks/vip`; } },
    'post /api/v1/customers/{id}/addresses': { to: async () => `/customers/${await person()}/addresses`, body: () => ({ kind: 'home', line: 'Lane 4', postal: 'CT18', city: 'Dover', region: 'Kent', country: 'GB' }), view: (a, to) => to.replace('/addresses', '') },
    'post /api/v1/customers/{id}/holdings': { to: async () => `/customers/${await person()}/holdings`, body: () => ({ product: prd, name: 'Pot', serial: '1', plan: 'gold', number: '2', until: '2030-01-01T00:00:00Z' }), view: (a, to) => to.replace('/holdings', '') },
    'post /api/v1/customers/{id}/relations': { to: async () => `/customers/${await person()}/relations`, body: () => ({ other: friend, kind: 'family', role: 'aunt' }), view: (a, to) => to.replace('/relations', '') },
    'delete /api/v1/addresses/{id}': { to: async () => `/addresses/${await address()}` },
    'delete /api/v1/holdings/{id}': { to: async () => `/holdings/${await holding()}` },
    'delete /api/v1/relations/{id}': { to: async () => `/relations/${await relation()}` },
    'post /api/v1/customers/{id}/notes': { to: async () => `/customers/${await person()}/notes`, body: () => ({ text: 'a note' }), view: (a, to) => to.replace('/notes', '') },
    'post /api/v1/customers/{id}/tasks': { to: async () => `/customers/${await person()}/tasks`, body: () => ({ title: 'ring', due_at: '2030-01-01T00:00:00Z', kind: 'todo', assignee: stf }), view: (a, to) => to.replace('/tasks', '') },
    'patch /api/v1/tasks/{id}': { to: at(`/tasks/${tsk}`), body: () => ({ done: false, due_at: '2030-01-01T00:00:00Z', assignee: stf, title: 'ring' }), view: () => `/customers/${cus}` },
    'post /api/v1/proposals/{id}': { to: async () => `/proposals/${await proposal()}`, body: () => ({ decision: 'no' }) },
    'delete /api/v1/identities/{id}': { to: async () => `/identities/${(await made(`/customers/${cus}/identities`, { type: 'account', value: `gone-${next()}` })).id}` },
    'patch /api/v1/addresses/{id}': { to: async () => `/addresses/${await address()}`, body: () => ({ kind: 'billing', line: 'Lane 5', postal: 'CT19', city: 'Dover', region: 'Kent', country: 'GB' }), view: () => `/customers/${cus}` },
    'patch /api/v1/holdings/{id}': { to: async () => `/holdings/${await holding()}`, body: () => ({ product: prd, name: 'Pot', serial: '1', plan: 'gold', number: '2', until: '2030-01-01T00:00:00Z' }), view: () => `/customers/${cus}` },
    'patch /api/v1/relations/{id}': { to: async () => `/relations/${await relation()}`, body: () => ({ role: 'aunt' }), view: () => `/customers/${cus}` },
    'put /api/v1/customers/{id}/tags/{tag}': { to: async () => `/customers/${await person()}/tags/t${next()}` },
    'delete /api/v1/customers/{id}/tags/{tag}': { to: async () => { await owner.must(200, 'PUT', `/customers/${cus}/tags/fair`); return `/customers/${cus}/tags/fair`; } },
    'put /api/v1/customers/{id}/attributes/{code}': { to: at(`/customers/${cus}/attributes/remark`), body: () => ({ value: 'a remark' }), view: () => `/customers/${cus}` },
    'delete /api/v1/customers/{id}/attributes/{code}': { to: at(`/customers/${cus}/attributes/remark`) },
    'post /api/v1/custom-attributes': { to: at('/custom-attributes'), body: () => ({ code: `c${next()}`, label: 'Colour', type: 'choice', choices: ['red', 'blue'], position: 1 }), view: () => '/custom-attributes' },
    'patch /api/v1/custom-attributes/{id}': { to: at(`/custom-attributes/${colour}`), body: () => ({ label: 'Colour', choices: ['red', 'blue'], position: 1, is_active: true }), view: () => '/custom-attributes' },
    'delete /api/v1/custom-attributes/{id}': { to: at(`/custom-attributes/${colour}`) },
    'post /api/v1/history/{id}/undo': { to: async () => `/history/${await change()}/undo` },
    'post /api/v1/customers/{id}/confirm': { to: at(`/customers/${cus}/confirm`), body: () => ({ field: 'name' }) },
    'post /api/v1/customers/{id}/impression': { to: at(`/customers/${cus}/impression`), body: () => ({ impression: 'chatty' }), view: () => `/customers/${cus}/evidence` },
    'put /api/v1/competitors': { to: at('/competitors'), body: () => ({ names: ['Rival Ltd', 'Konkurent'] }), view: () => '/competitors' },
    'post /api/v1/customers/{id}/consents': { to: at(`/customers/${cus}/consents`), body: () => ({ purpose: 'sms_offers', state: 'given', channel: 'form', source: 'fair', proof: 'box ticked', at: '2026-01-01T00:00:00Z' }), view: () => `/customers/${cus}/consents?limit=200` },
    'post /api/v1/orders/{id}/facts': { to: at(`/orders/${ord.id}/facts`), body: () => ({ kind: 'paid', note: 'in cash', source_id: `f${next()}`, at: new Date().toISOString() }), view: () => `/orders/${ord.id}` },
    'post /api/v1/views': { to: async () => { await tidy(); return '/views'; }, body: () => ({ name: `View ${next()}`, is_shared: true, where: 'city = Dover', q: 'ann', sort: 'name', columns: [{ name: 'name', width: 200 }] }), view: () => '/views' },
    'patch /api/v1/views/{id}': { to: async () => `/views/${await saved()}`, body: () => ({ name: 'View', is_shared: true, where: 'city = Dover', q: 'ann', sort: 'name', columns: [{ name: 'name', width: 200 }] }), view: () => '/views' },
    'delete /api/v1/views/{id}': { to: async () => `/views/${await saved()}` },
    'post /api/v1/expressions/check': { to: at('/expressions/check'), body: () => ({ text: 'country = DE' }), hides: true },
    'post /api/v1/expressions/count': { to: at('/expressions/count'), body: () => ({ text: 'country = DE' }), hides: true },
    'post /api/v1/customers/bulk': { to: at('/customers/bulk'), body: () => ({ action: 'set', field: 'city', value: 'Deal', ids: [cus] }), view: async (a) => (await ended(`/bulk-actions/${a.id}`), `/customers/${cus}`) },
    // a few are changed at once; only what is a job can be stopped
    'post /api/v1/bulk-actions/{id}/cancel': { to: async () => `/bulk-actions/${(await owner.ask('POST', '/customers/bulk', { action: 'tag_add', value: `t${next()}`, all: true })).body.id}/cancel` },
    'post /api/v1/bulk-actions/{id}/undo': { to: async () => `/bulk-actions/${await acted()}/undo` },
    'post /api/v1/imports/{id}/run': { to: async () => `/imports/${await file()}/run`, body: () => ({ dry_run: true }), hides: true },
    'post /api/v1/imports/{id}/cancel': { to: async () => `/imports/${await file()}/cancel` },
    'post /api/v1/imports/{id}/undo': { to: async () => `/imports/${await brought()}/undo` },
    'post /api/v1/segments': { to: async () => { await fewSegments(); return '/segments'; }, body: () => ({ name: `Segment ${next()}`, text: 'city = Dover' }), view: () => '/segments' },
    'patch /api/v1/segments/{id}': { to: async () => `/segments/${await segment()}`, body: () => ({ name: `Segment ${next()}`, text: 'city = Dover' }), view: () => '/segments' },
    'post /api/v1/segments/{id}/fill': { to: async () => `/segments/${await segment()}/fill`, view: () => '/segments' },
    'delete /api/v1/segments/{id}': { to: async () => `/segments/${await segment()}` },
    'post /api/v1/automations': { to: async () => { await fewAutomations(); return '/automations'; }, body: () => ({ name: `Automation ${next()}`, event: 'segment.entered', segment: null, where: 'city = Dover', again_days: 7, is_on: false, actions: actions() }), view: (a) => `/automations/${a.id}` },
    'post /api/v1/automations/dry-run': { to: at('/automations/dry-run'), body: () => ({ event: 'order.added', segment: null, where: 'city = Dover', again_days: 7, days: 3 }), hides: true },
    'post /api/v1/automations/{id}/dry-run': { to: async () => `/automations/${await automation()}/dry-run`, body: () => ({ days: 3 }), hides: true },
    'patch /api/v1/automations/{id}': { to: async () => `/automations/${await automation()}`, body: () => ({ name: `Automation ${next()}`, event: 'order.added', segment: null, where: 'city = Dover', again_days: 7, is_on: false, actions: actions() }), view: (a) => `/automations/${a.id}` },
    'post /api/v1/automations/{id}/secret': { to: async () => `/automations/${await automation(hook)}/secret` },
    'post /api/v1/automations/{id}/test': { to: async () => `/automations/${await automation(hook)}/test` },
    'delete /api/v1/automations/{id}': { to: async () => `/automations/${await automation()}` },
    'post /api/v1/webhooks/deliveries/{id}/again': { to: async () => `/webhooks/deliveries/${await delivery()}/again` },
    'put /api/v1/webhooks/hosts': { to: at('/webhooks/hosts'), body: () => ({ hosts: ['crm.example.invalid'] }), view: () => '/webhooks/hosts' },
    'patch /api/v1/classes/{key}': { to: at('/classes/chatty'), body: () => ({ enter: 50, leave: 35, stay_days: 14, known: 3, is_on: true, advice: 'be patient' }), view: () => '/classes' },
    'post /api/v1/rules': { to: async () => { await fewRules(); return '/rules'; }, body: ofRule, view: () => '/rules' },
    'patch /api/v1/rules/{id}': { to: async () => `/rules/${await rule()}`, body: () => { const { class: _, ...rest } = ofRule(); return rest; }, view: () => '/rules' },
    'delete /api/v1/rules/{id}': { to: async () => `/rules/${await rule()}` },
    'post /api/v1/rules/preview': { to: at('/rules/preview'), body: () => ({ class: 'chatty', label: 'Of Dover', condition: 'city = Dover', points: 20 }), hides: true },
    'post /api/v1/rules/{id}/preview': { to: async () => `/rules/${await rule()}/preview`, body: () => ({ ...ofRule(), is_gone: false }), hides: true },
    'post /api/v1/classify': { to: at('/classify'), view: () => '/classes' },
    'post /api/v1/customers/{id}/judgement/correct': { to: async () => `/customers/${await person()}/judgement/correct`, body: () => ({ class: 'chatty', reason: 'we talk for hours', until: new Date(Date.now() + 864e5).toISOString() }), view: (a, to) => to.replace('/correct', '') },
    'delete /api/v1/customers/{id}/judgement/pin': { to: async () => { const id = await person(); await owner.must(200, 'POST', `/customers/${id}/judgement/correct`, { class: 'chatty', reason: 'said so' }); return `/customers/${id}/judgement/pin`; } },
    'post /api/v1/intake': { to: at('/intake'), body: () => ({ channel: 'email', direction: 'in', at: '2026-01-01T00:00:00Z', source_id: `src-${next()}`, identities: identities(), claims: claims(), subject: 'hello', text: 'there', ip: '203.0.113.9' }),
      view: (a) => [`/customers/${a.customer.id}`, `/customers/${a.customer.id}/timeline`] },
    'post /api/v1/orders': { to: at('/orders'), body: () => ({ number: `N${next()}`, identities: identities(), claims: claims(), channel: 'order', at: '2026-01-01T00:00:00Z', due_at: '2026-01-05T00:00:00Z', currency: 'EUR',
      status: 'open', payment_method: 'card', discount: 0, lines: [{ sku: 'L-1', name: 'Lantern', quantity: 2, price: 100 }] }), view: (a) => [`/orders/${a.id}`, `/customers/${a.customer.id}`] },
    'patch /api/v1/orders/{id}': { to: at(`/orders/${ord.id}`), body: () => ({ status: 'open', due_at: '2030-01-01T00:00:00Z' }) },
    'post /api/v1/orders/{id}/returns': { to: async () => `/orders/${(await made('/orders', await order())).id}/returns`, body: () => ({ line: 1, quantity: 1, amount: 50, reason: 'broken' }), view: (a) => `/orders/${a.id}` },
    'post /api/v1/screen': { to: at('/screen'), body: () => ({ id: `s-${next()}`, at: '2026-01-01T00:00:00Z', customer: { name: 'Cleo Park', email: `cleo${next()}@kith.example`, phone: '+442079460011', country: 'GB', city: 'Dover', address: `Lane ${next()}`, company: 'Park Ltd',
      language: 'en', time_zone: 'Europe/London' }, ip: '203.0.113.9', device: `d${next()}`, form_seconds: 40, payment: { method: 'card', card_name: 'Cleo Park', card_country: 'GB', card_fingerprint: `c${next()}`, prepaid: false },
      order: { total: 100, currency: 'EUR', express: false, items: [{ sku: 'L-1', name: 'Lantern', qty: 2, price: 50 }] }, history: { paid_orders: 1, age_days: 10, questions: 2 } }), hides: true },
    'patch /api/v1/risk/signals/{code}': { to: at('/risk/signals/voip_number'), body: () => ({ points: 14, is_on: true }), view: () => '/risk/signals' },
    'post /api/v1/risk/signals/{code}/preview': { to: at('/risk/signals/voip_number/preview'), body: () => ({ points: 14, is_on: true }), hides: true },
    'post /api/v1/payment-methods': { to: async () => { await fewMethods(); return '/payment-methods'; }, body: () => ({ code: `m${next()}`, name: 'Voucher', call_back: 'days', days: 10, countries: ['GB'], position: 9 }), view: () => '/payment-methods' },
    'patch /api/v1/payment-methods/{code}': { to: async () => `/payment-methods/${await method()}`, body: () => ({ name: 'Voucher', call_back: 'days', days: 10, countries: ['GB'], position: 9 }), view: () => '/payment-methods' },
    'delete /api/v1/payment-methods/{code}': { to: async () => `/payment-methods/${await method()}` },
    'post /api/v1/risk/queue/{id}/verdict': { to: async () => `/risk/queue/${await review()}/verdict`, body: () => ({ verdict: 'unsure', note: 'not clear' }), view: (a) => `/risk/queue/${a.id}` },
    'post /api/v1/risk/blocks': { to: at('/risk/blocks'), body: () => ({ kind: 'device', value: `b${next()}`, reason: 'never paid', until: '2090-01-01T00:00:00Z' }), view: () => '/risk/blocks?limit=200' },
    'delete /api/v1/risk/blocks/{id}': { to: async () => `/risk/blocks/${await block()}` },
    'post /api/v1/risk/blocks/{id}/wish': { to: async () => `/risk/blocks/${await block()}/wish`, body: () => ({ text: 'It was not me' }), view: () => '/risk/blocks?limit=200' },
    'post /api/v1/customers/{id}/abuse-reports': { to: async () => `/customers/${await person()}/abuse-reports`, body: () => ({ text: 'He deceived her', reporter: 'Ms Pohl', source_id: `a-${next()}` }), view: (a, to) => to },
    'post /api/v1/abuse-reports/{id}/decide': { to: async () => `/abuse-reports/${await report()}/decide`, body: () => ({ confirmed: true, note: 'seen' }), view: (a) => `/customers/${a.customer}/abuse-reports` },
    'post /api/v1/phone-links': { to: at('/phone-links'), body: () => ({ kind: 'webhook', name: 'PBX 2', region: 'GB' }), view: () => '/phone-links' },
    'patch /api/v1/phone-links/{id}': { to: at(`/phone-links/${link.id}`), body: () => ({ name: 'PBX', region: 'GB', is_active: true }), view: () => '/phone-links' },
    'post /api/v1/phone-links/{id}/token': { to: async () => `/phone-links/${(await made('/phone-links', { kind: 'webhook', name: 'spare' })).id}/token` },
    'patch /api/v1/calls/{id}': { to: at(`/calls/${call}`), body: () => ({ note: 'a note', reason: 'parcel', outcome: 'solved', impression: 'freeloader', customer: cus, spoke: friend }), view: () => `/calls/${call}` },
    'put /api/v1/calls/{id}/draft': { to: async () => `/calls/${await stranger()}/draft`, body: draft, view: (a, to) => to.replace('/draft', '') },
    'post /api/v1/calls/{id}/checks': { to: at(`/calls/${call}/checks`), body: () => ({ question: 'postcode', is_right: true }) },
    'post /api/v1/calls/{id}/people': { to: at(`/calls/${call}/people`), body: () => ({ name: `Friend ${next()}`, role: 'buyer', relation: 'family' }), view: (a) => [`/calls/${call}`, `/customers/${a.spoke.id}`] },
    'post /api/v1/calls/{id}/wrap-up': { to: async () => `/calls/${await stranger()}/wrap-up`, body: () => ({ outcome: 'follow_up', note: 'later', reason: 'parcel', impression: 'chatty', follow_up: { title: 'send it', due_at: '2030-01-01T00:00:00Z' } }),
      view: (a) => [`/calls/${a.id}`, '/tasks?view=open&limit=200'] },
    'patch /api/v1/calls/say': { to: at('/calls/say'), body: () => ({ lang: 'en', name: 'Your name?', reason: 'Why?', email: 'Mail?', company: 'Firm?', address: 'Where?', opinion: 'How?', heard_of_us: 'Whence?', account: 'Which?' }), view: () => '/calls/say?lang=en' },
    'post /api/v1/calls/{id}/customer': { to: async () => `/calls/${await stranger()}/customer`, body: draft, view: (a) => [`/customers/${a.customer.id}`, `/calls/${a.call.id}`] },
  };
  const writing = [];
  for (const [path, methods] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(methods)) {
      const name = `${method} ${path}`;
      if (method === 'get' || apart.test(name)) continue;
      assert.ok(rows[name], `${name} has no request here: write one`);
      writing.push({ name, method: method.toUpperCase(), op, schema: op.requestBody?.content?.['application/json']?.schema, ...rows[name] });
    }
  const ids = { customers: cus, staff: stf, products: prd, identities: idn, tasks: tsk, orders: ord.id, 'phone-links': link.id, calls: call, interactions: itx, imports: await file(), 'bulk-actions': await acted() };
  return { k, owner, other, doc, writing, ids, link, ring, next };
}

// The members of a request as [path, schema], those of inner objects and of the first item of lists too.
export function members(schema, body, path = []) {
  const found = [];
  for (const [name, member] of Object.entries(schema?.properties ?? {})) {
    if (body?.[name] === undefined) continue;
    const here = [...path, name];
    found.push([here, member]);
    if (member.properties) found.push(...members(member, body[name], here));
    if (member.items?.properties) found.push(...members(member.items, body[name][0], [...here, 0]));
    else if (member.items) found.push([[...here, 0], member.items]);
  }
  return found;
}

export function withMember(body, path, value) {
  const made = structuredClone(body);
  let at = made;
  for (const step of path.slice(0, -1)) at = at[step];
  at[path.at(-1)] = value;
  return made;
}

export const typeOf = (schema) => (Array.isArray(schema.type) ? schema.type[0] : schema.type);
export const fieldOf = (path) => path.map((p) => (typeof p === 'number' ? `[${p}]` : `.${p}`)).join('').slice(1);

// A hash of each table but those that move by themselves (sessions seen, leases, views of records, what the search, segments and the judge keep for themselves), and the number of acts.
const tablesOf = new WeakMap();
function tables(k) {
  const quiet = ['standing_turn', 'trait', 'evidence', 'product_wording', 'segment', 'segment_member', 'rule_due', 'segment_follow', 'automation', 'automation_action', 'automation_run', 'automation_last', 'automation_follow', 'webhook_delivery', 'judgement', 'judgement_log', 'judge_due', 'judge_follow', 'class_rule', 'risk_state', 'search_doc', 'search_due', 'search_gram', 'session', 'node', 'lease', 'job', 'audit', 'audit_seal', 'audit_value', 'audit_day', 'store_meta', 'idempotency'];
  if (!tablesOf.has(k))
    tablesOf.set(k, k.sql(isPostgres
      ? "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
      : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1").map(([name]) => name).filter((n) => !quiet.includes(n) && !n.startsWith('search_gram')));
  return tablesOf.get(k);
}
export function fingerprint(k) {
  const all = tables(k);
  assert.ok(all.includes('customer') && all.includes('event') && all.length > 15, all.join());
  /* which acts, and how often: what is more than before is named; views, and that they were many, are told some seconds later */
  const acts = `SELECT COALESCE(${isPostgres ? "string_agg(act, ' ' ORDER BY act)" : "group_concat(act, ' ')"}, '') FROM (SELECT action || ' ' || COUNT(*) AS act FROM audit WHERE action NOT IN ('customer.view', 'alert.views') GROUP BY action ORDER BY 1) x`;
  const atWork = "SELECT COUNT(*) FROM job WHERE state = 'waiting' AND schedule IS NULL"; // what was accepted before
  /* who enters a segment does so some seconds after the act that made him fit */
  const rows = (n) => (n === 'event' ? "(SELECT * FROM event WHERE type NOT IN ('segment.entered', 'segment.left', 'customer.judged'))" : `"${n}"`);
  const hash = (n) => `SELECT '${n}', md5(COALESCE(string_agg(x::text, '|' ORDER BY x::text), '')) FROM ${rows(n)} x`;
  for (let i = 0; ; i += 1) {
    const found = {};
    let name;
    if (isPostgres)
      for (const [n, value] of k.sql(`${all.map(hash).join(' UNION ALL ')} UNION ALL SELECT 'acts', (${acts}) UNION ALL SELECT 'at work', (${atWork})::text`)) found[n] = value;
    else
      for (const row of k.sql(`${all.map((n) => `SELECT '@table', '${n}'; SELECT * FROM ${rows(n)} ORDER BY 1;`).join(' ')} SELECT '@table', 'acts'; ${acts}; SELECT '@table', 'at work'; ${atWork};`)) {
        if (row[0] === '@table') found[(name = row[1])] = name === 'acts' || name === 'at work' ? '' : createHash('sha256');
        else if (typeof found[name] === 'string') found[name] = row[0];
        else found[name].update(JSON.stringify(row));
      }
    if (found['at work'] === '0' || i > 200) return Object.fromEntries(Object.entries(found).map(([n, h]) => [n, typeof h === 'string' ? h : h.digest('hex')]));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
  }
}

// The same once nothing moves by itself any more: what was done before has its followers (search, segments, conditions).
export async function settled(k) {
  for (let i = 0, before = fingerprint(k); ; i += 1) {
    await sleep(120);
    const now = fingerprint(k);
    if (i > 60 || JSON.stringify(now) === JSON.stringify(before)) return now;
    before = now;
  }
}
