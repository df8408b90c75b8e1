import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { API, FakeTab, PAGE, json, lockManager, refusal, rotatingServer, scripted } from './testing/scripted.js';
import { SessionExpiredError } from './token-handler.js';

describe('an API call', () => {
  for (const code of ['token_expired', 'unauthorized_request', 'device_proof_required']) {
    it(`that gets 401 ${code} is refreshed once and retried once`, async () => {
      const { client, keys } = scripted({
        'GET /orders': [refusal(401, code), json(200, { orders: [] })],
        'POST /oauth-agent/refresh': json(200, { access_token_expires_in: 300 }),
      });
      const events = [];
      client.addEventListener('refreshed', ({ detail }) => events.push(detail));
      assert.deepEqual(await (await client.fetch(`${API}/orders`)).json(), { orders: [] });
      assert.deepEqual(keys(), ['GET /orders', 'POST /oauth-agent/refresh', 'GET /orders']);
      assert.deepEqual(events, [{ accessTokenExpiresIn: 300 }]);
    });
  }

  const passed = [
    ['200', json(200, {})], ['401 insufficient_scope', refusal(401, 'insufficient_scope')],
    ['403 insufficient_scope', refusal(403, 'insufficient_scope')], ['403 token_expired', refusal(403, 'token_expired')],
    ['401 of the API itself', new Response('no', { status: 401 })], ['500', refusal(500, 'server_error')],
  ];
  for (const [name, answer] of passed) {
    it(`that gets ${name} is answered with it, unread, and never refreshes`, async () => {
      const { client, keys } = scripted({ 'GET /orders': answer });
      const response = await client.fetch(`${API}/orders`);
      assert.equal(response.status, answer.status);
      assert.equal(await response.text(), await answer.clone().text());
      assert.deepEqual(keys(), ['GET /orders']);
    });
  }

  it('finds the session expired when the refresh gets 401', async () => {
    const { client, keys } = scripted({
      'GET /orders': refusal(401, 'token_expired'),
      'POST /oauth-agent/refresh': refusal(401, 'session_expired'),
    });
    const events = [];
    client.addEventListener('sessionexpired', ({ detail }) => events.push(detail.code));
    await assert.rejects(client.fetch(`${API}/orders`), (error) => {
      assert.ok(error instanceof SessionExpiredError);
      assert.deepEqual([error.name, error.status, error.code], ['SessionExpiredError', 401, 'session_expired']);
      return true;
    });
    assert.deepEqual(keys(), ['GET /orders', 'POST /oauth-agent/refresh']);
    assert.deepEqual(events, ['session_expired']);
  });

  it('does not loop when the API refuses what was just refreshed', async () => {
    const { client, keys } = scripted({
      'GET /orders': refusal(401, 'token_expired'),
      'POST /oauth-agent/refresh': json(200, {}),
    });
    await assert.rejects(client.fetch(`${API}/orders`), SessionExpiredError);
    assert.deepEqual(keys(), ['GET /orders', 'POST /oauth-agent/refresh', 'GET /orders']);
  });

  it('goes on when the refresh fails for another reason and the retry succeeds', async () => {
    const { client, keys } = scripted({
      'GET /orders': [refusal(401, 'token_expired'), json(200, {})],
      'POST /oauth-agent/refresh': refusal(502, 'authorization_server_error'),
    });
    assert.equal((await client.fetch(`${API}/orders`)).status, 200);
    assert.deepEqual(keys(), ['GET /orders', 'POST /oauth-agent/refresh', 'GET /orders']);
  });

  it('does not take a provider that is down for the end of the session', async () => {
    const { client, keys } = scripted({
      'GET /orders': refusal(401, 'token_expired'),
      'POST /oauth-agent/refresh': refusal(502, 'authorization_server_error'),
    });
    const events = [];
    client.addEventListener('sessionexpired', () => events.push('sessionexpired'));
    await assert.rejects(client.fetch(`${API}/orders`), (error) => {
      assert.ok(!(error instanceof SessionExpiredError));
      assert.equal(error.code, 'authorization_server_error');
      return true;
    });
    assert.equal(keys().length, 3);
    assert.deepEqual(events, []);
  });

  it('passes a network failure on, wherever it happens', async () => {
    const offline = new TypeError('Failed to fetch');
    const at = [
      [{ 'GET /orders': offline }, 1],
      [{ 'GET /orders': refusal(401, 'token_expired'), 'POST /oauth-agent/refresh': offline }, 2],
      [{ 'GET /orders': [refusal(401, 'token_expired'), offline], 'POST /oauth-agent/refresh': json(200, {}) }, 3],
    ];
    for (const [routes, calls] of at) {
      const { client, keys } = scripted(routes);
      await assert.rejects(client.fetch(`${API}/orders`), offline);
      assert.equal(keys().length, calls);
    }
  });

  it('userInfo refreshes like any other; claims and session never do', async () => {
    const { client, keys } = scripted({
      'GET /oauth-agent/userInfo': [refusal(401, 'token_expired'), json(200, { sub: 'u1' })],
      'GET /oauth-agent/claims': refusal(401, 'unauthorized_request'),
      'GET /oauth-agent/session': refusal(401, 'unauthorized_request'),
      'POST /oauth-agent/refresh': json(200, {}),
    });
    assert.deepEqual(await client.userInfo(), { sub: 'u1' });
    await assert.rejects(client.claims(), { code: 'unauthorized_request' });
    await assert.rejects(client.session(), { code: 'unauthorized_request' });
    assert.equal(keys().filter((key) => key === 'POST /oauth-agent/refresh').length, 1);
  });
});

describe('a session that must be bound to the device', () => {
  const login = (bound) => ({
    'POST /oauth-agent/login/end': json(200, { handled: true, is_logged_in: true, device_bound: bound }),
    'GET /oauth-agent/session': json(200, { is_logged_in: true, device_bound: bound }),
  });
  const required = refusal(401, 'device_binding_required');

  it('is bound moments after the login: API calls wait for it', async () => {
    const { client, keys } = scripted({ ...login(false), 'POST /orders': [required, required, json(200, {})] },
      { tab: new FakeTab({ url: `${PAGE}?code=c&state=s` }) });
    assert.equal((await client.onPageLoad()).deviceBound, false);
    assert.equal((await client.fetch(`${API}/orders`, { method: 'POST', body: 'x' })).status, 200);
    assert.equal(keys().filter((key) => key === 'POST /orders').length, 3);
  });

  it('waits no longer than the page', async () => {
    const { client } = scripted({ ...login(false), 'GET /orders': required }, { tab: new FakeTab({ url: `${PAGE}?code=c&state=s` }) });
    await client.onPageLoad();
    await assert.rejects(client.fetch(`${API}/orders`, { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
  });

  for (const [name, url, bound] of [['long after the login', PAGE, false], ['that is bound', `${PAGE}?code=c&state=s`, true]]) {
    it(`${name}: the refusal is the answer`, async () => {
      const { client, keys } = scripted({ ...login(bound), 'GET /orders': required }, { tab: new FakeTab({ url }) });
      await client.onPageLoad();
      assert.equal((await client.fetch(`${API}/orders`)).status, 401);
      assert.equal(keys().filter((key) => key === 'GET /orders').length, 1);
    });
  }
});

describe('a session whose browser cannot prove its key just now', () => {
  const unavailable = refusal(401, 'device_proof_unavailable');

  it('is asked again: the browser tries with each call', async () => {
    const { client, keys } = scripted({ 'GET /orders': [unavailable, unavailable, json(200, {})] });
    assert.equal((await client.fetch(`${API}/orders`)).status, 200);
    assert.deepEqual(keys(), ['GET /orders', 'GET /orders', 'GET /orders']);
  });

  it('goes on: neither a call nor a refresh ends it', async () => {
    const { client, keys } = scripted({ 'GET /orders': refusal(401, 'token_expired'), 'POST /oauth-agent/refresh': unavailable });
    client.addEventListener('sessionexpired', () => assert.fail('the session is said to be over'));
    for (const call of [() => client.refresh(), () => client.fetch(`${API}/orders`)]) {
      await assert.rejects(call(), (error) => !(error instanceof SessionExpiredError) && error.code === 'device_proof_unavailable');
    }
    assert.deepEqual(keys(), ['POST /oauth-agent/refresh', 'GET /orders', 'POST /oauth-agent/refresh', 'GET /orders']);
  });

  it('waits no longer than the page', async () => {
    const { client } = scripted({ 'GET /orders': unavailable });
    await assert.rejects(client.fetch(`${API}/orders`, { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
  });
});

describe('single flight', () => {
  it('in one page: many calls, one refresh, each call retried once', async () => {
    const { state, routes } = rotatingServer();
    const { client, keys } = scripted(routes);
    const all = await Promise.all(Array.from({ length: 8 }, () => client.fetch(`${API}/orders`)));
    assert.ok(all.every((response) => response.status === 200));
    assert.equal(state.refreshes, 1);
    assert.equal(keys().filter((key) => key === 'GET /orders').length, 16);
  });

  it('in one page: a call that began before a refresh and fails after it does not refresh again', async () => {
    const { state, routes } = rotatingServer();
    let release;
    const slow = new Promise((resolve) => { release = resolve; });
    const { client } = scripted({ ...routes, 'GET /slow': [async () => { await slow; return refusal(401, 'token_expired'); }, json(200, {})] });
    const waiting = client.fetch(`${API}/slow`);
    await client.refresh();
    release();
    assert.equal((await waiting).status, 200);
    assert.equal(state.refreshes, 1);
  });

  it('in one page: a failed refresh does not stay', async () => {
    const { client } = scripted({ 'POST /oauth-agent/refresh': [refusal(502, 'x'), json(200, { access_token_expires_in: 9 })] });
    await assert.rejects(client.refresh(), { code: 'x' });
    assert.deepEqual(await client.refresh(), { accessTokenExpiresIn: 9 });
  });

  it('among tabs: rotating refresh tokens survive, and one refresh serves all', async () => {
    const { state, routes } = rotatingServer();
    const locks = lockManager();
    const tabs = Array.from({ length: 3 }, () => scripted(routes, { tab: new FakeTab({ locks }) }).client);
    const all = await Promise.all(tabs.map((tab) => tab.fetch(`${API}/orders`)));
    assert.ok(all.every((response) => response.status === 200));
    assert.equal(state.revoked, false);
    assert.equal(state.refreshes, 1);
    assert.equal(state.sessions, 2, 'the tabs that waited ask whether there is still something to do');
  });

  it('among tabs: a tab that waited refreshes itself when the other did not succeed', async () => {
    const { state, routes } = rotatingServer();
    const locks = lockManager();
    let first = true;
    const flaky = { ...routes, 'POST /oauth-agent/refresh': async () => {
      if (!first) return routes['POST /oauth-agent/refresh']();
      first = false;
      await sleep(10);
      return refusal(502, 'authorization_server_error');
    } };
    const [one, two] = [scripted(flaky, { tab: new FakeTab({ locks }) }).client, scripted(flaky, { tab: new FakeTab({ locks }) }).client];
    const results = await Promise.allSettled([one.refresh(), two.refresh()]);
    assert.deepEqual(results.map(({ status }) => status), ['rejected', 'fulfilled']);
    assert.equal(state.revoked, false);
  });

  it('among tabs without locks the same run ends the session, so the test above can fail', async () => {
    const { state, routes } = rotatingServer();
    const tabs = Array.from({ length: 2 }, () => scripted(routes).client);
    const results = await Promise.allSettled(tabs.map((tab) => tab.fetch(`${API}/orders`)));
    assert.ok(results.some(({ reason }) => reason instanceof SessionExpiredError));
    assert.equal(state.revoked, true);
  });

  it('among tabs: a logout waits for a refresh', async () => {
    const { state, routes } = rotatingServer();
    const locks = lockManager();
    const [one, two] = [scripted(routes, { tab: new FakeTab({ locks }) }), scripted(routes, { tab: new FakeTab({ locks }) })];
    let refreshed = false;
    const refreshing = one.client.refresh().then(() => { refreshed = true; });
    await two.client.logout();
    assert.equal(refreshed, true);
    await refreshing;
    assert.equal(state.revoked, true);
  });
});
