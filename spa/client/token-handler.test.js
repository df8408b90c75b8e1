import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { AGENT, API, FakeTab, json, PAGE, refusal, scripted } from './testing/scripted.js';
import { SessionExpiredError, TokenHandlerClient, TokenHandlerError } from './token-handler.js';

describe('every call', () => {
  it('to the agent carries the version header, credentials and a form', async () => {
    const { client, calls, keys } = scripted({
      'POST /oauth-agent/login/start': json(200, { authorization_url: 'https://login.example.com/a' }),
      'POST /oauth-agent/login/end': json(200, { is_logged_in: true }),
      'GET /oauth-agent/session': json(200, { is_logged_in: false }),
      'GET /oauth-agent/userInfo': json(200, { sub: 'u1' }),
      'GET /oauth-agent/claims': json(200, { sub: 'u1' }),
      'POST /oauth-agent/refresh': json(200, {}),
      'POST /oauth-agent/logout': json(200, {}),
    });
    await client.login({ login_hint: 'a b' });
    await client.onPageLoad('https://www.example.com/?code=c&state=s');
    await client.session();
    await client.userInfo();
    await client.claims();
    await client.refresh();
    await client.logout();
    assert.equal(keys().length, 7);
    for (const { key, request } of calls) {
      assert.equal(request.headers.get('token-handler-version'), '1', key);
      assert.equal(request.headers.get('accept'), 'application/json', key);
      assert.equal(request.credentials, 'include', key);
    }
    assert.equal(calls[0].body, 'login_hint=a+b&return_to=%2Fshop');
    assert.match(calls[0].request.headers.get('content-type'), /^application\/x-www-form-urlencoded/);
    assert.equal(calls[6].request.headers.get('content-type'), null, 'logout has no body');
  });

  it('to another origin gets neither the header nor credentials', async () => {
    const other = 'https://api.example.com.evil.example';
    const { client, calls } = scripted({
      [`GET ${other}/x`]: json(401, { code: 'token_expired' }),
      'GET https://api.example.com:8443/x': json(200, {}),
      'GET http://api.example.com/x': json(200, {}),
    });
    assert.equal((await client.fetch(`${other}/x`)).status, 401, 'passed through, not refreshed');
    await client.fetch('https://api.example.com:8443/x');
    await client.fetch('http://api.example.com/x');
    assert.equal(calls.length, 3);
    for (const { key, request, init } of calls) {
      assert.equal(request.headers.get('token-handler-version'), null, key);
      assert.notEqual(request.credentials, 'include', key);
      assert.equal(init, undefined, key);
    }
  });

  it('to a configured API keeps what the caller gave', async () => {
    const { client, calls } = scripted({ 'POST https://orders.example.com/orders': json(201, {}) },
      { apis: ['https://orders.example.com/ignored/path'] });
    await client.fetch(new URL('https://orders.example.com/orders'), {
      method: 'POST', body: '{"item":"x"}', headers: { 'content-type': 'application/json', accept: 'text/csv' },
    });
    const [{ request, body }] = calls;
    assert.equal(request.credentials, 'include');
    assert.equal(request.headers.get('token-handler-version'), '1');
    assert.equal(request.headers.get('accept'), 'text/csv');
    assert.equal(body, '{"item":"x"}');
  });

  it('takes a Request as well as a URL', async () => {
    const { client, calls } = scripted({
      'POST /orders': [refusal(401, 'token_expired'), json(201, {})],
      'POST /oauth-agent/refresh': json(200, {}),
    });
    const response = await client.fetch(new Request(`${API}/orders`, { method: 'POST', body: 'order' }));
    assert.equal(response.status, 201);
    assert.deepEqual(calls.map(({ body }) => body), ['order', '', 'order'], 'the retry sends the body again');
  });
});

describe('configuration', () => {
  for (const agent of ['http://api.example.com/a', 'javascript:alert(1)', 'http://localhost.evil.example/', '']) {
    it(`refuses the agent ${JSON.stringify(agent)}`, () => {
      assert.throws(() => new TokenHandlerClient({ agent, fetch: () => {} }), TypeError);
    });
  }
  it('accepts http on loopback names', () => {
    for (const agent of ['http://localhost:1/a', 'http://api.example.localhost:3001/a', 'http://127.0.0.1/a', 'http://[::1]/']) {
      assert.ok(new TokenHandlerClient({ agent, fetch: () => {} }), agent);
    }
  });
});

describe('onPageLoad', () => {
  const signedIn = { is_logged_in: true, id_token_claims: { sub: 'u' }, access_token_expires_in: 300 };
  const load = (query, routes) => {
    const tab = new FakeTab({ url: PAGE + query });
    return scripted({ 'GET /oauth-agent/session': json(200, { is_logged_in: false }), ...routes }, { tab });
  };

  const responses = [
    { name: 'code and state', query: '?code=c&state=s&iss=https%3A%2F%2Fi&session_state=z', cleaned: '' },
    { name: 'an error', query: '?error=login_required&error_description=d&state=s', cleaned: '' },
    { name: 'a JARM response', query: '?response=eyJ.e.s', cleaned: '' },
    { name: 'the app\'s own parameters and fragment', query: '?tab=1&code=c&state=s&q=a&q=b#top', cleaned: '?tab=1&q=a&q=b#top' },
    { name: 'repeated OAuth parameters, for the agent to refuse', query: '?code=c&code=d&state=s', cleaned: '' },
  ];
  for (const { name, query, cleaned } of responses) {
    it(`ends the login and cleans the URL: ${name}`, async () => {
      const { client, calls, replaced, keys } = load(query, { 'POST /oauth-agent/login/end': json(200, { ...signedIn, handled: true }) });
      assert.deepEqual(await client.onPageLoad(), { isLoggedIn: true, idTokenClaims: { sub: 'u' }, accessTokenExpiresIn: 300 });
      assert.deepEqual(keys(), ['POST /oauth-agent/login/end']);
      assert.deepEqual(JSON.parse(calls[0].body), { pageUrl: PAGE + query.replace(/#.*/, '') });
      assert.equal(calls[0].request.headers.get('content-type'), 'application/json');
      assert.deepEqual(replaced, [{ state: { app: 1 }, url: PAGE + cleaned }]);
    });
    it(`leaves the URL to a page that is not the redirect URI: ${name}`, async () => {
      const { client, replaced } = load(query, { 'POST /oauth-agent/login/end': json(200, { ...signedIn, handled: false }) });
      assert.equal((await client.onPageLoad()).isLoggedIn, true);
      assert.deepEqual(replaced, []);
    });
  }

  for (const query of ['', '?code=SUMMER20', '?error=1', '?response=yes&tab=1', '?state=x']) {
    it(`asks for the session: ${query || 'no query'}`, async () => {
      const { client, replaced, keys } = load(query);
      assert.deepEqual(await client.onPageLoad(), { isLoggedIn: false, idTokenClaims: undefined, accessTokenExpiresIn: undefined });
      assert.deepEqual(keys(), ['GET /oauth-agent/session']);
      assert.deepEqual(replaced, []);
    });
  }

  it('cleans the URL when the login fails, and says how it failed', async () => {
    const { client, replaced } = load('?error=access_denied&state=s', { 'POST /oauth-agent/login/end': refusal(400, 'access_denied') });
    await assert.rejects(client.onPageLoad(), (error) => {
      assert.ok(error instanceof TokenHandlerError && !(error instanceof SessionExpiredError));
      assert.deepEqual([error.status, error.code, error.details], [400, 'access_denied', 'constant']);
      return true;
    });
    assert.equal(replaced[0].url, PAGE);
  });

  for (const [name, answer] of [['the network', new TypeError('fetch failed')], ['the gateway', refusal(429, 'too_many_requests')]]) {
    it(`keeps the response for another try when ${name} fails`, async () => {
      const { client, replaced } = load('?code=c&state=s', { 'POST /oauth-agent/login/end': [answer, json(200, { ...signedIn, handled: true })] });
      await assert.rejects(client.onPageLoad());
      assert.deepEqual(replaced, []);
      assert.equal((await client.onPageLoad()).isLoggedIn, true);
      assert.equal(replaced.length, 1);
    });
  }

  it('gives one answer to calls at the same time, also of several clients', async () => {
    const { client, keys, tab, calls } = load('?code=c&state=s', {
      'POST /oauth-agent/login/end': async () => { await sleep(5); return json(200, { ...signedIn, handled: true }); },
    });
    const other = scripted({}, { tab });
    const [a, b, c] = await Promise.all([client.onPageLoad(), client.onPageLoad(), other.client.onPageLoad()]);
    assert.deepEqual([a, b, c].map(({ isLoggedIn }) => isLoggedIn), [true, true, true]);
    assert.deepEqual(keys(), ['POST /oauth-agent/login/end']);
    await client.onPageLoad();
    assert.equal(calls.length, 2, 'a later call asks again');
  });

  it('gets the session that another tab made with the same response', async () => {
    const { client, keys, replaced } = load('?code=c&state=s', {
      'POST /oauth-agent/login/end': refusal(400, 'authorization_error'), 'GET /oauth-agent/session': json(200, signedIn),
    });
    assert.equal((await client.onPageLoad()).isLoggedIn, true);
    assert.deepEqual(keys(), ['POST /oauth-agent/login/end', 'GET /oauth-agent/session']);
    assert.equal(replaced[0].url, PAGE);
  });
  for (const [query, code] of [['?code=c&state=s', 'unmet_authentication_requirements'], ['?error=access_denied&state=s', 'access_denied'],
    ['?error=x&state=s', 'authorization_error']]) {
    it(`does not hide ${code} of ${query} behind an earlier session`, async () => {
      const { client } = load(query, { 'POST /oauth-agent/login/end': refusal(400, code), 'GET /oauth-agent/session': json(200, signedIn) });
      await assert.rejects(client.onPageLoad(), { code });
    });
  }

  it('does not rewrite the URL of an application that has moved on', async () => {
    const { client, replaced, tab } = load('?code=c&state=s', {
      'POST /oauth-agent/login/end': () => { tab.location.href = `${PAGE}/7`; return json(200, { ...signedIn, handled: true }); },
    });
    await client.onPageLoad();
    assert.deepEqual(replaced, []);
  });

  it('cannot be made to rewrite the URL to another origin', async () => {
    const tab = new FakeTab({ url: 'https://www.example.com//evil.example/?code=c&state=s' });
    const { client, replaced } = scripted({ 'POST /oauth-agent/login/end': json(200, { ...signedIn, handled: true }) }, { tab });
    await client.onPageLoad();
    assert.equal(replaced[0].url, 'https://www.example.com//evil.example/');
  });

  for (const value of [undefined, null, 'true', 1, {}]) {
    it(`takes is_logged_in ${JSON.stringify(value)} for signed out`, async () => {
      const { client } = scripted({ 'GET /oauth-agent/session': json(200, { is_logged_in: value }) });
      assert.equal((await client.session()).isLoggedIn, false);
    });
  }
});

describe('login and logout', () => {
  const bad = ['javascript:alert(document.domain)', 'JavaScript:alert(1)', ' javascript:alert(1)', 'java\nscript:alert(1)',
    'data:text/html,x', 'blob:https://www.example.com/1', 'http://login.example.com/', 'http://localhost.evil.example/',
    'http://127.0.0.1.evil.example/', '//login.example.com/', '/relative', '', undefined, null, 7, {}];
  for (const url of bad) {
    it(`does not navigate to ${JSON.stringify(url)}`, async () => {
      const { client, navigations } = scripted({
        'POST /oauth-agent/login/start': json(200, { authorization_url: url }),
        'POST /oauth-agent/logout': json(200, { logout_url: url }),
      });
      await assert.rejects(client.login(), TypeError);
      if (url) await assert.rejects(client.logout(), TypeError);
      else await client.logout(); // nowhere to go: stay
      assert.deepEqual(navigations, []);
    });
  }
  for (const url of ['https://login.example.com/authorize?x=1', 'http://login.example.localhost:3002/auth?x=1',
    'http://127.0.0.1:3002/', 'http://[::1]:3002/']) {
    it(`navigates to ${url}`, async () => {
      const { client, navigations } = scripted({
        'POST /oauth-agent/login/start': json(200, { authorization_url: url }),
        'POST /oauth-agent/logout': json(200, { logout_url: url }),
      });
      await client.login();
      await client.logout();
      assert.deepEqual(navigations, [url, url]);
    });
  }
  const start = { 'POST /oauth-agent/login/start': json(200, { authorization_url: 'https://login.example.com/' }) };
  const places = [
    ['/orders/7?tab=a&tab=b#line', '/orders/7?tab=a&tab=b#line'], ['/', '/'], ['/ä b', '/%C3%A4%20b'], ['/a?b=\\c#\\', '/a?b=%5Cc#%5C'],
    ['/cb?code=c&state=s&tab=1', '/cb?tab=1'], ['/promo?code=SUMMER20', '/promo?code=SUMMER20'],
    [`/${'x'.repeat(511)}`, `/${'x'.repeat(511)}`], [`/${'x'.repeat(512)}`, null], ['//evil.example/', null],
  ];
  for (const [path, sent] of places) {
    it(`remembers ${path.slice(0, 30)} as ${sent?.slice(0, 30)}`, async () => {
      const { client, calls } = scripted(start, { tab: new FakeTab({ url: `https://www.example.com${path}` }) });
      await client.login();
      assert.equal(new URLSearchParams(calls[0].body).get('return_to'), sent);
    });
  }
  it('remembers another place on request, of the page\'s origin', async () => {
    const { client, calls } = scripted(start);
    await client.login({}, { returnTo: '/checkout?step=2' });
    await client.login({}, { returnTo: 'https://evil.example/stolen' });
    await client.login({}, { returnTo: 'javascript:alert(1)' });
    assert.deepEqual(calls.map(({ body }) => new URLSearchParams(body).get('return_to')), ['/checkout?step=2', '/stolen', 'alert(1)']);
  });

  it('asks for a redirect URI on request', async () => {
    const { client, calls } = scripted(start);
    await client.login({}, { redirectUri: '/callback' });
    assert.equal(new URLSearchParams(calls[0].body).get('redirect_uri'), new URL('/callback', PAGE).href);
  });

  const returns = [
    ['/orders/7?tab=a#line', 'https://www.example.com/orders/7?tab=a#line'], ['/', 'https://www.example.com/'],
    ['//evil.example/', PAGE], ['/\\evil.example/', PAGE], ['https://evil.example/', PAGE], ['javascript:alert(1)', PAGE],
    ['', PAGE], [undefined, PAGE], [7, PAGE], [{}, PAGE],
  ];
  for (const [place, url] of returns) {
    it(`shows ${url} after a login that began at ${JSON.stringify(place)}`, async () => {
      const { client, replaced } = scripted({
        'POST /oauth-agent/login/end': json(200, { is_logged_in: true, handled: true, return_to: place }),
      }, { tab: new FakeTab({ url: `${PAGE}?code=c&state=s` }) });
      const { returnTo } = await client.onPageLoad();
      assert.equal(replaced[0].url, url);
      assert.equal(returnTo, url === PAGE ? undefined : place);
    });
  }

  it('waits for a refresh in flight before it logs out', async () => {
    const order = [];
    const { client } = scripted({
      'POST /oauth-agent/refresh': async () => { await sleep(20); order.push('refreshed'); return json(200, {}); },
      'POST /oauth-agent/logout': () => { order.push('logout'); return json(200, {}); },
    });
    await Promise.all([client.refresh(), client.logout()]);
    assert.deepEqual(order, ['refreshed', 'logout']);
  });
});

describe('errors', () => {
  const cases = [
    ['JSON of the assistant dialect', json(400, { error_code: 'a', detailed_error: 'b' }), [400, 'a', 'b']],
    ['JSON of the classic dialect', json(400, { code: 'a', message: 'b' }), [400, 'a', 'b']],
    ['HTML', new Response('<h1>', { status: 502, statusText: 'Bad Gateway' }), [502, 'server_error', 'Bad Gateway']],
    ['codes that are no strings', json(500, { code: { a: 1 }, message: 7 }), [500, 'server_error', '']],
    ['null', json(500, null), [500, 'server_error', '']],
    ['success without JSON', new Response('<h1>', { status: 200 }), [200, 'invalid_response', 'the answer is not a JSON object']],
    ['success with a JSON string', json(200, 'x'), [200, 'invalid_response', 'the answer is not a JSON object']],
  ];
  for (const [name, answer, want] of cases) {
    it(`reads ${name}`, async () => {
      const { client } = scripted({ 'GET /oauth-agent/session': answer });
      await assert.rejects(client.session(), (error) => {
        assert.ok(error instanceof TokenHandlerError);
        assert.deepEqual([error.status, error.code, error.details], want);
        return true;
      });
    });
  }
  it('stops waiting for an agent that does not answer', async () => {
    const client = new TokenHandlerClient({
      agent: AGENT, timeout: 20, browser: new FakeTab(),
      fetch: (_, { signal }) => new Promise((_resolve, reject) => {
        const alive = setTimeout(() => {}, 5000); // AbortSignal.timeout alone does not keep node running
        signal.addEventListener('abort', () => { clearTimeout(alive); reject(signal.reason); });
      }),
    });
    await assert.rejects(client.session(), { name: 'TimeoutError' });
  });
});

it('names no storage and runs no text as code or markup', async () => {
  const files = (await readdir(new URL('..', import.meta.url), { recursive: true })).filter((file) => /(?<!\.test)\.js$/.test(file));
  assert.ok(files.length > 6, `${files}`);
  for (const file of files) {
    const source = await readFile(new URL(`../${file}`, import.meta.url), 'utf8');
    assert.doesNotMatch(source, /\.setItem|indexedDB|caches\.|document\.cookie\s*=[^=]|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, file);
  }
});
