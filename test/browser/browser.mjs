// Pages of the real program in Debian's Chromium, for browser tests.
//
//   const k = await house(t);
//   const desk = await open(t, k, await k.person('operator', { extensions: ['101'] }));
//   await desk.goto('/calls');
//   await link.ring('+49 30 23125 101', '101');
//
// Every page collects what must never happen: script errors, Content-Security-Policy reports, texts that are missing in
// the catalogue, scripts that a customer's data brought along. `clean()` fails the test when something did.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const need = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');

let chrome;
let users = 0;

export async function open(t, k, asker, { width = 1440, height = 900, theme = 'light', reduced = true, context } = {}) {
  chrome ??= chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  users += 1;
  const own = context ?? (await (await chrome).newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: reduced ? 'reduce' : 'no-preference', locale: 'en-GB' }));
  if (asker?.cookie && !context) {
    for (const pair of asker.cookie.split('; ').filter((c) => /^(__Host-)?kith=./.test(c))) {
      const cut = pair.indexOf('=');
      await own.addCookies([{ name: pair.slice(0, cut), value: pair.slice(cut + 1), url: k.origin, httpOnly: true, sameSite: 'Strict' }]);
    }
  }
  const page = await own.newPage();
  page.faults = [];
  page.setDefaultTimeout(8000);
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => console.error(`CSP ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
    window.canary = () => console.error('CANARY a script out of data ran');
  });
  page.on('pageerror', (e) => page.faults.push(`error ${e.stack ?? e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && /CSP|CANARY|Content Security|Trusted/.test(m.text())) page.faults.push(m.text());
  });
  page.house = k;
  const go = page.goto.bind(page);
  page.goto = (path) => go(new URL(path, k.origin).href);
  t.after(async () => {
    if (!context) await own.close();
    users -= 1;
    if (!users) {
      const last = await chrome;
      chrome = undefined;
      await last.close();
    }
  });
  return page;
}

/** Nothing that must never happen has happened. */
export async function clean(page) {
  const missing = await page.evaluate(() => window.kith_missing_texts);
  assert.deepEqual(missing, [], 'texts that are not in the catalogue');
  assert.deepEqual(page.faults, [], 'script errors and policy reports');
}

/** No finding of axe-core by WCAG 2.2 AA. */
export async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  assert.deepEqual(
    violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target} ${n.any[0]?.message ?? ''}`).join(' | ')}`),
    [],
    what,
  );
}

/** Nothing stands out sideways, and no line is cut at its foot. */
export async function fits(page, what) {
  const wide = await page.evaluate(() => {
    const w = document.documentElement.clientWidth;
    const main = document.querySelector('main') ?? document.body;
    const out = [...document.querySelectorAll('main *, header *')].filter((e) => {
      const r = e.getBoundingClientRect();
      return r.width > 0 && r.right > w + 1 && !e.closest('.scroll-x, .keys, [role=tablist], .rail');
    });
    const cut = [...document.querySelectorAll('body *')].filter((e) => {
      const has = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
      const style = has && e.clientHeight > 1 && e.scrollHeight > e.clientHeight && getComputedStyle(e);
      return style && style.overflowY === 'hidden' && style.webkitLineClamp === 'none';
    });
    const named = (all) => all.slice(0, 5).map((e) => `${e.tagName}.${e.className}`);
    return { over: Math.max(document.documentElement.scrollWidth - w, main.scrollWidth - main.clientWidth), who: named(out), cut: named(cut) };
  });
  assert.ok(wide.over <= 1 && wide.who.length === 0, `${what}: ${wide.over} px too wide: ${wide.who.join(', ')}`);
  assert.deepEqual(wide.cut, [], `${what}: lines are cut at their foot`);
}

/** A telephone link of this house, and the calls that come through it. */
export async function telephone(k, admin) {
  const made = await admin.post('/phone-links', { kind: 'webhook', name: 'Desk phones' });
  assert.ok(made.status < 300, made.text);
  const link = made.body;
  const nobody = k.nobody();
  const path = `//api/v1/cti/${link.token}`;
  let n = 0;
  const tell = (body) => nobody.must(200, 'POST', path, body);
  return {
    link,
    async ring(from, users, more = {}) {
      n += 1;
      const callId = `${process.pid}-${Date.now()}-${n}`;
      const user = [].concat(users);
      await tell({ event: 'newCall', direction: 'in', from, to: '+442079460000', callId, user, ...more });
      return callId;
    },
    answer: (callId, user) => tell({ event: 'answer', callId, user, answeringNumber: user, direction: 'in', from: '', to: '' }),
    hangup: (callId, cause = 'normalClearing') => tell({ event: 'hangup', callId, cause, direction: 'in', from: '', to: '' }),
  };
}
