import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';

import { API, FakeTab, json, PAGE, refusal, scripted } from './testing/scripted.js';

/** The names of the token handler: `go test ./internal/contract -update` writes this file. */
const contract = JSON.parse(await readFile(new URL('./testing/contract.json', import.meta.url), 'utf8'));

describe('the contract with the token handler', () => {
  for (const { code, statuses, refresh } of contract.refusals) {
    it(`${code} ${refresh ? 'is refreshed once' : 'is not refreshed'}`, async () => {
      const { client, keys } = scripted({
        'GET /orders': [refusal(statuses.includes(401) ? 401 : statuses[0], code), json(200, { orders: [] })],
        'POST /oauth-agent/refresh': json(200, { access_token_expires_in: 300 }),
      });
      await client.fetch(`${API}/orders`);
      assert.equal(keys().filter((key) => key !== 'GET /orders').length, refresh ? 1 : 0);
    });
  }

  it('calls each endpoint but token, with the version header', async () => {
    const routes = Object.fromEntries(contract.endpoints.map(({ Method, Path }) => [`${Method} /oauth-agent/${Path}`,
      json(200, { authorization_url: 'https://login.example.com/' })]));
    const tab = new FakeTab({ url: `${PAGE}?code=c&state=s` });
    const { client, calls, keys } = scripted(routes, { tab });
    await client.login();
    await client.onPageLoad();
    await client.session();
    await client.userInfo();
    await client.claims();
    await client.refresh();
    await client.logout();
    assert.deepEqual(keys(), Object.keys(routes));
    for (const { request } of calls) assert.equal(request.headers.get(contract.versionHeader), contract.version);
  });
});
