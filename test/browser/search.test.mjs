// The search page and the palette: what was typed is marked where it stands, the keyboard is enough.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../stories/kith.mjs';
import { accessible, clean, open } from './browser.mjs';
import { shop } from './shop.mjs';

async function searched(t) {
  const s = await shop(t);
  s.pushkin = await s.customer({ name: 'Александр Пушкин', language: 'ru', city: 'Москва' }, s.phone('+7 495 012-34-56'));
  s.anna = await s.customer({ name: 'Anna Pushkina', company: 'Huadong Parts' }, { type: 'email', value: 'anna.pushkina.12@mail.example' });
  await s.make('POST', '/orders', { number: 'P-10482', customer: s.aiko, currency: 'EUR', lines: [{ sku: 'FX-2', name: 'Filter set', quantity: 2, price: 920 }] });
  await until(async () => (await s.api.must(200, 'GET', '/search?q=kina.12@')).items.length, { what: 'the index' });
  return s;
}

test('a slash opens the search, typing finds in any script, arrows and Enter open the record', async (t) => {
  const s = await searched(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await page.keyboard.press('/');
  await page.locator('input[type=search]:focus').waitFor();
  await page.keyboard.type('pushk');
  const hits = page.locator('a.hit');
  const marked = async () => (await page.locator('a.hit mark').allTextContents()).join(' ');
  await until(async () => (await marked()) === 'Pushk Пушкин', { what: 'what was typed last, marked' }); // "pus" found them before
  assert.equal(await hits.count(), 2);
  assert.equal(new URL(page.url()).search, '?q=pushk');
  assert.equal(await page.locator('a.hit bdi[lang=ru]').first().textContent(), 'Александр Пушкин');
  await accessible(page, 'search');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.locator('main h1').getByText('Anna Pushkina').waitFor();
  await page.goBack();
  await page.locator('input[type=search]').waitFor();
  assert.equal(await page.locator('input[type=search]').inputValue(), 'pushk');
  await clean(page);
});

test('a condition may stand beside the words: it is shown as it was understood, or told what is wrong with it', async (t) => {
  const s = await searched(t);
  const page = await open(t, s.k, s.sara, { width: 390, height: 700 });
  await page.goto('/search');
  const box = page.locator('input[type=search]');
  await box.fill('pushk city = "Москва"');
  await page.getByText('Only those who fulfil:').waitFor();
  await page.getByRole('link', { name: /Александр Пушкин/ }).waitFor();
  assert.equal(await page.locator('a.hit').count(), 1);
  await accessible(page, 'search with a condition');
  await box.fill('pushk cty = "Москва"');
  await page.getByText('Did you mean “city”?').waitFor();
  await clean(page);
});

test('digits are marked in the number as it is written, an order leads to its lines', async (t) => {
  const s = await searched(t);
  const page = await open(t, s.k, s.sara, { width: 320, height: 640, theme: 'dark' });
  await page.goto('/search?q=' + encodeURIComponent('0123-4'));
  await page.locator('a.hit').getByText('by phone number').waitFor();
  assert.equal(await page.locator('a.hit mark').first().textContent(), '012-34');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than the screen');
  await accessible(page, 'search, narrow and dark');
  await page.locator('input[type=search]').fill('10482');
  await page.getByRole('link', { name: /P-10482/ }).click();
  await page.locator('dialog').getByText('Filter set').waitFor();
  await clean(page);
});

test('the palette groups what it finds and leads to all results', async (t) => {
  const s = await searched(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/');
  await page.locator('main h1').waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('push');
  await page.getByRole('group', { name: 'Customers' }).getByRole('option', { name: /Александр Пушкин/ }).waitFor();
  await accessible(page, 'palette with groups');
  await page.getByRole('option', { name: 'All results for “push”' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('a.hit').first().waitFor();
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, '/search?q=push');
  await clean(page);
});

test('nothing found, a hostile text and a cut word leave the page whole in every language', async (t) => {
  const s = await searched(t);
  for (const lang of ['en', 'ja', 'zh', 'kk', 'ru']) {
    await s.sara.patch('/me', { lang });
    const page = await open(t, s.k, s.sara, { width: 390, height: 844 });
    await page.goto('/search?q=' + encodeURIComponent('<img src=x onerror=canary()> "zz*'));
    await page.locator('[role=status]').first().waitFor();
    await page.locator('input[type=search]').fill('\u202Ezzzz 😀');
    await until(async () => (await page.locator('p[role=status]').first().textContent()).length > 20, { what: 'the answer' });
    await clean(page);
  }
});
