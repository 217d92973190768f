// A small house with people, a telephone and a few customers, for browser tests.
import { house } from '../stories/kith.mjs';
import { telephone } from './browser.mjs';

export async function shop(t) {
  const k = await house(t);
  const owner = await k.person('owner', { name: 'Dana Sommer', extensions: ['101'] });
  const sara = await k.person('operator', { name: 'Sara Jones', extensions: ['102'] });
  const ivan = await k.person('operator', { name: 'Иван Ким', extensions: ['103'] });
  const api = await k.token('owner', ['read', 'write', 'intake', 'admin']);
  const make = async (method, path, body) => {
    const a = await api.ask(method, path, body);
    if (a.status >= 300) throw new Error(`${method} ${path}: ${a.status} ${a.text}`);
    return a.body;
  };
  const customer = async (claims, ...identities) => (await make('POST', '/customers', { claims, identities })).customer.id;
  const phone = (value) => ({ type: 'phone', value });
  const aiko = await customer(
    { name: '田中 愛子', reading: 'たなか あいこ', kind: 'person', language: 'ja', country: 'JP', city: 'Tokyo' },
    phone('+81 3 5550 0142'),
    { type: 'email', value: 'aiko@example.jp' },
  );
  await make('POST', `/customers/${aiko}/marks`, { mark: 'vip', reason: 'by value' });
  await make('POST', `/customers/${aiko}/notes`, { text: 'Prefers calls after ten.' });
  await make('POST', `/customers/${aiko}/addresses`, { kind: 'home', line: '2-4-1 Ginza', postal: '104-0061', city: 'Tokyo', country: 'JP' });
  await make('POST', `/customers/${aiko}/holdings`, { name: 'K-40', serial: '0088' });
  await make('POST', `/customers/${aiko}/tasks`, { title: 'Tell when the parcel arrives', kind: 'promise', due_at: new Date(Date.now() + 3600e3).toISOString() });
  await make('POST', '/intake', {
    channel: 'email', direction: 'in', source_id: 'm1', identities: [{ type: 'email', value: 'aiko@example.jp' }], claims: {},
    subject: 'When will my order arrive?', text: 'Nothing came.',
  });
  const parts = await customer({ name: 'Huadong Parts', kind: 'company', language: 'zh', country: 'CN' }, phone('+86 21 5550 0117'));
  const mei = await customer({ name: '李梅', language: 'zh' }, { type: 'email', value: 'mei@example.cn' });
  await make('POST', `/customers/${mei}/relations`, { other: parts, kind: 'works_at', role: 'buyer' });
  return { k, owner, sara, ivan, api, make, customer, phone, aiko, parts, mei, telephone: await telephone(k, owner) };
}
