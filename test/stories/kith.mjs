// The real program for stories: starts build/kith (or $KITH_BIN) on a free port with an empty house, on SQLite or,
// with KITH_TEST_STORE=postgres, on a new database of $KITH_TEST_POSTGRES. Node 18 or newer; no packages.
//
//   import { house } from './kith.mjs';
//   test('an operator sees …', async (t) => {
//     const k = await house(t);                       // ends with the test
//     const owner = await k.person('owner');          // a logged-in member of staff: owner.get('/session') …
//     const api = await k.token('manager');           // the same with a token
//     const { status, body } = await api.post('/intake', { … });
//     const events = await owner.events('call');      // await events.next('call.ringing')
//   });
//
// Answers are { status, headers, body, text }; body is read JSON. Paths begin behind /api/v1 unless they start with
// '//' ('//healthz').
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export const bin = process.env.KITH_BIN ?? new URL('../../build/kith', import.meta.url).pathname;
const peek = path.join(path.dirname(bin), 'peek'); // reads what stands in a sealed store
export const isPostgres = process.env.KITH_TEST_STORE === 'postgres';
export const passPhrase = 'a lamp beside the river';
const roles = ['owner', 'administrator', 'manager', 'agent', 'operator', 'marketer', 'risk', 'privacy', 'branch'];
export { roles };

// Under a sanitizer everything takes longer; what is waited for is the same.
const slow = Number(process.env.KITH_TEST_SLOW ?? 1);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Waits until `look` gives something true; the last answer otherwise fails the story by its message.
export async function until(look, { ms = 5000, what = 'it' } = {}) {
  const end = Date.now() + ms * slow;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await sleep(20);
  }
}

function psql(url, sql) {
  return execFileSync('psql', ['-q', '-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', url, '-c', sql], { encoding: 'utf8', maxBuffer: 1 << 28 });
}

// Rows of a store that is sealed, as the sqlite3 shell would print them.
export const sealedRows = (data, sql) => execFileSync(peek, [data, sql], { encoding: 'utf8', maxBuffer: 1 << 28 });

// A new, empty store; `args` go to every command. `data`: a directory that is there already. What asks what a disk keeps (crash,
// faults) has its houses on one; for stories KITH_TEST_HOUSES may name a place in memory.
function newStore(data = mkdtempSync(path.join(process.env.KITH_TEST_HOUSES || os.tmpdir(), 'kith-story-'))) {
  if (!isPostgres) return { data, args: ['--data', data], drop: () => {} };
  const server = process.env.KITH_TEST_POSTGRES;
  if (!server) throw new Error('KITH_TEST_POSTGRES names no server; run tools/stories.sh postgres');
  const name = `story_${process.pid}_${Math.random().toString(36).slice(2, 10)}`;
  psql(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    data,
    url: url.href,
    args: ['--data', data, '--store', url.href],
    drop: () => psql(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

// One request by node:http, so that headers, bad bodies and the own address are free. No connection is reused unless an
// agent is given.
export function request(origin, method, target, { headers = {}, body, from, agent = false, timeout = 30000 * slow } = {}) {
  const at = new URL(origin);
  return new Promise((done, failed) => {
    const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(body);
    const sent = { ...headers };
    if (bytes && sent['Content-Length'] === undefined && sent['Transfer-Encoding'] === undefined) sent['Content-Length'] = bytes.length;
    const port = at.protocol === 'https:' ? https : http;
    const r = port.request(
      // stories make their own certificates
      { host: at.hostname, port: at.port, method, path: target, headers: sent, agent, localAddress: from, timeout, rejectUnauthorized: false },
      (answer) => {
        const parts = [];
        const certificate = answer.socket.getPeerCertificate?.();
        answer.on('data', (p) => parts.push(p));
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          let json;
          const type = answer.headers['content-type'] ?? '';
          if (/ndjson/.test(type)) json = text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
          else if (/json/.test(type) && text) json = JSON.parse(text);
          done({ status: answer.statusCode, headers: answer.headers, body: json, text, certificate });
        });
        answer.on('error', failed);
      },
    );
    r.on('timeout', () => r.destroy(new Error(`${method} ${target}: no answer`)));
    r.on('error', failed);
    r.end(bytes);
  });
}

// Bytes as they are over one connection; answers what came until the server closed or `ms` went by.
export function raw(origin, bytes, { ms = 3000 } = {}) {
  const at = new URL(origin);
  return new Promise((done, failed) => {
    const parts = [];
    const s = net.connect(Number(at.port), at.hostname, () => s.write(bytes));
    const end = () => { clearTimeout(clock); s.destroy(); done(Buffer.concat(parts).toString('latin1')); };
    const clock = setTimeout(end, ms);
    s.on('data', (p) => parts.push(p));
    s.on('close', end);
    s.on('error', (e) => (parts.length || e.code === 'ECONNRESET' || e.code === 'EPIPE' ? end() : failed(e)));
  });
}

// Somebody who asks: nobody, a session or a token.
class Asker {
  constructor(k, { cookie, token, staff, from } = {}) {
    Object.assign(this, { k, cookie, token, staff, from });
  }

  headers(method) {
    const h = {};
    if (this.token) h.Authorization = `Bearer ${this.token}`;
    if (this.cookie) {
      h.Cookie = this.cookie;
      if (method !== 'GET' && method !== 'HEAD') Object.assign(h, { 'X-Kith': '1', Origin: this.k.origin });
    }
    return h;
  }

  ask(method, target, body, headers = {}, more = {}) {
    const full = target.startsWith('//') ? target.slice(1) : `/api/v1${target}`;
    const given = { ...this.headers(method), ...headers };
    let bytes = body;
    if (body !== undefined && !Buffer.isBuffer(body) && typeof body !== 'string') bytes = JSON.stringify(body);
    if (bytes !== undefined && given['Content-Type'] === undefined) given['Content-Type'] = 'application/json';
    for (const name of Object.keys(given)) if (given[name] === null) delete given[name];
    return request(this.k.origin, method, full, { headers: given, body: bytes, from: this.from, ...more });
  }

  get(target, headers) { return this.ask('GET', target, undefined, headers); }
  post(target, body, headers) { return this.ask('POST', target, body, headers); }
  put(target, body, headers) { return this.ask('PUT', target, body, headers); }
  patch(target, body, headers) { return this.ask('PATCH', target, body, headers); }
  delete(target, headers) { return this.ask('DELETE', target, undefined, headers); }

  // The answer must have this status; gives its body.
  async must(status, method, target, body, headers) {
    const a = await this.ask(method, target, body, headers);
    if (a.status !== status) throw new Error(`${method} ${target}: ${a.status} instead of ${status}: ${a.text}`);
    return a.body;
  }

  // Many lines in one request: values become their lines, a text is a line as it is.
  lines(target, all, headers) {
    const body = all.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n') + '\n';
    return this.ask('POST', target, body, { 'Content-Type': 'application/x-ndjson', ...headers });
  }

  // A stream of events; resolves when the server has accepted it.
  events(topics, lastEventId) {
    return Events.open(this, topics, lastEventId);
  }
}

export class Events {
  static open(asker, topics, lastEventId) {
    const at = new URL(asker.k.origin);
    const headers = { ...asker.headers('GET'), Accept: 'text/event-stream' };
    if (lastEventId) headers['Last-Event-ID'] = lastEventId;
    const target = `/api/v1/events${topics ? `?topics=${topics}` : ''}`;
    return new Promise((done, failed) => {
      const r = http.request({ host: at.hostname, port: at.port, path: target, headers, agent: false }, (answer) => {
        if (answer.statusCode !== 200) {
          const parts = [];
          answer.on('data', (p) => parts.push(p));
          answer.on('end', () => failed(new Error(`events: ${answer.statusCode} ${Buffer.concat(parts)}`)));
          return;
        }
        const e = new Events();
        e.request = r;
        e.seen = [];
        e.waiting = [];
        e.isOver = false;
        let rest = '';
        answer.setEncoding('utf8');
        answer.on('data', (text) => {
          rest += text;
          for (let cut; (cut = rest.indexOf('\n\n')) >= 0; rest = rest.slice(cut + 2)) e.take(rest.slice(0, cut));
        });
        const over = () => { e.isOver = true; e.wake(); };
        answer.on('end', over);
        answer.on('close', over);
        answer.on('error', over);
        asker.k.streams.add(e);
        done(e);
      });
      r.on('error', failed);
      r.end();
    });
  }

  take(block) {
    const event = { event: 'message', data: '' };
    for (const line of block.split('\n')) {
      if (line === '' || line.startsWith(':')) continue;
      const [name, ...value] = line.split(':');
      const text = value.join(':').replace(/^ /, '');
      if (name === 'data') event.data += event.data ? `\n${text}` : text;
      else event[name] = text;
    }
    if (event.data === '' && !event.id) return;
    try { event.body = JSON.parse(event.data); } catch { event.body = undefined; }
    event.at = Date.now();
    if (event.id) this.lastId = event.id;
    this.seen.push(event);
    this.wake();
  }

  wake() { for (const w of this.waiting.splice(0)) w(); }

  // The next event of this name that was not taken yet (and for which `fits` holds).
  async next(name, { ms = 5000, fits = () => true } = {}) {
    const end = Date.now() + ms * slow;
    for (;;) {
      const i = this.seen.findIndex((e) => (!name || e.event === name) && fits(e.body, e));
      if (i >= 0) return this.seen.splice(i, 1)[0];
      if (this.isOver) throw new Error(`the stream ended before ${name}`);
      const left = end - Date.now();
      if (left <= 0) throw new Error(`${name} did not come within ${ms} ms; came: ${this.seen.map((e) => e.event).join(' ') || 'nothing'}`);
      await Promise.race([new Promise((w) => this.waiting.push(w)), sleep(left)]);
    }
  }

  // The id of the place where the stream stands, once it is another than `from`: a ring's may come after it.
  async place(from) {
    await until(() => this.lastId && this.lastId !== from, { what: 'a place in the stream' });
    return this.lastId;
  }

  // Nothing of this name within ms.
  async silent(name, ms = 400) {
    await sleep(ms);
    const e = this.seen.find((x) => x.event === name);
    if (e) throw new Error(`${name} came although it should not: ${e.data}`);
  }

  async ended(ms = 3000) { await until(() => this.isOver, { ms, what: 'the end of the stream' }); }
  close() { this.request.destroy(); }
}

class House {
  constructor(store) {
    this.store = store;
    this.data = store.data;
    this.streams = new Set();
    this.said = '';
    this.log = '';
    this.n = 0;
  }

  // Starts the server; again after stop() or kill() on the same store.
  // `wrap`: words of a command that the program is run by, as ['prlimit', '--nofile=64'].
  async start({ args = [], env = {}, listen = '127.0.0.1:0', wrap = [] } = {}) {
    this.said = '';
    const words = [...wrap, bin, 'serve', ...this.store.args, '--listen', listen, ...args];
    this.process = spawn(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.exited = new Promise((done) => this.process.on('exit', (code, signal) => done({ code, signal })));
    this.closed = new Promise((done) => this.process.on('close', done)); // its last words are in the log
    this.process.stdout.on('data', (p) => { this.said += p; });
    this.process.stderr.on('data', (p) => { this.log += p; });
    let isGone = false;
    this.exited.then(() => { isGone = true; });
    await until(() => isGone || /listening on \S+\n/.test(this.said), { ms: 15000, what: 'the start' });
    if (isGone) throw new Error(`kith did not start: ${this.said}${this.log}`);
    this.origin = /listening on (\S+)/.exec(this.said)[1];
    this.code = /set-up code (\S+)/.exec(this.said)?.[1];
    return this;
  }

  async stop(signal = 'SIGTERM') {
    for (const e of this.streams) e.close();
    this.streams.clear();
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.exited;
    this.process.kill(signal);
    return this.exited;
  }

  kill() { return this.stop('SIGKILL'); }

  // A command of the program on this house's store; gives { status, out, err }.
  command(words, input) {
    const at = { user: 2, token: 2, audit: 2, export: 2, key: 2, import: 3 }[words[0]] ?? 1;
    const p = spawn(bin, [...words.slice(0, at), ...this.store.args, ...words.slice(at)], { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '', err = '';
    p.stdout.on('data', (t) => { out += t; });
    p.stderr.on('data', (t) => { err += t; });
    p.stdin.on('error', () => {});
    p.stdin.end(input ?? '');
    return new Promise((done) => p.on('close', (status) => done({ status, out, err })));
  }

  async run(words, input) {
    const r = await this.command(words, input);
    if (r.status !== 0) throw new Error(`kith ${words.join(' ')}: ${r.status} ${r.err}`);
    return r.out;
  }

  nobody(from) { return new Asker(this, { from }); }

  // A member of staff, logged in.
  async person(role, { name, email, extensions = [], queues = [], lang = 'en', from } = {}) {
    this.n += 1;
    const staff = { email: email ?? `${role}${this.n}@kith.example`, name: name ?? `${role} ${this.n}` };
    const words = ['user', 'add', '--email', staff.email, '--name', staff.name, '--role', role, '--lang', lang, '--password-stdin'];
    for (const e of extensions) words.push('--extension', e);
    for (const q of queues) words.push('--queue', q);
    await this.run(words, passPhrase);
    return this.logIn(staff.email, passPhrase, { from });
  }

  async logIn(email, password = passPhrase, { from, cookie } = {}) {
    const a = await new Asker(this, { from }).ask('POST', '/session', { email, password }, cookie ? { Cookie: cookie } : {});
    if (a.status !== 200) throw new Error(`log-in of ${email}: ${a.status} ${a.text}`);
    const cookies = a.headers['set-cookie'].map((c) => c.split(';')[0]);
    return new Asker(this, { cookie: cookies.join('; '), staff: a.body.staff, from });
  }

  async token(role = 'owner', scopes = []) {
    this.n += 1;
    const words = ['token', 'add', '--name', `${role} ${this.n}`, '--role', role];
    for (const s of scopes) words.push('--scope', s);
    return new Asker(this, { token: (await this.run(words)).trim() });
  }

  // Rows of the store, for what the API does not tell; read-only.
  sql(text) {
    const out = isPostgres
      ? psql(this.store.url, text)
      : sealedRows(this.data, text);
    return out.split('\n').filter((l) => l !== '').map((l) => l.split('|'));
  }

  // A story that ends well may still have left a mistake of ours in the log.
  async end() {
    await this.stop();
    this.store.drop();
    rmSync(this.data, { recursive: true, force: true });
    rmSync(`${this.data}.key`, { force: true });
    const mistake = /^.*(Sanitizer|runtime error|status=500).*$/m.exec(this.log);
    if (mistake && !this.expectsMistakes) throw new Error(`the log has: ${this.log.slice(mistake.index, mistake.index + 3000)}`);
  }
}

// An empty house with its server running; ends with the test `t` (or by .end()). `data`: its directory is this one.
export async function house(t, { data, ...options } = {}) {
  const k = new House(newStore(data));
  if (t) t.after(() => k.end());
  return k.start(options);
}
