// A full disk, as the people at the screens see it.
import test from 'node:test';
import { until } from '../stories/kith.mjs';
import { fileLimit } from '../faults/machine.mjs';
import { accessible, clean, fits, open } from './browser.mjs';
import { shop } from './shop.mjs';

test('a banner says on every page that the disk is full and what to do, also in a tab opened later, and goes when there is room', async (t) => {
  const s = await shop(t);
  const page = await open(t, s.k, s.sara);
  await page.goto('/search');
  await page.locator('main h1, main input').first().waitFor();

  fileLimit(s.k.process.pid, 65536); // as a disk without room
  await until(async () => (await s.api.post(`/customers/${s.aiko}/notes`, { text: 'one more' })).status === 507, { what: 'a full disk' });
  const banner = (p) => p.getByRole('alert').getByText('The server’s disk is full'.replace('’', "'"));
  await banner(page).waitFor();
  await accessible(page, 'with a full disk');
  await fits(page);
  const later = await open(t, s.k, s.sara, { context: page.context() });
  await later.goto('/');
  await banner(later).waitFor();

  fileLimit(s.k.process.pid, 'unlimited');
  await banner(page).waitFor({ state: 'detached', timeout: 15000 });
  await banner(later).waitFor({ state: 'detached' });
  await clean(page);
  await clean(later);
});
