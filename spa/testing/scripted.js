/** What the client's tests share: a scripted server, a provider that rotates, and Web Locks. */
import { setTimeout as sleep } from 'node:timers/promises';

import { TokenHandlerClient } from '../token-handler.js';

export const API = 'https://api.example.com';
export const AGENT = `${API}/oauth-agent`;

/** An answer of the agent or the authorizer. */
export const json = (status, value) => new Response(JSON.stringify(value), {
  status, headers: { 'content-type': 'application/json' },
});
export const refusal = (status, code) => json(status, { code, error_code: code, message: 'constant' });

/**
 * A client before a scripted server: routes maps "METHOD /path" to an answer, a list of answers (one per call; the
 * last repeats) or a function of the request. A call that is not scripted fails the test.
 */
export function scripted(routes, options = {}) {
  const calls = [];
  const counts = new Map();
  const navigations = [];
  const replaced = [];
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
  const client = new TokenHandlerClient({
    agent: AGENT,
    fetch,
    locks: null,
    navigate: (url) => navigations.push(url),
    history: { state: { app: 1 }, replaceState: (state, _, url) => replaced.push({ state, url, before: calls.length }) },
    ...options,
  });
  return { client, calls, navigations, replaced, keys: () => calls.map((call) => call.key) };
}

/** A provider with rotating refresh tokens: the second use of one ends the session, as RFC 9700 section 4.14.2 asks. */
export function rotatingServer() {
  const state = { token: 1, valid: false, used: new Set(), revoked: false, refreshes: 0, sessions: 0 };
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
    return json(200, { access_token_expires_in: 300 });
  };
  return {
    state,
    routes: {
      'POST /oauth-agent/refresh': refresh,
      'GET /oauth-agent/session': () => {
        state.sessions++;
        return json(200, { is_logged_in: !state.revoked, access_token_expires_in: state.valid ? 300 : 0 });
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
