// Writers on every door of the house, and a book of what each was answered. Whatever happens to the server in between,
// `holds()` then asks: is everything acknowledged there, and once?
//
//   const doors = await Doors.open(k);          // people, tokens and customers of their own
//   doors.begin('round 1');                     // all of them write, until
//   await doors.end();                          // they stop
//   await doors.holds();                        // throws at the first thing lost or doubled
//
// An answer that did not come, or 503 or 507, is not an acknowledgement; anything else that is no success is a fault.
import assert from 'node:assert/strict';
import { sleep, until } from '../stories/kith.mjs';

const phone = (n) => `+4420794${String(60000 + (n % 40)).padStart(5, '0')}`;
const boundary = 'a-boundary-between-parts';
const importRows = 40;
const form = (name, text) => `--${boundary}\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncustomers\r\n--${boundary}\r\n`
  + `Content-Disposition: form-data; name="file"; filename="${name}.csv"\r\n\r\n${text}\r\n--${boundary}--\r\n`;

export class Doors {
  static async open(k) {
    const d = new Doors();
    d.k = k;
    d.api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
    d.manager = await k.token('manager');
    const owner = await k.person('owner');
    d.operator = await k.person('operator', { extensions: ['101'] });
    d.link = (await owner.must(201, 'POST', '/phone-links', { kind: 'webhook', name: 'all doors' })).token;
    d.nobody = k.nobody();
    d.own = []; // customers of the writers that change one, and those that are tagged together
    for (let i = 0; i < 30; i++) {
      const made = await d.api.must(201, 'POST', '/customers', { claims: { name: `Own ${i}` }, identities: [{ type: 'email', value: `own${i}@mail.example` }] });
      d.own.push(made.customer.id);
    }
    d.intakes = new Map(); // source → [customer, interaction]
    d.notes = new Set();
    d.tasks = new Set();
    d.orders = new Set();
    d.callNotes = new Map(); // callId → { sure, maybe: [] }
    d.cities = new Map(); // customer → the same
    d.companies = { sure: '', maybe: [] };
    d.segments = new Set();
    d.imports = new Map(); // id → its name
    d.actions = new Map(); // id → { tag, undone: false|'asked'|true }
    d.seen = { refused: 0, full: 0, tried: 0 };
    d.round = 0;
    d.last = []; // the latest answers that were no success, for the messages
    return d;
  }

  get acknowledged() {
    return { intakes: this.intakes.size, notes: this.notes.size, tasks: this.tasks.size, orders: this.orders.size, calls: this.callNotes.size,
      imports: this.imports.size, actions: this.actions.size, segments: this.segments.size, ...this.seen };
  }

  // A success gives the answer; what may happen in a bad hour gives undefined; everything else is a fault.
  async try(promise, also = []) {
    this.seen.tried++;
    let a;
    try {
      a = await promise;
    } catch {
      this.seen.refused++;
      return undefined; // no answer is no acknowledgement
    }
    if (a.status >= 200 && a.status < 300) return a;
    this.seen.refused++;
    this.seen.full += a.status === 507;
    if (![503, 507, ...also].includes(a.status)) throw new Error(`an answer that nobody should get: ${a.status} ${a.text}`);
    if (a.status === 503 || a.status === 507) assert.ok(Number(a.headers['retry-after']) > 0, `no Retry-After with ${a.status} ${a.text}`);
    this.last = [a, ...this.last].slice(0, 20);
    await sleep(20);
    return undefined;
  }

  begin() {
    const round = `r${this.round++}`;
    const run = { over: false };
    this.run = run;
    const loop = async (name, step, pause = 0) => {
      for (let i = 0; !run.over; i++) {
        await step(`${round}-${name}-${i}`, i);
        if (pause) await sleep(pause);
      }
    };
    this.writers = [
      loop('a', (n, i) => this.intake(n, i)),
      loop('b', (n, i) => this.intake(n, i * 3)),
      loop('c', (n, i) => this.bulkIntake(n, i)),
      loop('d', (n, i) => this.order(n, i)),
      loop('e', (n, i) => this.bulkOrders(n, i)),
      loop('f', (n) => this.city(n, this.own[0])),
      loop('g', (n) => this.note(n)),
      loop('h', (n) => this.task(n)),
      loop('i', (n, i) => this.call(n, i)),
      loop('j', (n) => this.import(n, run), 50),
      loop('k', (n) => this.action(n, run), 20),
      loop('l', (n) => this.segment(n), 30),
      loop('m', (n) => this.company(n), 5),
    ];
    for (const w of this.writers) w.catch((e) => { run.trouble ??= e; run.over = true; }); // told by end()
  }

  // Waits until they have written what is looked for; the first answer that nobody should get ends it.
  until(look, how) {
    return until(() => {
      if (this.run.trouble) throw this.run.trouble;
      return look();
    }, how);
  }

  async end() {
    this.run.over = true;
    await Promise.all(this.writers);
  }

  async intake(source, i) {
    const a = await this.try(this.api.post('/intake', { channel: 'email', direction: 'in', source_id: source, identities: [{ type: 'phone', value: phone(i) }], claims: { name: `Caller ${i % 40}` }, text: source }));
    if (a) this.intakes.set(source, [a.body.customer.id, a.body.interaction.id]);
  }

  async bulkIntake(name, i) {
    const lines = Array.from({ length: 30 }, (_, n) => ({ channel: 'email', direction: 'in', source_id: `${name}-${n}`, identities: [{ type: 'phone', value: phone(i + n) }], text: `${name}-${n}` }));
    const a = await this.try(this.api.lines('/bulk/intake', lines));
    for (const l of a?.body ?? [])
      if (l.status === 200) this.intakes.set(`${name}-${l.line - 1}`, [l.customer.id, l.interaction.id]);
      else this.line(l);
  }

  line(l) {
    this.seen.refused++;
    this.seen.full += l.status === 507;
    assert.ok(l.status === 503 || l.status === 507, `a line: ${JSON.stringify(l)}`);
  }

  lamp(number, i) {
    return { number, identities: [{ type: 'phone', value: phone(i) }], currency: 'GBP', lines: [{ sku: 'A1', name: 'Lamp', quantity: 2, price: 1250 }] };
  }

  async order(number, i) {
    if (await this.try(this.api.post('/orders', this.lamp(number, i)))) this.orders.add(number);
  }

  async bulkOrders(name, i) {
    const a = await this.try(this.api.lines('/bulk/orders', Array.from({ length: 20 }, (_, n) => this.lamp(`${name}-${n}`, i + n))));
    for (const l of a?.body ?? [])
      if (l.status === 201 || l.status === 200) this.orders.add(`${name}-${l.line - 1}`);
      else this.line(l);
  }

  // What was acknowledged last stands, or something that was sent after it and not answered.
  async latest(entry, value, promise) {
    entry.maybe.push(value);
    if (await this.try(promise, [412])) Object.assign(entry, { sure: value, maybe: [] });
  }

  async city(name, customer) {
    if (!this.cities.has(customer)) this.cities.set(customer, { sure: null, maybe: [null] });
    await this.latest(this.cities.get(customer), name, this.api.patch(`/customers/${customer}`, { city: name }));
  }

  company(name) {
    return this.latest(this.companies, name, this.api.patch('/settings', { company: name }));
  }

  async note(text) {
    if (await this.try(this.api.post(`/customers/${this.own[1]}/notes`, { text }, { 'Idempotency-Key': text }))) this.notes.add(text);
  }

  async task(title) {
    if (await this.try(this.api.post(`/customers/${this.own[2]}/tasks`, { title }, { 'Idempotency-Key': title }))) this.tasks.add(title);
  }

  async call(callId) {
    // a caller of his own: one that was cut off earlier may ring still, and is found by its number
    const from = `+44113${String(this.seen.tried).padStart(7, '0')}`;
    const tell = (event, more = {}) => this.try(this.nobody.post(`/cti/${this.link}`, { event, callId, from, to: '100', direction: 'in', ...more }));
    if (!await tell('newCall', { user: ['101'] })) return;
    const entry = { sure: '', maybe: [] };
    this.callNotes.set(callId, entry);
    const list = await this.try(this.operator.get('/calls?view=queue'));
    const call = list?.body.items.find((c) => c.state === 'ringing' && c.number === from);
    await tell('answer', { answeringNumber: '101' });
    if (call) await this.latest(entry, `${callId} said something`, this.operator.patch(`/calls/${call.id}`, { note: `${callId} said something` }));
    await tell('hangup', { cause: 'normalClearing' });
  }

  async import(name, run) {
    let text = 'Name,Email,City\n';
    for (let i = 0; i < importRows; i++) text += `${name} ${i},${name}-${i}@csv.example,${name}\n`;
    const up = await this.try(this.api.post('/imports', form(name, text), { 'Content-Type': `multipart/form-data; boundary=${boundary}` }));
    if (!up || !await this.try(this.api.post(`/imports/${up.body.id}/run`, {}), [409])) return;
    this.imports.set(up.body.id, name);
    for (let i = 0; i < 40 && !run.over; i++) {
      if ((await this.try(this.api.get(`/imports/${up.body.id}`)))?.body.state === 'done') return;
      await sleep(25);
    }
  }

  async action(name, run) {
    const ids = this.own.slice(3);
    const made = await this.try(this.manager.post('/customers/bulk', { action: 'tag_add', value: name, ids }));
    if (!made) return;
    const entry = { tag: name, undone: false };
    this.actions.set(made.body.id, entry);
    for (let i = 0; i < 40 && !run.over; i++) {
      const now = await this.try(this.manager.get(`/bulk-actions/${made.body.id}`));
      if (now?.body.state === 'done') {
        entry.undone = 'asked';
        if (await this.try(this.manager.post(`/bulk-actions/${made.body.id}/undo`))) entry.undone = true;
        return;
      }
      await sleep(25);
    }
  }

  async segment(name) {
    const old = [...this.segments][0];
    if (this.segments.size > 20) {
      this.segments.delete(old); // gone from the moment it is asked for, whatever the answer is
      await this.try(this.api.ask('DELETE', `/segments/${old}`));
    }
    const made = await this.try(this.api.post('/segments', { name, text: `city = "${name}"` }), [409]);
    if (made) return void this.segments.add(made.body.id);
    if (this.last[0]?.status !== 409) return;
    // two hundred are the limit: those go whose making was not acknowledged
    for (const s of (await this.try(this.api.get('/segments')))?.body.items ?? [])
      if (!this.segments.has(s.id)) await this.try(this.api.ask('DELETE', `/segments/${s.id}`));
  }

  // Everything acknowledged is there, once; what was begun comes to its end.
  async holds() {
    const { k, api } = this;
    const column = (sql) => k.sql(sql).map((r) => r[0]);
    const lost = (wanted, there) => { const all = new Set(there); return [...wanted].filter((x) => !all.has(x)); };
    const once = (all, what) => assert.equal(new Set(all).size, all.length, `${what} stands twice`);

    for (const [id, name] of this.imports) {
      const one = await until(async () => { const i = await api.must(200, 'GET', `/imports/${id}`); assert.notEqual(i.state, 'failed', JSON.stringify(i)); return i.state === 'done' && i; }, { ms: 60000, what: `the end of the import ${name}` });
      assert.deepEqual([one.rows, one.made, one.rejected], [importRows, importRows, 0], JSON.stringify(one));
    }
    const imported = column("SELECT value FROM identity_value WHERE type = 'email' AND value LIKE '%@csv.example'");
    once(imported, 'an imported address');
    assert.deepEqual([...this.imports.values()].filter((name) => imported.filter((v) => v.startsWith(`${name}-`.toLowerCase())).length !== importRows), []);

    for (const [id, { tag, undone }] of this.actions) {
      const ends = undone === true ? ['undone'] : undone ? ['done', 'undone'] : ['done'];
      const one = await until(async () => { const a = await this.manager.must(200, 'GET', `/bulk-actions/${id}`); return ends.includes(a.state) && a; }, { ms: 30000, what: `the end of the action ${tag}` });
      const with_it = (await this.manager.must(200, 'GET', `/customers/count?where=${encodeURIComponent(`tag = "${tag}"`)}`)).count;
      assert.equal(with_it, one.state === 'undone' ? 0 : this.own.length - 3, `${tag} is ${one.state}`);
    }

    const notes = column('SELECT text FROM note');
    once(notes, 'a note');
    assert.deepEqual(lost(this.notes, notes), []);
    const tasks = column('SELECT title FROM task');
    once(tasks, 'a task');
    assert.deepEqual(lost(this.tasks, tasks), []);
    const orders = column('SELECT number FROM orders');
    once(orders, 'an order');
    assert.deepEqual(lost(this.orders, orders), []);
    const interactions = column("SELECT text FROM interaction WHERE channel = 'email'");
    once(interactions, 'an interaction');
    assert.deepEqual(lost(this.intakes.keys(), interactions), []);
    for (const [source, ids] of [...this.intakes].slice(-50)) { // the same source again answers the same
      const again = await api.must(200, 'POST', '/intake', { channel: 'email', direction: 'in', source_id: source, identities: [{ type: 'phone', value: '+442079460999' }] });
      assert.deepEqual([again.customer.id, again.interaction.id], ids);
    }
    assert.deepEqual(k.sql('SELECT value, type, count(*) FROM identity_value GROUP BY value, type HAVING count(*) > 1'), []);

    const stands = (what, entry, value) => assert.ok(value === entry.sure || entry.maybe.includes(value), `${what}: "${value}" stands where "${entry.sure}" was acknowledged (${entry.maybe})`);
    const heard = new Map(k.sql('SELECT source_id, note FROM call').map((r) => [r[0], r[1] ?? '']));
    for (const [callId, entry] of this.callNotes) {
      assert.ok(heard.has(callId), `call ${callId} is lost`);
      stands(`the note of ${callId}`, entry, heard.get(callId));
    }
    for (const [id, entry] of this.cities) stands('the city', entry, (await api.must(200, 'GET', `/customers/${id}`)).customer.city ?? null);
    if (this.companies.sure) stands('the company', this.companies, (await api.must(200, 'GET', '/settings')).company);
    const segments = (await api.must(200, 'GET', '/segments')).items.map((s) => s.id);
    assert.deepEqual(lost(this.segments, segments), []);
  }
}
