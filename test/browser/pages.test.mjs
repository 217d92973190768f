// The other pages: first run, log-in, today, the record, settings.
import test from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { readFileSync, readdirSync } from 'node:fs';
import { house, passPhrase, sleep, until } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';
import { shop } from './shop.mjs';

const ready = (page) => page.locator('.quiet h1').waitFor();

test('the first run: owner, company, telephone with a test line, a colleague, and the house is open', async (t) => {
  const k = await house(t);
  const page = await open(t, k, null);
  await page.goto('/');
  await page.getByLabel('Set-up code').fill('2222-2222-22');
  await page.getByLabel('Name').fill('Olga');
  await page.getByLabel('E-mail address').fill('olga@kith.example');
  await page.getByLabel('Password').fill(passPhrase);
  await accessible(page, 'step 1');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Company name').fill('Lantern & Thread');
  await accessible(page, 'step 2');
  await page.getByRole('button', { name: 'Make the company' }).click();
  await page.locator('.fault').waitFor();
  assert.equal(await page.getByLabel('Set-up code').getAttribute('aria-invalid'), 'true');
  await page.getByLabel('Set-up code').fill(k.code);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Make the company' }).click();
  await page.getByRole('button', { name: 'Make the address' }).click();
  const address = await page.locator('code.address').textContent();
  assert.match(address, /\/api\/v1\/cti\/[\w-]{30,}/);
  await accessible(page, 'step 3');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Name').fill('Sara Jones');
  await page.getByLabel('Extension').fill('102');
  await page.getByLabel('E-mail address').fill('sara@kith.example');
  await page.getByLabel('First password').fill(passPhrase);
  await accessible(page, 'step 4');
  await page.getByRole('button', { name: 'Add this person' }).click();
  await page.locator('li', { hasText: 'Sara Jones' }).waitFor();
  await page.getByRole('button', { name: 'Open Kith' }).click();
  await page.getByText('Ring once to test the telephone link').waitFor();
  await page.getByText('Bring your customers in').waitFor();
  const line = new URL(address).pathname;
  assert.equal((await k.nobody().post(`/${line}`, { event: 'newCall', direction: 'in', from: '+442079460018', to: '101', callId: 'test-1', user: ['101'] })).status, 200);
  await page.locator('.middle h1').getByText('+44 20 7946 0018').waitFor();
  await page.goto('/');
  await page.getByText('Say who sits at which extension').waitFor({ state: 'detached' });
  const sara = await k.logIn('sara@kith.example', passPhrase);
  assert.deepEqual(sara.staff.extensions, ['102']);
  await accessible(page, 'today of the owner');
  await clean(page);
});

test('log-in says one sentence for every wrong pair, and opens the page that was asked for', async (t) => {
  const k = await house(t);
  await k.person('owner');
  await k.person('operator', { email: 'sara@kith.example', name: 'Sara' });
  const page = await open(t, k, null, { width: 390, height: 700 });
  await page.goto('/settings/me');
  await page.getByLabel('E-mail address').fill('sara@kith.example');
  await page.getByLabel('Password').fill('not the right one');
  await page.keyboard.press('Enter');
  await page.locator('[role=alert].notice').waitFor();
  await accessible(page, 'log-in');
  await fits(page, 'log-in');
  await page.getByLabel('Password').fill(passPhrase);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Own settings' }).waitFor();
  await clean(page);
});

test('a session that ends asks to log in over the page, and what was typed is still there', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/calls');
  await page.locator('.quiet h1').waitFor();
  const call = await s.telephone.ring('+81 3 5550 0142', '102');
  await s.telephone.answer(call, '102');
  await page.locator('#call-note:focus').waitFor();
  await page.keyboard.type('first');
  await page.locator('.note-pane header').getByText('saved').waitFor();
  await page.keyboard.type(' and second');
  await s.sara.delete('/session');
  await page.getByText('Please log in again').waitFor();
  await accessible(page, 'log-in over the page');
  await page.locator('dialog #log-in-password').fill(passPhrase);
  await page.keyboard.press('Enter');
  await page.locator('dialog').waitFor({ state: 'detached' });
  assert.equal(await page.locator('#call-note').inputValue(), 'first and second');
  const again = await s.k.logIn(s.sara.staff.email, passPhrase);
  const id = (await again.get('/calls?view=mine')).body.items[0].id;
  await until(async () => (await again.get(`/calls/${id}`)).body.call.note === 'first and second', { ms: 6000, what: 'the note at the server' });
  await clean(page);
});

test('facts are edited where they stand, undone, and a clash shows both values', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto(`/customers/${s.aiko}`);
  await page.locator('main h1').getByText('田中 愛子').waitFor();
  const town = page.getByRole('button', { name: /^Town:/ });
  await town.focus();
  await page.keyboard.press('F2');
  await page.keyboard.type('Osaka');
  await page.keyboard.press('Enter');
  await page.getByText('Town saved').waitFor();
  assert.equal((await s.sara.get(`/customers/${s.aiko}`)).body.customer.city, 'Osaka');
  await page.getByRole('button', { name: 'Undo' }).click();
  await until(async () => (await s.sara.get(`/customers/${s.aiko}`)).body.customer.city === 'Tokyo', { what: 'the undo' });
  await page.getByRole('button', { name: /^Town: Tokyo/ }).waitFor();

  await town.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('Nagoya');
  await page.keyboard.press('Escape');
  assert.match(await town.textContent(), /Tokyo/);

  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('F2'); // with nothing chosen: the first fact
  await page.locator('.facts input:focus').waitFor();
  assert.equal(await page.locator('.facts input:focus').inputValue(), '田中 愛子');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Country: Japan/ }).click();
  await page.getByLabel('Country', { exact: true }).selectOption({ label: 'Germany' });
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^Country: Germany/ }).waitFor();
  assert.equal((await s.sara.get(`/customers/${s.aiko}`)).body.customer.country, 'DE');

  let is_overtaken = false;
  await page.route(`**/api/v1/customers/${s.aiko}*`, async (route) => {
    if (route.request().method() === 'PATCH' && !is_overtaken) {
      is_overtaken = true;
      await s.make('PATCH', `/customers/${s.aiko}`, { city: 'Sapporo' });
    }
    await route.continue();
  });
  await town.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('Kobe');
  await page.keyboard.press('Enter');
  await page.getByText('Somebody else changed “Town” meanwhile').waitFor();
  await page.getByText('Sapporo').first().waitFor();
  await accessible(page, 'clash');
  await page.getByRole('button', { name: 'Use mine' }).click();
  await until(async () => (await s.sara.get(`/customers/${s.aiko}`)).body.customer.city === 'Kobe', { what: 'my value' });
  await clean(page);
});

test('a number, an address, a task and a note are added on the record', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto(`/customers/${s.aiko}`);
  await page.getByRole('button', { name: 'Add a number or address' }).click();
  await page.getByLabel('Number, address or name').fill('+81 90 5550 0199');
  await page.keyboard.press('Enter');
  await page.locator('a[href="tel:+819055500199"]').waitFor();
  await page.getByRole('button', { name: 'Add a number or address' }).click();
  await page.getByLabel('Number, address or name').fill('this is no number');
  await page.keyboard.press('Enter');
  await sleep(300);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add a task or promise' }).click();
  await page.getByLabel('What is to be done').fill('Send the catalogue');
  await page.keyboard.press('Enter');
  await page.getByText('Send the catalogue').waitFor();
  await page.getByLabel('Note on the record').fill('Asked for the autumn catalogue');
  await page.keyboard.press('Control+Enter');
  await until(async () => (await s.sara.get(`/customers/${s.aiko}`)).body.notes.some((n) => /autumn/.test(n.text)), { what: 'the note' });
  await clean(page);
});

test('a person is added with an extension, changed, and switched off', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.owner);
  await page.goto('/settings/people');
  await page.getByRole('button', { name: 'New person' }).click();
  await page.locator('dialog').getByLabel('Name').fill('Li Wei');
  await page.locator('dialog').getByLabel('E-mail address').fill('li@kith.example');
  await page.locator('dialog').getByLabel('First password').fill('short');
  await page.locator('dialog').getByLabel('Extensions').fill('110, 111');
  await accessible(page, 'new person');
  await page.locator('dialog').getByLabel('First password').fill(passPhrase);
  await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('tr', { hasText: 'Li Wei' }).getByText('110, 111').waitFor();
  await page.getByRole('button', { name: 'Edit Li Wei' }).click();
  await page.getByText('May log in').click();
  await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('tr', { hasText: 'Li Wei' }).getByText('switched off').waitFor();
  assert.equal((await s.k.nobody().post('/session', { email: 'li@kith.example', password: passPhrase })).status, 401);
  await clean(page);
});

test('the palette finds a customer by a number in any writing, and goes there', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('(03) 5550-0142'.replace('(03)', '+81 (3)'));
  await page.getByRole('option', { name: /田中 愛子/ }).waitFor();
  await accessible(page, 'palette');
  await page.keyboard.press('Enter');
  await page.locator('main h1').getByText('田中 愛子').waitFor();
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keys' }).waitFor();
  await accessible(page, 'keys');
  await clean(page);
});

test('the rule of VIPs is set in whole units of money, and a wrong day is said at its field', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.owner);
  await page.goto('/settings/value');
  await page.getByLabel(/Spent in 12 months/).fill('3000.50');
  await page.getByLabel('The best percent of the buyers').fill('2');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Rules saved').waitFor();
  const { body } = await s.owner.get('/settings');
  assert.deepEqual([body.vip_amount, body.vip_share], [300050, 2]);
  await page.getByLabel('Cooling, up to').fill('400');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The days grow from active to cooling to idle.').waitFor();
  await clean(page);
});

test('every page stands at every width, language and colour without a finding', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.owner);
  const paths = ['/', '/calls', `/customers/${s.aiko}`, '/search?q=0142', '/risk', '/settings/me', '/settings/people', '/settings/telephone', '/settings/say', '/settings/company', '/settings/value', '/settings/types', '/settings/automations', '/settings/tokens', '/settings/audit', '/settings/security', '/nowhere'];
  for (const lang of ['en', 'ja', 'zh', 'kk', 'ru']) {
    await s.owner.patch('/me', { lang, theme: lang === 'zh' || lang === 'ru' ? 'dark' : 'light' });
    for (const path of paths) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(path);
      await page.locator('main h1').first().waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      if (lang === 'en' || lang === 'ru' || path === '/calls') await accessible(page, `${path} in ${lang}`);
      for (const width of lang === 'ru' ? [1366, 390, 320] : [320]) {
        await page.setViewportSize({ width, height: 768 });
        await sleep(40);
        await fits(page, `${path} in ${lang} at ${width}`);
      }
      await clean(page);
    }
  }
  await s.owner.patch('/me', { lang: 'en', theme: 'dark', text_size: 150 });
  await page.setViewportSize({ width: 320, height: 640 });
  for (const path of paths) {
    await page.goto(path);
    await page.locator('main h1').first().waitFor();
    await sleep(200);
    await fits(page, `${path} at 150 %`);
    if (path !== '/nowhere') await accessible(page, `${path} in the dark`);
  }
});

test('the first screen keeps its budget: 120 kB of script and 15 kB of style, further pages 40 kB', () => {
  const dist = new URL('../../web/dist/', import.meta.url);
  const size = (file) => gzipSync(readFileSync(new URL(file, dist))).length;
  const html = readFileSync(new URL('index.html', dist), 'utf8');
  const first = [...html.matchAll(/(?:src|href)="\/([\w./-]+\.(?:js|css))"/g)].map((m) => m[1]);
  const sum = (end) => first.filter((f) => f.endsWith(end)).reduce((n, f) => n + size(f), 0);
  const largest = Math.max(...['en', 'ja', 'zh', 'kk', 'ru'].map((l) => size(`assets/${l}.js`)));
  assert.ok(sum('.js') + largest <= 120e3, `script: ${sum('.js') + largest}`);
  assert.ok(sum('.css') <= 15e3, `style: ${sum('.css')}`);
  for (const file of readdirSync(new URL('assets/', dist))) assert.ok(size(`assets/${file}`) <= 40e3, file);
  assert.ok(!readdirSync(new URL('assets/', dist)).some((f) => f.endsWith('.map')));
});

test('a record opened from nothing needs six requests and less than 150 kB, the live line apart', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  const asked = [];
  page.on('requestfinished', async (r) => asked.push([new URL(r.url()).pathname, (await r.sizes()).responseBodySize]));
  await page.goto(`/customers/${s.aiko}`);
  await page.getByRole('heading', { name: '田中 愛子' }).waitFor();
  await page.getByText('When will my order arrive?').first().waitFor();
  const needed = asked.filter(([path]) => path !== '/live.js' && path !== '/kith.svg' && path !== '/api/v1/events');
  assert.ok(needed.length <= 6, JSON.stringify(needed));
  assert.ok(needed.reduce((n, [, bytes]) => n + bytes, 0) <= 150e3, JSON.stringify(needed));
  await clean(page);
});

test('a telephone link gets a new address and the old one ends; a token is shown once', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.owner);
  await page.goto('/settings/telephone');
  await page.locator('li', { hasText: 'Desk phones' }).getByRole('button', { name: 'New address' }).click();
  await page.getByRole('button', { name: 'Make a new address' }).click();
  const address = await page.locator('code.address').textContent();
  assert.ok(!address.includes(s.telephone.link.token));
  await accessible(page, 'new address');
  await page.getByRole('button', { name: 'I have kept it' }).click();
  const told = { event: 'newCall', direction: 'in', from: '+81355500142', to: '102', callId: 'new', user: ['102'] };
  assert.ok((await s.k.nobody().post(`//api/v1/cti/${s.telephone.link.token}`, told)).status >= 401);
  assert.equal((await s.k.nobody().post(`/${new URL(address).pathname}`, told)).status, 200);

  await page.goto('/settings/tokens');
  await page.getByRole('button', { name: 'New token' }).click();
  await page.locator('dialog').getByLabel('Name').fill('web shop');
  await page.getByLabel('Intake').check();
  await page.getByRole('button', { name: 'Make token' }).click();
  const token = (await page.locator('code.token').textContent()).trim();
  assert.ok(token.length >= 40);
  await accessible(page, 'token');
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'End web shop' }).click();
  await page.getByText('web shop ended').waitFor();
  await clean(page);
});

test('own settings take effect at once and stay', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/settings/me');
  await page.getByText('Dark', { exact: true }).click();
  await until(() => page.evaluate(() => document.documentElement.dataset.theme === 'dark'), { what: 'the dark' });
  await page.getByLabel('Text size').selectOption('150');
  await until(() => page.evaluate(() => getComputedStyle(document.body).fontSize === '21px'), { what: 'large text' });
  await page.getByLabel('Language').selectOption('ru');
  await page.getByRole('heading', { name: 'Личные настройки' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'ru');
  await page.reload();
  await page.getByRole('heading', { name: 'Личные настройки' }).waitFor();
  await accessible(page, 'own settings, large and dark');
  await page.getByLabel('Текущий пароль').fill(passPhrase);
  await page.getByLabel('Новый пароль').fill('another lamp beside the river');
  await page.getByRole('button', { name: 'Сменить пароль' }).click();
  await page.getByText('Пароль изменён').waitFor();
  await s.k.logIn(s.sara.staff.email, 'another lamp beside the river');
  await clean(page);
});

test('an order opens with its lines, from the record and from the palette', async (t) => {
  const s = await shop(t);
  await s.make('POST', '/orders', { number: '10482', customer: s.aiko, currency: 'EUR', lines: [{ sku: 'FX-2', name: 'Filter set', quantity: 2, price: 920 }, { sku: 'K-40', name: 'Stand', quantity: 1, price: 4100 }] });
  const page = await open(t, s.k, s.sara);
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('10482');
  await page.getByRole('option', { name: /^10482/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('dialog').getByText('Filter set').waitFor();
  await page.locator('dialog tfoot').getByText('€59.40').waitFor();
  await accessible(page, 'order');
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /Order 10482/ }).first().click();
  await page.locator('dialog').getByText('Stand').waitFor();
  await page.getByLabel('What came of the payment').selectOption('Charge-back');
  await page.getByLabel('Note', { exact: true }).last().fill('not mine');
  await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('dialog tfoot').getByText('Charged back').waitFor();
  await page.locator('dialog li').getByText('not mine').waitFor();
  await accessible(page, 'order with a fact');
  await clean(page);
});

test('names of one letter, of two hundred, from right to left and with marks stand on the card and the record', async (t) => {
  const s = await shop(t);
  const names = ['a', 'W'.repeat(200), 'عبد الرحمن محمد الخطيب', 'Z̷͉̅a̴͎͐l̵͇̈g̶̘͝ö̵͙́', '👩‍👩‍👧‍👦 Family'];
  const page = await open(t, s.k, s.sara, { width: 320, height: 640 });
  for (const [i, name] of names.entries()) {
    const id = await s.customer({ name, company: name, city: name }, s.phone(`+44 20 7946 01${10 + i}`));
    await page.goto(`/customers/${id}`);
    await page.locator('main h1').waitFor();
    await fits(page, name.slice(0, 20));
    await page.goto('/calls');
    await ready(page);
    const call = await s.telephone.ring(`+44 20 7946 01${10 + i}`, '102');
    await page.locator('.middle .head h1').waitFor();
    assert.equal((await page.locator('.middle .head h1').textContent()).trim(), name);
    await fits(page, `the card of ${name.slice(0, 20)}`);
    await s.telephone.hangup(call, 'cancel');
    await ready(page);
  }
  await clean(page);
});

test('the pages are worked without a mouse: palette, menu, dialog, tabs, inline edit', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.owner);
  const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
  const focused = () => page.evaluate(() => document.activeElement === document.body ? '' : document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('aria-label') || '');
  const tab_to = async (text) => {
    for (let i = 0; i < 60; i++) {
      if ((await focused()).includes(text)) return;
      await press('Tab');
    }
    assert.fail(`Tab does not come to ${text}`);
  };
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await press('Control+k');
  await page.locator('dialog input:focus').waitFor();
  await page.keyboard.type('people and');
  await press('Enter');
  await page.getByRole('heading', { name: 'People and roles' }).waitFor();
  await tab_to('New person');
  await press('Enter');
  await page.locator('dialog input:focus').waitFor();
  await page.keyboard.type('Mia');
  await press('Tab');
  await page.keyboard.type('mia@kith.example');
  await press('Tab');
  await page.keyboard.type(passPhrase);
  await press('Enter');
  await page.locator('tr', { hasText: 'mia@kith.example' }).waitFor();
  assert.match(await focused(), /New person/);

  await page.goto('/');
  await page.locator('main h1').waitFor();
  await press('Tab');
  assert.match(await focused(), /Skip to the page/);
  await tab_to('Your menu');
  await press('Enter');
  await until(async () => /Own settings/.test(await focused()), { what: 'the first line of the menu' });
  await press('ArrowDown');
  await until(async () => /Keys/.test(await focused()), { what: 'the second line of the menu' });
  await press('Escape');
  assert.match(await focused(), /Your menu/);

  await page.goto(`/customers/${s.aiko}`);
  await page.locator('main h1').waitFor();
  await press('n');
  await page.locator('#record-note:focus').waitFor();
  await page.keyboard.type('By keyboard');
  await press('Control+Enter');
  await page.locator('.note', { hasText: 'By keyboard' }).waitFor();
  await press('Escape', 'g', 's');
  await page.getByRole('heading', { name: 'Own settings' }).waitFor();
  await clean(page);
});

test('the record shows what is known and whence: tags, own attributes, owner, consents, changes taken back, a search in the timeline', async (t) => {
  const s = await shop(t);
  await s.make('POST', '/custom-attributes', { code: 'tier', label: 'Contract', type: 'choice', choices: ['Basic', 'Gold'] });
  await s.make('POST', '/custom-attributes', { code: 'budget', label: 'Budget', type: 'money' });
  await s.make('POST', '/custom-attributes', { code: 'likes', label: 'Likes', type: 'choices', choices: ['tea', 'coffee'] });
  const twin = await s.customer({ name: '田中 愛子', country: 'JP', city: 'Tokyo' }, s.phone('+81 3 5550 0199'));
  const page = await open(t, s.k, s.sara);
  const told = async () => (await s.sara.get(`/customers/${s.aiko}`)).body;
  await page.goto(`/customers/${s.aiko}`);
  await page.getByRole('heading', { name: '田中 愛子' }).waitFor();

  await page.getByRole('button', { name: 'Tag', exact: true }).click();
  await page.keyboard.type('Ginza shop');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Remove tag “Ginza shop”' }).waitFor();
  await page.keyboard.press('Escape');
  assert.deepEqual((await told()).tags.map((x) => x.name), ['Ginza shop']);
  await page.getByRole('button', { name: 'Undo' }).first().click();
  await until(async () => !(await told()).tags.length, { what: 'the tag taken back' });

  await page.getByRole('button', { name: /^Contract: / }).click();
  await page.getByLabel('Contract', { exact: true }).selectOption('Gold');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^Contract: Gold/ }).waitFor();
  await page.getByRole('button', { name: /^Budget: / }).click();
  await page.keyboard.type('1200.50');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^Budget: .*1,200\.50/ }).waitFor();
  await page.getByRole('button', { name: 'tea', exact: true }).click();
  await until(async () => (await told()).attributes.find((a) => a.code === 'likes').value?.[0] === 'tea', { what: 'the chosen one' });

  await page.getByRole('button', { name: /^Owner: / }).click();
  await page.getByLabel('Owner', { exact: true }).selectOption({ label: 'Иван Ким' });
  await page.keyboard.press('Enter');
  await until(async () => (await told()).customer.owner?.name === 'Иван Ким', { what: 'the owner' });

  await page.getByRole('button', { name: 'More facts' }).click();
  await page.getByRole('button', { name: /^Occupation: / }).click();
  await page.keyboard.type('baker');
  await page.keyboard.press('Enter');
  await until(async () => (await told()).customer.occupation === 'baker', { what: 'a field that the house tells of' });

  await page.getByRole('button', { name: 'Write down what was said' }).click();
  await page.getByLabel('Said', { exact: true }).selectOption('refused');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.pill', { hasText: 'refused' }).waitFor();
  assert.deepEqual((await told()).consents.map((c) => [c.purpose, c.state]), [['email_offers', 'refused']]);

  await page.getByRole('button', { name: 'Changes' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByText('Gold').waitFor();
  await accessible(page, 'changes');
  await dialog.getByRole('button', { name: 'Take back: Contract' }).click();
  await until(async () => (await told()).attributes.find((a) => a.code === 'tier').value === null, { what: 'the contract taken back' });
  await page.keyboard.press('Escape');

  await page.getByText('Perhaps the same').waitFor();
  await page.locator(`a[href="/customers/${twin}"]`).waitFor();

  const find = page.getByRole('searchbox', { name: 'Find in the timeline' });
  await find.fill('NOTHING came');
  await page.getByText('When will my order arrive?').waitFor();
  await find.fill('no such words');
  await page.getByText('Nothing found for “no such words”.').waitFor();
  await find.fill('');
  await page.getByRole('button', { name: 'Chat', exact: true }).click();
  await page.getByText('Nothing came through this channel.').waitFor();
  await page.getByRole('button', { name: 'E-mail', exact: true }).click();
  await page.getByText('When will my order arrive?').waitFor();
  await find.fill('no such words');
  await page.getByText('Nothing found for “no such words”.').waitFor();
  await find.fill('');
  await page.getByText('When will my order arrive?').waitFor();
  await accessible(page, 'record');
  await clean(page);
});

test('what a browser finds wrong in a form is said in the language of the interface', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, null);
  await page.goto('/');
  await page.getByLabel('Language').selectOption('ru');
  const email = page.getByLabel('Электронная почта');
  await email.press('Enter');
  const told = () => email.evaluate((e) => e.validationMessage);
  assert.equal(await told(), 'Заполните это поле.');
  await email.fill('nobody');
  await page.locator('input[type=password]').fill('whatever it is');
  await email.press('Enter');
  assert.match(await told(), /^Это не полный адрес почты/);
  await email.fill('nobody@kith.example');
  assert.equal(await told(), '');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await clean(page);
});

test('countries and languages have their Kazakh names in the Kazakh interface', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  assert.ok((await s.sara.patch('/me', { lang: 'kk' })).status < 300);
  await page.goto(`/customers/${s.aiko}`);
  await page.getByRole('button', { name: /Жапония/ }).waitFor();
  await page.getByRole('button', { name: /жапон тілі/ }).waitFor();
  await clean(page);
});

test('the day begins with what is late', async (t) => {
  const s = await shop(t);
  const due = (title, hours) => s.make('POST', `/customers/${s.mei}/tasks`, { title, kind: 'promise', assignee: s.sara.staff.id, due_at: new Date(Date.now() + hours * 3600e3).toISOString() });
  await due('Write tomorrow', 20);
  await due('Write in three hours', 3);
  await due('Written yesterday', -20);
  const page = await open(t, s.k, s.sara);
  await page.goto('/');
  const titles = page.locator('main section').first().locator('li .block');
  await titles.nth(2).waitFor();
  assert.deepEqual(await titles.allTextContents(), ['Written yesterday', 'Write in three hours', 'Write tomorrow']);
  await clean(page);
});

test('own fields are defined, put in order, taken out of use and brought back, and stand on the record', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.owner);
  await page.goto('/settings/fields');
  const make = async (label, type, choices) => {
    await page.getByRole('button', { name: 'New field' }).first().click();
    const dialog = page.locator('dialog');
    await dialog.getByLabel('Name shown').fill(label);
    await dialog.getByLabel('Type').selectOption({ label: type });
    if (choices) await dialog.getByLabel('Choices, one a line').fill(choices);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await make('Shoe size', 'Number');
  await make('Contract', 'One of several', 'Basic\nGold');
  await page.getByText('attr.shoe_size').waitFor();
  await page.getByText('Basic, Gold').waitFor();
  await accessible(page, 'own fields');
  await page.getByRole('button', { name: 'Move Contract up' }).click();
  await until(async () => (await s.owner.get('/custom-attributes')).body.items[0].code === 'contract', { what: 'the new order' });
  await page.getByRole('button', { name: 'Take out of use: Shoe size' }).click();
  await page.getByText('out of use', { exact: true }).waitFor();
  await page.goto(`/customers/${s.aiko}`);
  await page.getByRole('button', { name: /^Contract: / }).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Shoe size: / }).count(), 0);
  await page.goto('/settings/fields');
  await page.getByRole('button', { name: 'Use again: Shoe size' }).click();
  await page.getByRole('button', { name: 'Take out of use: Shoe size' }).waitFor();
  await clean(page);
});
