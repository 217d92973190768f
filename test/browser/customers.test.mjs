// The customers' table in the browser: by keyboard only, on a phone, with views, filters and actions for many.
import test from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { until } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';
import { shop } from './shop.mjs';

const cells = (page, column) => page.locator('.body [role=row]').evaluateAll((rows, c) => rows.toSorted((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((r) => r.children[c].textContent.trim()), column);
const names = (page) => cells(page, 1).then((all) => all.map((x) => x.replace(/^◆VIP|^■Business/, '').trim()));
const loaded = (page) => page.locator('.body [role=row]').first().waitFor();
const chosen = (page) => page.locator('.body [role=row][aria-selected=true]').count();

async function crowd(t, n = 0) {
  const s = await shop(t);
  for (let i = 0; i < n; i++) await s.customer({ name: `Person ${String(i).padStart(3, '0')}`, country: i % 2 ? 'DE' : 'FR', city: 'Köln' });
  return s;
}

test('the table is worked by keyboard: there, down, chosen, extended, opened, sorted', async (t) => {
  const s = await crowd(t, 60);
  const page = await open(t, s.k, s.sara);
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('u');
  await loaded(page);
  assert.equal(await page.locator('[role=grid]').getAttribute('aria-rowcount'), '64');
  assert.match(await page.locator('header .soft').first().textContent(), /63/);

  await page.locator('[role=columnheader] button', { hasText: 'Name' }).focus();
  await page.keyboard.press('Enter');
  await until(async () => (await names(page))[0] === 'Huadong Parts', { what: 'the order by name' });
  assert.equal(await page.locator('[role=columnheader][aria-sort=ascending]').count(), 1);
  assert.match(page.url(), /sort=name/);

  await page.keyboard.press('j');
  assert.equal(await page.locator('[role=grid]').evaluate((e) => e === document.activeElement), true);
  await page.keyboard.press('j');
  assert.equal(await page.locator('.at a').first().textContent(), 'Person 001');
  await page.keyboard.press('x');
  await page.keyboard.press('Shift+J');
  await page.keyboard.press('Shift+J');
  assert.equal(await chosen(page), 3);
  await page.getByText('3 chosen').waitFor();
  await accessible(page, 'rows chosen');
  await page.keyboard.press('k');
  await page.keyboard.press('x');
  assert.equal(await chosen(page), 2);
  await page.keyboard.press('Escape');
  assert.equal(await chosen(page), 0);
  await page.keyboard.press('End');
  await page.locator('.at', { hasText: '田中 愛子' }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('main h1').getByText('田中 愛子').waitFor();
  assert.match(page.url(), new RegExp(s.aiko));
  await clean(page);
});

test('focus and the chosen ones stay when somebody else changes a row', async (t) => {
  const s = await crowd(t, 12);
  const page = await open(t, s.k, s.sara);
  await page.goto('/customers?view=all&sort=name');
  await loaded(page);
  await page.locator('.body a', { hasText: '李梅' }).click(); // who opened a record hears of its changes
  await page.locator('main h1').getByText('李梅').waitFor();
  await page.keyboard.press('[');
  await loaded(page);
  for (let i = 0; i < 4; i++) await page.keyboard.press('j');
  await page.keyboard.press('x');
  let go;
  const held = new Promise((done) => { go = done; });
  await page.route('**/api/v1/customers?*', async (route) => { await held; await route.continue(); });
  const asked = page.waitForRequest('**/api/v1/customers?*');
  await s.make('PATCH', `/customers/${s.mei}`, { city: 'Shenzhen' });
  await asked;
  await page.keyboard.press('j'); // while the new rows are on their way
  const at = await page.locator('.at a').first().textContent();
  go();
  await page.locator('.body [role=row]', { hasText: 'Shenzhen' }).waitFor();
  assert.equal(await page.locator('.at a').first().textContent(), at);
  assert.equal(await chosen(page), 1);
  assert.equal(await page.locator('[role=grid]').evaluate((e) => e === document.activeElement), true);
  await clean(page);
});

test('a filter is built as sentences, read back, written as text; a mistake is told where it stands', async (t) => {
  const s = await crowd(t, 10);
  const page = await open(t, s.k, s.owner);
  await page.goto('/customers');
  await loaded(page);
  await page.keyboard.press('f');
  await page.locator('select[data-column]:focus').waitFor();
  await page.getByLabel('Attribute').selectOption('attribute country');
  await page.getByLabel('Value').selectOption('DE');
  await until(async () => (await names(page)).length === 5, { what: 'five of Germany' });
  assert.match(decodeURIComponent(page.url()), /country = "DE"|country\+=\+"DE"/);
  await page.getByRole('button', { name: 'Add a condition' }).click();
  await page.getByLabel('Attribute').nth(1).selectOption('attribute orders');
  await page.getByLabel('Value').nth(1).fill('1');
  await page.getByText('Nobody fits this filter.').waitFor();
  await accessible(page, 'filter rows');
  await page.getByRole('button', { name: 'Remove the condition on Orders' }).click();
  await loaded(page);
  await page.reload();
  await loaded(page);
  assert.equal(await page.getByLabel('Attribute').inputValue(), 'attribute country');

  await page.getByRole('button', { name: 'Write it as text' }).click();
  await page.getByLabel('Filter as text').fill('country = "DE" or vpi');
  await page.locator('#filter-fault').waitFor();
  assert.match(await page.locator('#filter-fault').textContent(), /vpi/);
  assert.equal(await page.locator('mark').textContent(), 'vpi');
  await accessible(page, 'filter with a mistake');
  assert.equal((await names(page)).length, 5, 'the rows stay while the text is wrong');
  await page.getByRole('button', { name: 'Take “vip”' }).click();
  await page.locator('#filter-fault').waitFor({ state: 'detached' });
  await until(async () => (await names(page)).length === 6, { what: 'with the VIP' });
  await page.getByRole('button', { name: 'Show it as rows' }).click();
  assert.equal(await page.getByLabel('How the conditions go together').inputValue(), 'any');
  await clean(page);
});

test('a view is saved with its columns, found as a tab, removed and brought back', async (t) => {
  const s = await crowd(t, 3);
  const page = await open(t, s.k, s.owner);
  await page.goto('/customers?view=vip');
  await loaded(page);
  assert.deepEqual(await names(page), ['田中 愛子']);
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByLabel('Language', { exact: true }).check();
  await page.getByRole('button', { name: 'Phone further to the left' }).click();
  await accessible(page, 'columns');
  await page.getByRole('button', { name: 'Show these' }).click();
  await page.getByText('Japanese').waitFor();
  await page.getByRole('button', { name: 'Save as a new view' }).click();
  await page.getByLabel('Name of the view').fill('Dear ones');
  await accessible(page, 'save a view');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'Dear ones', selected: true }).waitFor();
  await page.reload();
  await page.getByText('Japanese').waitFor();
  await page.getByRole('button', { name: 'Remove the view' }).click();
  await page.getByRole('tab', { name: 'Dear ones' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('tab', { name: 'Dear ones', selected: true }).waitFor();
  await clean(page);
});

test('one action for the chosen ones, and undone from where it was told', async (t) => {
  const s = await crowd(t, 4);
  const page = await open(t, s.k, s.owner);
  await page.goto('/customers?sort=name');
  await loaded(page);
  await page.getByLabel('Choose all that are shown').check();
  await page.getByText('7 chosen').waitFor();
  await page.getByRole('button', { name: 'Add a tag' }).click();
  await page.getByLabel('Tag', { exact: true }).fill('Winter');
  await accessible(page, 'action for many');
  await page.keyboard.press('Enter');
  await page.getByText('7 records changed').waitFor({ timeout: 15000 });
  assert.equal((await s.owner.get('/customers/count?where=' + encodeURIComponent('tag = "winter"'))).body.count, 7);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('7 records taken back.').waitFor({ timeout: 15000 });
  assert.equal((await s.owner.get('/customers/count?where=' + encodeURIComponent('tag = "winter"'))).body.count, 0);
  await clean(page);
});

test('an action that failed says why when the page is opened again, and goes on', async (t) => {
  const s = await crowd(t, 60);
  const boss = await s.k.person('administrator');
  let field, failed;
  for (let i = 0; i < 20 && failed?.state !== 'failed'; i++) { // now and then it may be quicker than we are
    field = await boss.must(201, 'POST', '/custom-attributes', { code: `size_${i}`, label: 'Size', type: 'number' });
    const { id } = await boss.must(202, 'POST', '/customers/bulk', { action: 'set', field: `attr.size_${i}`, value: '7', all: true });
    await boss.must(204, 'DELETE', `/custom-attributes/${field.id}`);
    failed = await until(async () => { const b = await boss.must(200, 'GET', `/bulk-actions/${id}`); return ['done', 'failed'].includes(b.state) ? b : null; }, { ms: 20000, what: 'the action' });
  }
  const page = await open(t, s.k, boss);
  await page.goto('/customers');
  await page.getByRole('alert').getByText(failed.failure).waitFor();
  await accessible(page, 'an action that failed');

  await boss.must(200, 'PATCH', `/custom-attributes/${field.id}`, { is_active: true });
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('63 records changed').waitFor();
  await clean(page);
});

test('a new customer: who may be the same is shown before; what is wrong is told beside its field', async (t) => {
  const s = await crowd(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/customers');
  await loaded(page);
  await page.keyboard.press('+');
  await page.getByLabel('Name', { exact: true }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('Give a name, a number or an address.').waitFor();
  await page.getByLabel('Phone', { exact: true }).fill('+81 3 5550 0142');
  await page.locator('.same', { hasText: '田中 愛子' }).waitFor();
  await accessible(page, 'new customer');
  await page.getByLabel('Phone', { exact: true }).fill('');
  await page.getByLabel('Name', { exact: true }).fill('Neu <img src=x onerror=canary()>');
  await page.getByLabel('Country', { exact: true }).selectOption('DE');
  await page.keyboard.press('Enter');
  await page.locator('main h1').getByText('Neu <img').waitFor();
  await page.goto('/customers?view=new');
  await page.locator('.body a', { hasText: 'Neu <img' }).waitFor();
  await clean(page);
});

test('a long table draws only what is in sight and goes on by itself', async (t) => {
  const s = await crowd(t, 260);
  const page = await open(t, s.k, s.sara);
  await page.goto('/customers?sort=name');
  await loaded(page);
  assert.ok((await page.locator('.body [role=row]').count()) < 60);
  assert.equal(await page.locator('[role=grid]').getAttribute('aria-rowcount'), '-1');
  await page.locator('[role=grid]').focus();
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press('End');
    await page.waitForTimeout(400);
  }
  await page.locator('.at', { hasText: '田中 愛子' }).waitFor();
  assert.equal(await page.locator('[role=grid]').getAttribute('aria-rowcount'), '264');
  assert.ok((await page.locator('.body [role=row]').count()) < 60);
  await clean(page);
});

test('on a phone rows are cards, in the dark too, and nothing stands out sideways', async (t) => {
  const s = await crowd(t, 20);
  for (const [width, theme, lang] of [[390, 'light', 'en'], [320, 'dark', 'kk'], [768, 'light', 'ja']]) {
    await s.owner.patch('/me', { lang });
    const page = await open(t, s.k, s.owner, { width, height: 760, theme });
    await page.goto('/customers?view=vip');
    await loaded(page);
    await fits(page, `customers at ${width}`);
    await accessible(page, `customers at ${width} ${theme}`);
    await page.keyboard.press('x');
    await fits(page, `customers chosen at ${width}`);
    await accessible(page, `customers chosen at ${width} ${theme}`);
    await clean(page);
  }
});

test('the page stays within its budget', () => {
  const size = ['Customers.js'].reduce((n, f) => n + gzipSync(readFileSync(new URL(`../../web/dist/assets/${f}`, import.meta.url))).length, 0);
  assert.ok(size <= 40 * 1024, `${size} bytes`);
});

test('a long message is read whole on the timeline, also what the list left out', async (t) => {
  const s = await shop(t);
  const text = `${'The parcel has not come and nobody tells me why. '.repeat(120)}The end.`;
  await s.make('POST', '/intake', { channel: 'email', direction: 'in', source_id: 'long', identities: [{ type: 'email', value: 'aiko@example.jp' }], claims: {}, text });
  const page = await open(t, s.k, s.sara);
  await page.goto(`/customers/${s.aiko}`);
  const line = page.getByRole('region', { name: 'Timeline' }).getByRole('button', { name: /^The parcel has not come/ });
  assert.equal(await line.getAttribute('aria-expanded'), 'false');
  await line.press('Enter');
  await page.getByText(/The end\.$/).waitFor();
  assert.equal(await line.getAttribute('aria-expanded'), 'true');
  await accessible(page, 'a message read whole');
  await fits(page, 'a message read whole');
  await line.press('Enter');
  await page.getByText(/The end\.$/).waitFor({ state: 'detached' });
  await clean(page);
});

test('the list shows the customer type in its word, opens its reasons by press and by key, and the risk to who may see it', async (t) => {
  const s = await crowd(t, 2);
  const marketer = await s.k.person('marketer');
  await s.make('POST', `/customers/${s.mei}/judgement/correct`, { class: 'time_eater', reason: 'asks for hours' });
  const page = await open(t, s.k, s.sara);
  await page.goto('/customers?view=all&sort=name');
  await loaded(page);
  const row = page.getByRole('row', { name: /李梅/ });
  await row.getByRole('button', { name: 'Needs time' }).click();
  const dialog = page.getByRole('dialog', { name: 'Customer type' });
  await dialog.getByRole('link', { name: '李梅' }).waitFor();
  await dialog.getByText(/asks for hours/).first().waitFor();
  await accessible(page, 'the reasons over the list');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await row.locator('[role=gridcell]').nth(1).click();
  await page.keyboard.press('y');
  await dialog.getByRole('link', { name: '李梅' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await page.getByRole('columnheader', { name: 'Customer type' }).getByRole('button').count(), 0, 'no order goes by it');
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByLabel('Risk', { exact: true }).check();
  await page.getByRole('button', { name: 'Show these' }).click();
  await page.getByRole('columnheader', { name: 'Risk' }).waitFor();
  await page.goto('/customers?where=class+%3D+time_eater');
  await until(async () => (await names(page)).join() === '李梅', { what: 'those who need time' });
  await accessible(page, 'the list with types');

  /* A view for everybody may hold a column that is not for everybody's eyes. */
  await s.owner.must(201, 'POST', '/views', { name: 'With risk', is_shared: true, columns: [{ name: 'name', width: 0 }, { name: 'risk_level', width: 0 }, { name: 'city', width: 0 }] });
  await marketer.must(422, 'GET', '/customers?columns=name,risk_level');
  const other = await open(t, s.k, marketer);
  await other.goto('/customers');
  await other.getByRole('tab', { name: 'With risk' }).click();
  await loaded(other);
  await other.getByRole('columnheader', { name: 'Town' }).waitFor();
  assert.equal(await other.getByRole('columnheader', { name: 'Risk' }).count(), 0);
  assert.equal(await other.getByRole('button', { name: 'Save as a new view' }).count(), 0, 'nothing was changed');
  await clean(other);
  await clean(page);
});
