// Settings → Import: upload, columns set right, dry run, run, rejected rows, undo.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { house } from '../stories/kith.mjs';
import { accessible, clean, fits, open } from './browser.mjs';

const shots = process.env.KITH_SHOTS;
const shot = async (page, name) => shots && (await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true }));
const csv = (...rows) => ({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(rows.join('\r\n') + '\r\n') });
const cell = (page, name) => page.locator('.figures div', { hasText: name }).locator('dd').first();

async function uploaded(page, file) {
  await page.goto('/settings/import');
  await page.getByLabel('CSV file').setInputFiles(file);
  await page.getByRole('button', { name: 'Upload' }).click();
  await page.getByRole('heading', { name: 'Columns' }).waitFor();
}

test('a file is uploaded, its columns are set right, tried, imported, and the import is undone', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('administrator', { email: 'boss@kith.example' });
  await boss.must(201, 'POST', '/customers', { identities: [{ type: 'email', value: 'anna@shop.example' }], claims: { name: 'Anna Smith', city: 'London' } });
  const page = await open(t, k, boss);
  await page.goto('/settings/import');
  await page.getByText('Nothing has been imported yet').waitFor();
  await page.getByText('none chosen yet').waitFor();
  await page.getByLabel('CSV file').focus(); // by keyboard the field itself, whose ring stands around the button
  assert.equal(await page.getByText('Choose a file').evaluate((e) => getComputedStyle(e).outlineStyle), 'solid');
  await accessible(page, 'nothing imported yet');
  await uploaded(page, csv('Full name,Mail,Where,Note', 'Anna Smith,anna@shop.example,Paris,x', 'Bob Jones,bob@shop.example,Leeds,y', '<img src=x onerror=canary()>,eve@shop.example,Rome,z', '"open,,,'));
  await accessible(page, 'columns');
  await shot(page, 'import-columns');

  assert.equal(await page.getByLabel('What “Mail” becomes').inputValue(), 'email');
  await page.getByLabel('What “Where” becomes').selectOption({ label: 'City' });
  await page.getByRole('button', { name: 'Try it (dry run)' }).click();
  await page.getByRole('heading', { name: 'What the dry run found' }).waitFor();
  assert.equal(await cell(page, 'Rows').textContent(), '4');
  assert.equal(await cell(page, 'New').textContent(), '2');
  assert.equal(await cell(page, 'Changed').textContent(), '1');
  assert.equal(await cell(page, 'Rejected').textContent(), '1');
  await page.getByRole('cell', { name: 'Paris', exact: true }).waitFor();
  await accessible(page, 'dry run');
  await shot(page, 'import-checked');
  assert.equal((await boss.get('/customers')).body.items.length, 1);

  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
  await page.getByText('done', { exact: true }).waitFor();
  assert.equal(await cell(page, 'New').textContent(), '2');
  await accessible(page, 'done');
  await shot(page, 'import-done');
  const got = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Rejected rows as a file' }).click();
  const rejected = readFileSync(await (await got).path(), 'utf8').split('\r\n');
  assert.equal(rejected[0], 'kith line,kith field,kith reason,Full name,Mail,Where,Note');
  assert.match(rejected[1], /^5,/);

  await page.getByRole('button', { name: 'Undo the import' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Undo the import' }).click();
  await page.getByText('undone', { exact: true }).waitFor();
  assert.equal((await boss.get('/customers')).body.items.length, 1);
  await page.getByRole('link', { name: 'All imports' }).click();
  await page.getByRole('link', { name: 'people.csv' }).waitFor();
  await accessible(page, 'list');
  await clean(page);
});

test('another encoding and delimiter show other columns; what cannot be is said in a sentence', async (t) => {
  const k = await house(t);
  await k.person('owner');
  const boss = await k.person('manager', { email: 'boss@kith.example' });
  const page = await open(t, k, boss, { width: 390, height: 800, theme: 'dark' });
  const cyrillic = Buffer.from([0xc8, 0xec, 0xff, 0x3b, 0xd2, 0xe5, 0xeb, 0xe5, 0xf4, 0xee, 0xed, 0x0a, 0xc8, 0xe2, 0xe0, 0xed, 0x3b, 0x2b, 0x37, 0x37, 0x32, 0x37, 0x32, 0x35, 0x30, 0x30, 0x30, 0x31, 0x38, 0x0a]);
  await uploaded(page, { name: 'list.csv', mimeType: 'text/csv', buffer: cyrillic });
  assert.equal(await page.getByLabel('Encoding').inputValue(), 'windows-1251');
  await page.getByRole('rowheader', { name: 'Телефон' }).waitFor();
  await fits(page, 'phone width');
  await accessible(page, 'phone width, dark');
  await shot(page, 'import-phone-dark');
  await page.getByLabel('Delimiter').selectOption({ label: 'Comma ,' });
  await page.getByRole('rowheader', { name: 'Имя;Телефон' }).waitFor();
  await page.getByRole('button', { name: 'Try it (dry run)' }).click();
  await page.getByText('No column says who a row is about', { exact: false }).waitFor();
  await clean(page);

  await page.goto('/settings/import');
  await page.getByLabel('CSV file').setInputFiles({ name: 'empty.csv', mimeType: 'text/csv', buffer: Buffer.alloc(0) });
  await page.getByRole('button', { name: 'Upload' }).click();
  await page.getByText('The file is empty.').waitFor();

  const agent = await k.person('agent', { email: 'agent@kith.example' });
  assert.equal((await agent.get('/imports')).status, 403);
});
