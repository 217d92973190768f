// The operator's page: from the first ring to the next call, with no mouse.
import test from 'node:test';
import assert from 'node:assert/strict';
import { sleep, until } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';
import { shop } from './shop.mjs';

const title = (page) => page.locator('.middle h1');
const ready = (page) => page.locator('.quiet h1').waitFor();

test('a whole call goes by keyboard: ring, card, check, note, outcome, impression, next', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await ready(page);

  const call = await s.telephone.ring('+81 3 5550 0142', '102', { queue: 'sales' });
  await title(page).getByText('田中 愛子').waitFor({ timeout: 5000 });
  assert.equal(await title(page).getAttribute('lang'), 'ja');
  await page.getByText('VIP: solve it on this call').waitFor();
  await page.locator('.greeting').getByText('田中様').waitFor();
  await page.locator('.open').getByText('Tell when the parcel arrives').waitFor();
  assert.match(await page.locator('[aria-live=assertive]').textContent(), /田中 愛子/);

  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  await page.keyboard.type('Parcel is stuck');
  await page.locator('.note-pane header').getByText('saved').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('v');
  await page.locator('[data-part=check] li button:focus').waitFor();
  await page.keyboard.press('y');
  await page.locator('[data-part=check] li.done').first().waitFor();
  await page.keyboard.press('n');
  await page.getByText('Check: 1 of 2 right').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await page.locator('#call-note:focus').waitFor();
  await page.keyboard.type(' at the airport.');
  await s.telephone.hangup(call);
  await page.getByRole('heading', { name: 'After the call' }).waitFor();
  assert.equal(await page.locator('#call-note').inputValue(), 'Parcel is stuck at the airport.');
  await page.keyboard.press('Escape');
  await page.keyboard.press('1');
  await until(() => page.getByLabel('Solved').isChecked(), { what: 'the outcome' });
  if (await page.locator('.ask').count()) await page.keyboard.press('0');
  await page.keyboard.press('2');
  await until(() => page.getByLabel('Likes to talk').isChecked(), { what: 'the impression' });
  await accessible(page, 'after the call');
  await page.keyboard.press('Control+Enter');
  await ready(page);

  const [log] = (await s.sara.get('/calls?view=mine')).body.items;
  assert.deepEqual([log.note, log.outcome, log.impression], ['Parcel is stuck at the airport.', 'solved', 'chatty']);
  const { checks } = (await s.sara.get(`/calls/${log.id}`)).body.call;
  assert.deepEqual(checks.map((c) => c.is_right), [true, false]);
  await clean(page);
});

test('an answer that left the server before the call ended does not open the call again', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  let held;
  const asked = new Promise((seen) => {
    const hold = async (route) => {
      if (route.request().method() !== 'GET' || held) return route.continue();
      held = true;
      const answer = await route.fetch();
      seen(() => route.fulfill({ response: answer }));
    };
    void page.route(/\/calls\/cal_[^/]+$/, hold);
  });
  await page.keyboard.type('Parcel is stuck');
  await page.keyboard.press('Escape');
  await page.locator('.note-pane header').getByText('saved').waitFor();
  const [{ id }] = (await s.sara.get('/calls?view=queue')).body.items;
  await s.api.ask('PATCH', `/calls/${id}`, { reason: 'Parcel' }); // another window: this one reads the call again
  const release = await asked;
  await s.telephone.hangup(call);
  await page.getByRole('heading', { name: 'After the call' }).waitFor();
  const back = page.waitForResponse(/\/calls\/cal_[^/]+$/);
  await release();
  await back;
  await page.keyboard.press('1');
  await until(() => page.getByLabel('Solved').isChecked(), { what: 'the outcome' });
  await page.keyboard.press('0'); // the one question
  await page.keyboard.press('2');
  await until(() => page.getByLabel('Likes to talk').isChecked(), { what: 'the impression' });
  await clean(page);
});

test('a ring reaches only the desk it rings, and leaves the other desks when one answers', async (t) => {
  const s = await shop(t);
  const [sara, ivan, dana] = [await open(t, s.k, s.sara), await open(t, s.k, s.ivan), await open(t, s.k, s.owner)];
  for (const page of [sara, ivan, dana]) {
    await page.goto('/calls');
    await ready(page);
  }

  const call = await s.telephone.ring('+81 3 5550 0142', ['102', '103']);
  for (const page of [sara, ivan]) await title(page).getByText('田中 愛子').waitFor({ timeout: 5000 });
  await s.telephone.answer(call, '103');
  await ready(sara);
  await sara.getByText('Иван Ким has answered').waitFor();
  await ivan.locator('#call-note:focus').waitFor();
  assert.equal(await dana.locator('.quiet h1').count(), 1);
  for (const page of [sara, ivan, dana]) await clean(page);
});

test('the card says what kind of customer calls, and opens to the reasons', async (t) => {
  const s = await shop(t);
  await s.make('POST', `/customers/${s.aiko}/judgement/correct`, { class: 'chatty', reason: 'an hour about her garden' });
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);

  await s.telephone.ring('+81 3 5550 0142', '102');
  const dialog = page.getByRole('dialog', { name: 'Customer type' });
  for (const where of [title(page).locator('..').getByRole('button', { name: 'Likes to talk' }), page.locator('.advice').getByRole('button', { name: 'Why?' })]) {
    await where.click();
    await dialog.getByText(/an hour about her garden/).first().waitFor();
    await accessible(page, 'the reasons beside a call');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
  await clean(page);
});

test('an unknown caller becomes a customer with what was typed, and the second call shows the note of the first', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);

  const first = await s.telephone.ring('+7 727 355 01 90', '102');
  await title(page).getByText('727').waitFor();
  await page.getByText('Kazakhstan').first().waitFor();
  await s.telephone.answer(first, '102');
  await page.locator('#intake-name:focus').waitFor();
  await page.keyboard.type('Дана Берік');
  await page.keyboard.press('Tab');
  await page.keyboard.type('Where is the invoice?');
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await page.keyboard.type('Wants the invoice again');
  await s.telephone.hangup(first);
  await page.getByRole('heading', { name: 'After the call' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('2');
  await page.keyboard.press('Control+Enter');
  await ready(page);

  await s.telephone.ring('+7 727 355 01 90', '102');
  await title(page).getByText('Дана Берік').waitFor();
  await page.locator('.before').getByText('Wants the invoice again').waitFor();
  await accessible(page, 'second call');
  await clean(page);
});

test('a customer made in the moment of typing leaves no draft behind, and the queue names the caller', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  const refused = [];
  page.on('response', (r) => r.status() === 409 && refused.push(r.url()));
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+49 30 23125 118', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#intake-name:focus').waitFor();
  await page.keyboard.type('Erika Muster');
  await page.keyboard.press('Enter');
  await title(page).getByText('Erika Muster').waitFor();
  await page.locator('.queue .item', { hasText: 'Erika Muster' }).waitFor();
  await page.locator('#call-note').fill('Wants a catalogue');
  await page.locator('.note-pane header').getByText('saved', { exact: false }).filter({ hasNotText: 'not' }).waitFor();
  assert.deepEqual(refused, []);
  await clean(page);
});

test('while a name is typed the likely customer is offered, and one key joins', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+49 30 23125 101', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#intake-email').focus();
  await page.keyboard.type('aiko@example.jp');
  await page.locator('section[aria-live=polite]').getByText('田中 愛子').waitFor();
  await accessible(page, 'intake');
  await page.keyboard.press('Escape');
  await page.keyboard.press('u');
  await title(page).getByText('田中 愛子').waitFor();
  const { identities } = (await s.sara.get(`/customers/${s.aiko}`)).body;
  assert.ok(identities.some((i) => i.value === '+493023125101'));
  await clean(page);
});

test('a company opens the list of its people, and the one who speaks is kept', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+86 21 5550 0117', '102');
  await title(page).getByText('Huadong Parts').waitFor();
  await page.getByRole('button', { name: 'Speaks now' }).click();
  await page.getByText('李梅 speaks').waitFor();
  await accessible(page, 'company');
  await s.telephone.hangup(call, 'cancel');
  await ready(page);
  await page.locator('.left').getByText('Huadong Parts').waitFor();
  await clean(page);
});

test('a withheld number opens the form, a shared number asks which customer it is', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const hidden = await s.telephone.ring('anonymous', '102');
  await title(page).getByText('Withheld number').waitFor();
  await s.telephone.hangup(hidden, 'cancel');
  await ready(page);

  for (const name of ['Ann Archer', 'Ben Archer']) {
    const id = await s.customer({ name }, { type: 'email', value: `${name.slice(0, 3)}@example.com`.toLowerCase() });
    await s.make('POST', `/customers/${id}/identities`, { type: 'phone', value: '+44 20 7946 0018', state: 'shared' });
  }
  await s.telephone.ring('+44 20 7946 0018', '102');
  await page.getByText('Who is calling?').waitFor();
  await accessible(page, 'choice');
  await page.locator('li', { hasText: 'Ben Archer' }).getByRole('button').click();
  await title(page).getByText('Ben Archer').waitFor();
  await clean(page);
});

test('with the connection lost the note stays, and goes to the server when it is back', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  await page.keyboard.type('before');
  await page.locator('.note-pane header').getByText('saved').waitFor();
  const listen = new URL(s.k.origin).host;
  await s.k.stop();
  await page.keyboard.type(' and while it was gone');
  await page.locator('.lost').getByText('Connection lost since').waitFor({ timeout: 6000 });
  await page.getByText('Your note is kept in this window').waitFor();
  await accessible(page, 'connection lost');

  await s.k.start({ listen });
  await page.locator('.lost').waitFor({ state: 'detached', timeout: 25000 });
  const id = (await s.sara.get('/calls?view=mine')).body.items[0].id;
  await until(async () => (await s.sara.get(`/calls/${id}`)).body.call.note === 'before and while it was gone', { ms: 8000, what: 'the note at the server' });
  assert.equal(await page.locator('#call-note').inputValue(), 'before and while it was gone');
  await clean(page);
});

test('two windows of one browser hold one stream', async (t) => {
  const s = await shop(t);
  const one = await open(t, s.k, s.sara);
  await one.goto('/calls');
  await ready(one);
  const two = await open(t, s.k, s.sara, { context: one.context() });
  await two.goto('/calls');
  await ready(two);
  const metrics = (await (await s.k.token('owner', ['metrics'])).get('//metrics')).text;
  assert.match(metrics, /^kith_[a-z_]*streams? 1$/m);
  await s.telephone.ring('+81 3 5550 0142', '102');
  for (const page of [one, two]) await title(page).getByText('田中 愛子').waitFor({ timeout: 5000 });
  await clean(two);
});

test('keys follow their place on a Cyrillic layout, rest while an input method composes, and can be switched off', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  await page.keyboard.press('Escape');
  const press = (more) => page.evaluate((m) => document.body.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...m })), more);
  await press({ code: 'KeyV', key: 'м', isComposing: true });
  await sleep(150);
  assert.equal(await page.locator('[data-part=check]').count(), 0);
  await press({ code: 'KeyV', key: 'м' });
  await page.locator('[data-part=check]').waitFor();
  await page.locator('[data-part=check] button').first().waitFor();
  await page.keyboard.press('Escape');

  await s.sara.patch('/me', { has_keys: false });
  await page.reload();
  await title(page).getByText('田中 愛子').waitFor();
  await page.locator('body').press('v');
  await sleep(150);
  assert.equal(await page.locator('[data-part=check]').count(), 0);
  assert.equal(await page.locator('.middle kbd:visible').count(), 0);
  await clean(page);
});

test('nothing out of a name, a note or a number runs as a script', async (t) => {
  const s = await shop(t);
  const evil = '<img src=x onerror=canary()><script>canary()</script>';
  const id = await s.customer({ name: evil, reading: evil, city: '<b>Town' }, s.phone('+44 20 7946 0033'), { type: 'external', value: '"><svg onload=canary()>' });
  await s.make('POST', `/customers/${id}/notes`, { text: evil });
  await s.make('POST', `/customers/${id}/tasks`, { title: evil, kind: 'promise', due_at: new Date().toISOString() });
  await s.make('POST', `/customers/${id}/marks`, { mark: 'vip', reason: evil });
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+44 20 7946 0033', '102', { queue: evil });
  await title(page).getByText('<img').waitFor();
  await s.telephone.answer(call, '102');
  await page.locator('#call-note').fill(evil);
  await s.telephone.hangup(call);
  await page.getByRole('heading', { name: 'After the call' }).waitFor();
  const odd = await s.telephone.ring('<script>canary()</script>', '102');
  await sleep(300);
  await page.goto(`/customers/${id}`);
  await page.locator('main h1').getByText('<img').waitFor();
  await page.goto('/');
  await page.getByText('<img').first().waitFor();
  await s.telephone.hangup(odd);
  assert.equal(await page.locator('main img, main script, main svg[onload]').count(), 0);
  await clean(page);
});

test('the call page stands at every width, in every language and in both colours', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+81 3 5550 0142', '102', { queue: 'sales' });
  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  await s.telephone.ring('+7 727 355 01 90', '102', { queue: 'sales' });
  for (const lang of ['en', 'ja', 'zh', 'kk', 'ru']) {
    await s.sara.patch('/me', { lang, theme: lang === 'ja' || lang === 'ru' ? 'dark' : 'light' });
    await page.reload();
    await title(page).getByText('田中 愛子').waitFor();
    for (const [width, height] of [[1440, 900], [1366, 768], [1024, 768], [390, 844], [320, 640]]) {
      await page.setViewportSize({ width, height });
      await sleep(60);
      await fits(page, `${lang} at ${width}`);
    }
    await page.setViewportSize({ width: 1366, height: 768 });
    await accessible(page, lang);
    await clean(page);
  }
});

test('a ring brings the call page; while something is written elsewhere a line tells of it', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto(`/customers/${s.mei}`);
  await page.locator('main h1').getByText('李梅').waitFor();
  await page.getByLabel('Note on the record').fill('half a note');
  const first = await s.telephone.ring('+81 3 5550 0142', '102');
  await page.getByText('Ringing: 田中 愛子').first().waitFor();
  assert.equal(await page.getByLabel('Note on the record').inputValue(), 'half a note');
  await accessible(page, 'a ring on another page');
  await s.telephone.hangup(first, 'cancel');
  await page.locator('.ring').waitFor({ state: 'detached' });
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await sleep(300);
  await s.telephone.ring('+81 3 5550 0142', '102');
  await title(page).getByText('田中 愛子').waitFor();
  await clean(page);
});

test('a page opened in the middle of a talk says that it goes on, not that it rings', async (t) => {
  const s = await shop(t);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await s.telephone.answer(call, '102');
  const page = await open(t, s.k, s.sara);
  await page.goto('/customers');
  await page.locator('.ready').getByText('On call').waitFor();
  assert.equal(await page.locator('.lost.ring').count(), 0);
  assert.equal(await page.locator('.rail .badge').count(), 0);
  await clean(page);
});

test('a browser without shared workers reads the stream in the page', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.addInitScript(() => delete window.SharedWorker);
  await page.goto('/calls');
  await ready(page);
  assert.equal(await page.evaluate(() => 'SharedWorker' in window), false);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await title(page).getByText('田中 愛子').waitFor({ timeout: 5000 });
  await s.telephone.hangup(call, 'cancel');
  await ready(page);
  await clean(page);
});

test('a page opened in the middle of a ring shows its card, and a missed call is called back and done', async (t) => {
  const s = await shop(t);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await title(page).getByText('田中 愛子').waitFor();
  await s.telephone.hangup(call, 'cancel');
  await ready(page);
  await page.locator('.left').getByText('Missed calls').waitFor();
  await page.locator('.left li button.item', { hasText: '田中 愛子' }).click();
  await page.locator('.note-pane a[href="tel:+81355500142"]').waitFor();
  await accessible(page, 'missed call');
  await page.keyboard.press('Control+Enter');
  await ready(page);
  await until(async () => (await s.sara.get('/calls?view=missed')).body.items.length === 0, { what: 'the end of the call-back' });
  await clean(page);
});

test('Esc closes the list of keys and the palette over a call, and not more', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('w');
  await page.locator('[data-part=people]').waitFor();
  for (const key of ['?', 'Control+k']) {
    await page.locator('.middle h1').click();
    await page.keyboard.press(key);
    await page.locator('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.locator('[data-part=people]').count(), 1);
  }
  await clean(page);
});

test('what was typed in the last moment is saved although the window is closed', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await ready(page);
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  await page.keyboard.type('closed at once');
  await page.close();
  const [log] = (await s.sara.get('/calls?view=mine')).body.items;
  await until(async () => (await s.sara.get(`/calls/${log.id}`)).body.call.note === 'closed at once', { what: 'the note at the server' });

  const again = await open(t, s.k, s.sara);
  await again.goto('/calls');
  await again.locator('#call-note').waitFor();
  assert.equal(await again.locator('#call-note').inputValue(), 'closed at once');
});
