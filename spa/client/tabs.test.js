import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { AGENT, API, broadcastChannels, FakeTab, json, lockManager, PAGE, refusal, rotatingServer, scripted } from './testing/scripted.js';

const user = (sub) => json(200, { is_logged_in: true, id_token_claims: { sub } });
/** Lets all work that waits for no timer finish. */
const settle = async () => { for (let n = 0; n < 100; n++) await new Promise((resolve) => setImmediate(resolve)); };

const eventually = async (condition) => {
  for (let n = 0; !condition() && n < 500; n++) await sleep(10);
  assert.ok(condition(), `${condition}`);
};

const nobody = json(200, { is_logged_in: false });

/** A browser with tabs before one server, whose session is `state.answer`. */
async function browser(answer, count = 2) {
  const state = { answer, asked: 0 };
  const locks = lockManager();
  const BroadcastChannel = broadcastChannels();
  const routes = {
    'GET /oauth-agent/session': () => { state.asked++; return state.answer; },
    'POST /oauth-agent/login/end': async () => {
      state.answer = user('u1');
      return json(200, { ...await state.answer.clone().json(), handled: true });
    },
    'POST /oauth-agent/logout': () => { state.answer = nobody; return json(200, {}); },
    'POST /oauth-agent/refresh': () => { state.answer = nobody; return refusal(401, 'session_expired'); },
    'GET /orders': refusal(401, 'token_expired'),
  };
  const tabs = Array.from({ length: count }, () => scripted(routes, { tab: new FakeTab({ locks, BroadcastChannel }) }));
  for (const { client } of tabs) await client.onPageLoad();
  return { state, tabs, BroadcastChannel };
}

describe('other tabs', () => {
  it('hear of a sign-out', async () => {
    const { tabs: [one, two], state } = await browser(user('u1'));
    await one.client.logout();
    await settle();
    assert.deepEqual([one.types(), two.types()], [['signedout'], ['signedout']]);
    assert.equal(state.asked, 3, 'the other tab asked the agent once more');
  });

  it('hear of a sign-in', async () => {
    const { tabs: [one, two] } = await browser(nobody);
    one.tab.location.href = `${PAGE}?code=c&state=s`;
    await one.client.onPageLoad();
    await settle();
    assert.deepEqual(two.types(), ['signedin']);
    assert.equal(two.events[0][1].idTokenClaims.sub, 'u1');
  });

  it('hear of another user', async () => {
    const { tabs: [one, two], state } = await browser(user('u2'));
    one.tab.location.href = `${PAGE}?code=c&state=s`;
    await one.client.onPageLoad();
    await settle();
    assert.deepEqual([two.types(), two.events[0][1].idTokenClaims.sub], [['signedin'], 'u1']);
    assert.equal(state.asked, 3);
  });

  it('hear of an expired session', async () => {
    const { tabs: [one, two] } = await browser(user('u1'));
    await assert.rejects(one.client.fetch(`${API}/orders`), { name: 'SessionExpiredError' });
    await settle();
    assert.deepEqual([one.types(), two.types()], [['sessionexpired'], ['sessionexpired']]);
    assert.equal(two.events[0][1].name, 'SessionExpiredError');
  });

  for (const message of ['signedout', 'sessionexpired', 'signedin', '', null, { type: 'signedout' }, 'x'.repeat(1e5), [user]]) {
    it(`a forged message ${JSON.stringify(message)?.slice(0, 30)} only causes a check`, async () => {
      const { tabs: [one], state, BroadcastChannel } = await browser(user('u1'), 1);
      new BroadcastChannel(`token-handler ${AGENT}/`).postMessage(message);
      await settle();
      assert.deepEqual(one.types(), []);
      assert.equal(state.asked, 2);
      assert.equal((await one.client.session()).isLoggedIn, true);
    });
  }

  it('a flood of messages causes one check at a time', async () => {
    const { tabs: [one], state, BroadcastChannel } = await browser(user('u1'), 1);
    const channel = new BroadcastChannel(`token-handler ${AGENT}/`);
    for (let n = 0; n < 1000; n++) channel.postMessage('signedout');
    await settle();
    assert.ok(state.asked <= 4, `${state.asked}`);
    assert.deepEqual(one.types(), []);
  });

  it('an agent that cannot be reached changes nothing', async () => {
    const { tabs: [one], state, BroadcastChannel } = await browser(user('u1'), 1);
    state.answer = refusal(502, 'authorization_server_error');
    new BroadcastChannel(`token-handler ${AGENT}/`).postMessage('signedout');
    await settle();
    assert.deepEqual(one.types(), []);
  });

  it('with other agents hear nothing', async () => {
    const { tabs: [one], BroadcastChannel } = await browser(user('u1'), 1);
    const other = scripted({ 'GET /admin-agent/session': user('u1') },
      { tab: new FakeTab({ BroadcastChannel }), agent: `${API}/admin-agent` });
    await other.client.onPageLoad();
    await one.client.logout();
    await settle();
    assert.deepEqual(other.types(), []);
  });
});

describe('a page that was away', () => {
  it('looks again when it comes back from the bfcache, and listens again', async () => {
    const { tabs: [one, two], state, BroadcastChannel } = await browser(user('u1'));
    two.tab.dispatchEvent(new Event('pagehide'));
    assert.equal(BroadcastChannel.open.size, 1, 'an open channel can prevent the bfcache');
    await one.client.logout();
    await settle();
    assert.deepEqual(two.types(), []);
    two.tab.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    await settle();
    assert.deepEqual(two.types(), ['signedout']);
    assert.equal(BroadcastChannel.open.size, 2);
    assert.equal(state.asked, 3);
  });

  it('looks again when it was hidden for more than a minute', async () => {
    const { tabs: [one], state } = await browser(user('u1'), 1);
    state.answer = nobody;
    const now = Date.now();
    const clock = mock.method(Date, 'now', () => now + 30_000);
    one.tab.show(true);
    one.tab.show(false);
    await settle();
    assert.deepEqual(one.types(), []);
    clock.mock.mockImplementation(() => now + 61_000);
    one.tab.show(true);
    one.tab.show(false);
    await settle();
    clock.mock.restore();
    assert.deepEqual(one.types(), ['signedout']);
  });

  it('hears nothing after close', async () => {
    const { tabs: [one, two], BroadcastChannel } = await browser(user('u1'));
    two.client.close();
    await one.client.logout();
    two.tab.restore();
    await settle();
    assert.deepEqual(two.types(), []);
    assert.equal(BroadcastChannel.open.size, 1);
  });
});

describe('refresh ahead of expiry', () => {
  // Real time: an access token of 80 ms, refreshed after half of that.
  const browserAhead = async (count, options = {}) => {
    const server = rotatingServer({ lifetime: 0.08 });
    await server.routes['POST /oauth-agent/refresh']();
    const locks = lockManager();
    const tabs = Array.from({ length: count }, () => scripted(server.routes, { tab: new FakeTab({ locks }), refreshAhead: 60, ...options }));
    return { state: server.state, tabs };
  };

  it('happens once per browser, and goes on', async () => {
    const server = rotatingServer({ lifetime: 12 });
    const locks = lockManager();
    await server.routes['POST /oauth-agent/refresh']();
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.now() });
    try {
      const routes = { ...server.routes, 'POST /oauth-agent/refresh': () => {
        server.state.refreshes++;
        server.state.expires = Date.now() + 12_000;
        return json(200, { access_token_expires_in: 12 });
      } };
      server.state.expires = Date.now() + 12_000;
      const tabs = Array.from({ length: 4 }, () => scripted(routes, { tab: new FakeTab({ locks }), refreshAhead: 4 }));
      for (const { client } of tabs) await client.onPageLoad();
      const before = server.state.refreshes;
      mock.timers.tick(7_900);
      await settle();
      assert.equal(server.state.refreshes, before, 'not yet');
      mock.timers.tick(200);
      await settle();
      assert.equal(server.state.refreshes, before + 1, 'one refresh for four tabs');
      mock.timers.tick(8_100);
      await settle();
      assert.equal(server.state.refreshes, before + 2, 'and the next');
      for (const { client } of tabs) client.close();
      mock.timers.tick(20_000);
      await settle();
      assert.equal(server.state.refreshes, before + 2, 'not after close');
    } finally {
      mock.timers.reset();
    }
  });

  it('does not keep a session alive that nobody looks at', async () => {
    const { state, tabs: [one] } = await browserAhead(1);
    one.tab.document.hidden = true;
    await one.client.onPageLoad();
    await sleep(120);
    assert.equal(state.refreshes, 1, 'the one before');
    one.tab.show(false);
    await eventually(() => state.refreshes > 1); // when it is looked at again
    one.client.close();
  });

  it('is off by default', async () => {
    const { state, tabs: [one] } = await browserAhead(1, { refreshAhead: undefined });
    await one.client.onPageLoad();
    await sleep(120);
    assert.equal(state.refreshes, 1);
  });

  it('ends with the session', async () => {
    const { state, tabs: [one] } = await browserAhead(1);
    await one.client.onPageLoad();
    state.revoked = true;
    await eventually(() => one.types().length > 0);
    await settle();
    assert.deepEqual(one.types(), ['signedout']);
    const { refreshes } = state;
    await sleep(120);
    assert.equal(state.refreshes, refreshes);
  });
});

it('a server that renders pages can make a client', () => {
  const { client } = scripted({}, { tab: { fetch } });
  client.close();
});
