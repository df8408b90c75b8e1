/** Shared by the client's tests: a scripted server, a provider that rotates, and as much of a browser as the client uses. */
import { setTimeout as sleep } from 'node:timers/promises';

import { TokenHandlerClient } from '../token-handler.js';

export const API = 'https://api.example.com';
export const AGENT = `${API}/oauth-agent`;
export const PAGE = 'https://www.example.com/shop';

/** A response of the agent or the authorizer. */
export const json = (status, value) => new Response(JSON.stringify(value), {
  status, headers: { 'content-type': 'application/json' },
});
export const refusal = (status, code) => json(status, { code, error_code: code, message: 'constant' });

/** A tab of a browser. What tabs share, locks and channels, are parameters. */
export class FakeTab extends EventTarget {
  navigations = [];
  replaced = [];
  document = Object.assign(new EventTarget(), { hidden: false });

  constructor({ url = PAGE, locks, BroadcastChannel } = {}) {
    super();
    const tab = this;
    this.location = { href: url, assign: (to) => tab.navigations.push(to) };
    this.history = {
      state: { app: 1 },
      replaceState(state, _, to) {
        if (new URL(to).origin !== new URL(tab.location.href).origin) throw new Error('SecurityError');
        tab.replaced.push({ state, url: to });
        tab.location.href = to;
      },
    };
    this.navigator = { locks };
    this.BroadcastChannel = BroadcastChannel;
  }

  show(hidden) {
    this.document.hidden = hidden;
    this.document.dispatchEvent(new Event('visibilitychange'));
  }

  restore() {
    this.dispatchEvent(new Event('pagehide'));
    this.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  }
}

/**
 * A client before a scripted server: routes maps "METHOD /path" to a response, a list of responses (one per call; the
 * last repeats) or a function of the request. A call that is not scripted fails the test.
 */
export function scripted(routes, { tab = new FakeTab(), ...options } = {}) {
  const calls = [];
  const counts = new Map();
  const fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const key = `${request.method} ${url.origin === API ? '' : url.origin}${url.pathname}`;
    const call = { key, request, input, init, body: await request.clone().text() };
    calls.push(call);
    const n = counts.get(key) ?? 0;
    counts.set(key, n + 1);
    let answer = routes[key];
    if (Array.isArray(answer)) answer = answer[Math.min(n, answer.length - 1)];
    if (typeof answer === 'function') answer = await answer(call);
    if (answer instanceof Error) throw answer;
    if (answer === undefined) throw new Error(`not scripted: ${key}`);
    return answer.clone();
  };
  const client = new TokenHandlerClient({ agent: AGENT, fetch, browser: tab, ...options });
  const events = [];
  for (const type of ['refreshed', 'signedin', 'signedout', 'sessionexpired']) client.on(type, (detail) => events.push([type, detail]));
  return {
    client, calls, tab, events, keys: () => calls.map((call) => call.key), types: () => events.map(([type]) => type),
    navigations: tab.navigations, replaced: tab.replaced,
  };
}

/** A provider with rotating refresh tokens: the second use of one ends the session, as RFC 9700 section 4.14.2 asks. */
export function rotatingServer({ lifetime = 300 } = {}) {
  const state = { token: 1, valid: false, used: new Set(), revoked: false, refreshes: 0, sessions: 0, expires: 0 };
  const refresh = async () => {
    const sent = state.token; // the cookie at the time of the request
    state.refreshes++;
    await sleep(10);
    if (state.used.has(sent) || state.revoked) {
      state.revoked = true;
      return refusal(401, 'session_expired');
    }
    state.used.add(sent);
    await sleep(10);
    state.token = sent + 1; // Set-Cookie
    state.valid = true;
    state.expires = Date.now() + lifetime * 1000;
    return json(200, { access_token_expires_in: lifetime });
  };
  return {
    state,
    routes: {
      'POST /oauth-agent/refresh': refresh,
      'GET /oauth-agent/session': () => {
        state.sessions++;
        const left = Math.max(0, (state.expires - Date.now()) / 1000);
        return json(200, state.revoked ? { is_logged_in: false }
          : { is_logged_in: true, id_token_claims: { sub: 'u1' }, access_token_expires_in: state.valid ? left : 0 });
      },
      'GET /orders': () => (state.valid && !state.revoked ? json(200, {}) : refusal(401, 'token_expired')),
      'POST /oauth-agent/logout': () => { state.revoked = true; return json(200, {}); },
    },
  };
}

/** Web Locks, as far as the client uses them: exclusive, by name, first come first served. */
export function lockManager() {
  const tails = new Map();
  const held = new Set();
  return {
    async request(name, optionsOrWork, maybeWork) {
      const work = maybeWork ?? optionsOrWork;
      if (maybeWork && optionsOrWork.ifAvailable && held.has(name)) return work(null);
      const before = tails.get(name) ?? Promise.resolve();
      held.add(name);
      const result = before.then(() => work({ name }));
      const tail = result.catch(() => {}).then(() => { if (tails.get(name) === tail) held.delete(name); });
      tails.set(name, tail);
      return result;
    },
  };
}

/** The BroadcastChannel of one browser: a message reaches all open channels of the name but its own. */
export function broadcastChannels() {
  const open = new Set();
  return class FakeChannel {
    static open = open;
    constructor(name) {
      this.name = name;
      open.add(this);
    }

    postMessage(data) {
      for (const other of open) {
        if (other !== this && other.name === this.name) queueMicrotask(() => open.has(other) && other.onmessage?.({ data }));
      }
    }

    close() { open.delete(this); }
  };
}
