import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { AGENT, API, FakeTab, json, refusal, scripted } from './testing/scripted.js';
import { TokenHandlerClient } from './token-handler.js';

const expired = { 'POST /oauth-agent/refresh': json(200, { access_token_expires_in: 300 }) };

/** What the client gives to fetch, call by call. */
function recorded(...answers) {
  const given = [];
  const client = new TokenHandlerClient({
    agent: AGENT, browser: new FakeTab(),
    fetch: async (input, init) => {
      if (String(input).startsWith(AGENT)) return json(200, {});
      given.push({ input, init });
      init.signal?.throwIfAborted();
      return answers[Math.min(given.length, answers.length) - 1];
    },
  });
  return { client, given };
}

describe('fetch gives on untouched', () => {
  const bodies = {
    'a FormData': () => { const form = new FormData(); form.set('file', new Blob(['x']), 'x.txt'); return form; },
    'a Blob': () => new Blob(['blob']),
    'an ArrayBuffer': () => new ArrayBuffer(8),
    'a string': () => 'text',
    'URLSearchParams': () => new URLSearchParams({ a: 'b' }),
  };
  for (const [name, make] of Object.entries(bodies)) {
    it(`${name}, also when the call is repeated`, async () => {
      const { client, given } = recorded(refusal(401, 'token_expired'), json(200, {}));
      const content = make();
      await client.fetch(`${API}/files`, { method: 'POST', body: content, keepalive: true, priority: 'low' });
      assert.equal(given.length, 2);
      for (const { init } of given) {
        assert.equal(init.body, content, 'the very object: the browser knows its length and shows progress');
        assert.deepEqual([init.method, init.keepalive, init.priority, init.credentials], ['POST', true, 'low', 'include']);
      }
    });
  }

  it('a stream, which is sent once', async () => {
    const { client, given } = recorded(refusal(401, 'token_expired'), json(200, {}));
    const body = new Blob(['stream']).stream();
    const response = await client.fetch(`${API}/files`, { method: 'POST', body, duplex: 'half' });
    assert.equal(response.status, 401);
    assert.equal((await response.json()).code, 'token_expired', 'the response is unread');
    assert.equal(given.length, 1);
    assert.equal(given[0].init.body, body);
    assert.equal(given[0].init.duplex, 'half');
  });

  it('the response, as a stream', async () => {
    const streamed = new Response(new Blob(['a', 'b']).stream());
    const { client } = recorded(streamed);
    assert.equal(await client.fetch(`${API}/events`), streamed);
  });

  it('a 401 of the API whose body never ends', async () => {
    const endless = new Response(new ReadableStream(), { status: 401, headers: { 'content-type': 'text/event-stream' } });
    const { client, given } = recorded(endless);
    assert.equal(await client.fetch(`${API}/events`), endless);
    assert.equal(given.length, 1);
  });

  it('the headers of a Request, and those given beside it', async () => {
    const { client, given } = recorded(json(200, {}));
    await client.fetch(new Request(`${API}/x`, { headers: { 'x-a': '1' } }));
    await client.fetch(new Request(`${API}/x`, { headers: { 'x-a': '1' } }), { headers: [['x-b', '2']] });
    assert.deepEqual(given.map(({ init }) => [...init.headers.keys()]),
      [['accept', 'token-handler-version', 'x-a'], ['accept', 'token-handler-version', 'x-b']]);
  });
});

describe('an AbortSignal', () => {
  it('goes to fetch', async () => {
    const { client, given } = recorded(json(200, {}));
    const { signal } = new AbortController();
    await client.fetch(`${API}/x`, { signal });
    assert.equal(given[0].init.signal, signal);
  });

  it('stops a call before it begins', async () => {
    const { client } = recorded(json(200, {}));
    await assert.rejects(client.fetch(`${API}/x`, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  for (const [name, call] of [['given beside the URL', (client, signal) => client.fetch(`${API}/orders`, { signal })],
    ['of a Request', (client, signal) => client.fetch(new Request(`${API}/orders`, { signal }))]]) {
    it(`${name} stops a call that waits for a refresh, but not the refresh`, async () => {
      let refreshed = false;
      const { client, keys } = scripted({
        'GET /orders': refusal(401, 'token_expired'),
        'POST /oauth-agent/refresh': async () => { await sleep(40); refreshed = true; return json(200, {}); },
      });
      const controller = new AbortController();
      const calling = call(client, controller.signal);
      await sleep(10);
      controller.abort();
      await assert.rejects(calling, { name: 'AbortError' });
      assert.equal(refreshed, false, 'at once');
      await sleep(60);
      assert.equal(refreshed, true);
      assert.deepEqual(keys(), ['GET /orders', 'POST /oauth-agent/refresh']);
    });
  }
});

it('a file of several megabytes is uploaded whole, twice if need be', async () => {
  const file = new Blob([new Uint8Array(3 << 20)]);
  const { client, calls } = scripted({ 'PUT /files': [refusal(401, 'token_expired'), json(200, {})], ...expired });
  await client.fetch(`${API}/files`, { method: 'PUT', body: file });
  assert.deepEqual(calls.filter(({ key }) => key === 'PUT /files').map(({ body }) => body.length), [3 << 20, 3 << 20]);
});
