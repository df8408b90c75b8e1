/** The sample application: a page that uses the client module and shows its results. */
import { SessionExpiredError, TokenHandlerClient, TokenHandlerError } from './client/token-handler.js';
import { cannotSee, count, watchedFetch } from './evidence.js';
import { inWords } from './errors.js';
import { watchOrders } from './live.js';
import { byId, duration, element, factRow, orderItem, receivedView, say, showNotice, showState } from './view.js';

const { fetch, seen } = watchedFetch(() => showEvidence());

/** @type {TokenHandlerClient} */
let client;
let api = '';
/** The user, and when the access token expires. In memory only. */
let known = emptyKnowledge();

/** @type {ReturnType<typeof setTimeout> | undefined} */
let bindingCheck;
let bindingDelay = 1000; // milliseconds

function emptyKnowledge() {
  return {
    claims: /** @type {Record<string, unknown>} */ ({}),
    userInfo: /** @type {Record<string, unknown>} */ ({}),
    orders: /** @type {number | undefined} */ (undefined),
    expiresAt: /** @type {number | undefined} */ (undefined),
    lifetime: 0,
  };
}

async function start() {
  showNotice(undefined);
  say('');
  showState('loading');
  try {
    if (!client) client = await connect();
    const session = await client.onPageLoad();
    if (!session.isLoggedIn) return signedOut();
    await signedIn(session);
  } catch (error) {
    failed(error);
  }
}

/** config.json contains the address of the token handler. The server of the page generates it. */
async function connect() {
  const response = await globalThis.fetch('/config.json', { headers: { accept: 'application/json' } });
  if (!response.ok) throw new TokenHandlerError(response.status, 'config_missing');
  const config = await response.json();
  api = new URL(config.api || '/', location.href).origin;
  const made = new TokenHandlerClient({ agent: new URL(config.agentPath, api).href, apis: [api], fetch });
  made.on('refreshed', ({ accessTokenExpiresIn }) => startClock(accessTokenExpiresIn));
  // In another tab, or while this page was away.
  made.on('signedin', (session) => signedIn(session).catch(failed));
  made.on('signedout', () => signedOut());
  made.on('sessionexpired', (error) => signedOut(inWords(error)));
  return made;
}

/** @param {import('./client/token-handler.js').Session} session */
async function signedIn(session) {
  known.claims = session.idTokenClaims ?? await client.claims().catch(() => ({}));
  startClock(session.accessTokenExpiresIn);
  showBinding(session);
  let problem;
  try {
    known.userInfo = await client.userInfo();
  } catch (error) {
    if (error instanceof SessionExpiredError) throw error;
    problem = error;
  }
  showUser();
  showState('signed-in');
  showEvidence();
  if (problem) tell(problem);
  else say('You are signed in.', 'ok');
}

/** @param {import('./client/token-handler.js').Session} session */
function showBinding({ deviceBound }) {
  byId('device').hidden = deviceBound === undefined;
  byId('device').textContent = deviceBound ? 'This session is bound to this device. On another one, copies of its cookies are of no use.'
    : 'This session is not bound to this device.';
  // A browser binds the session moments after the sign-in.
  clearTimeout(bindingCheck);
  if (deviceBound !== false || bindingDelay > 16_000) return;
  bindingCheck = setTimeout(() => client.session().then(showBinding, () => {}), bindingDelay);
  bindingDelay *= 2;
}

/** Removes all data of the user from the page. @param {{title: string, text: string}} [notice] */
function signedOut(notice) {
  forget();
  showNotice(notice);
  showState('signed-out');
  say(notice ? '' : 'You are signed out.');
  if (notice) byId('welcome-title').focus({ preventScroll: true });
}

/** Shows an error before there is a session. @param {unknown} error */
function failed(error) {
  if (error instanceof SessionExpiredError) return signedOut(inWords(error));
  forget();
  say('');
  // Another try helps after a failure of the network or a server, not after a refusal.
  showNotice(inWords(error), !(error instanceof TokenHandlerError) || error.status >= 500);
  showState('error');
}

/** Shows an error while signed in. The session continues unless it has ended. @param {unknown} error */
function tell(error) {
  const words = inWords(error);
  if (error instanceof SessionExpiredError) return signedOut(words);
  say(`${words.title}. ${words.text}`, 'error');
}

function forget() {
  known = emptyKnowledge();
  closeLive();
  for (const id of ['identity', 'orders', 'received', 'visible', 'user-name', 'avatar']) byId(id).replaceChildren();
  byId('orders-empty').hidden = byId('received-empty').hidden = false;
  byId('order-form').reset();
}

function showUser() {
  const { claims, userInfo } = known;
  const name = String(userInfo.name ?? claims.name ?? userInfo.preferred_username ?? claims.preferred_username
    ?? userInfo.email ?? claims.email ?? userInfo.sub ?? claims.sub ?? 'somebody');
  byId('user-name').textContent = name;
  byId('avatar').textContent = name.split(/[\s@.]+/).slice(0, 2).map((word) => [...word][0] ?? '').join('').toUpperCase();
  byId('identity').replaceChildren(
    factRow('Name', { 'ID token': claims.name, 'User info': userInfo.name }),
    factRow('Email', { 'ID token': claims.email, 'User info': userInfo.email }),
    factRow('Subject', { 'ID token': claims.sub, 'User info': userInfo.sub }),
  );
}

function showEvidence() {
  if (document.documentElement.dataset.state !== 'signed-in') return;
  const absent = cannotSee(seen).map(({ absent, title, proof }) => element('li', { class: absent ? 'good' : 'bad' },
    element('strong', { text: title }), element('span', { class: 'mono', text: proof })));
  const names = (/** @type {object} */ object) => Object.keys(object).join(', ') || 'none';
  const sees = [
    ['Claims of the ID token', names(known.claims)],
    ['User info', names(known.userInfo)],
    ['API data', known.orders === undefined ? 'no call yet' : count(known.orders, 'order')],
    ['When the access token expires', known.expiresAt === undefined ? 'unknown' : 'yes, but not the token'],
  ].map(([title, text]) => element('li', {}, element('strong', { text: title }), element('span', { class: 'mono', text })));
  byId('visible').replaceChildren(
    element('h3', { text: 'Looked for, and not found' }), element('ul', { class: 'evidence' }, ...absent),
    element('h3', { text: 'Found' }), element('ul', { class: 'evidence sees' }, ...sees),
  );
}

/** @param {number | undefined} expiresIn seconds */
function startClock(expiresIn) {
  known.expiresAt = expiresIn === undefined ? undefined : Date.now() + expiresIn * 1000;
  known.lifetime = Math.max(known.lifetime, expiresIn ?? 0);
  tick();
}

function tick() {
  const left = known.expiresAt === undefined ? undefined : (known.expiresAt - Date.now()) / 1000;
  const expired = left !== undefined && left <= 0;
  byId('expires').textContent = left === undefined ? 'Unknown' : expired ? 'Expired' : duration(left);
  byId('expires').classList.toggle('expired', expired);
  byId('lifetime').value = left === undefined || known.lifetime === 0 ? 0 : Math.max(0, left / known.lifetime);
  byId('expires-note').textContent = left === undefined ? 'The token handler does not say when the access token expires.'
    : expired ? 'The session continues. Only the access token has expired.'
      : `until it expires, at ${new Date(/** @type {number} */ (known.expiresAt)).toLocaleTimeString()}`;
}

/** One API call: its JSON, or an error with the API's code. @param {RequestInit} [init] */
async function orders(init) {
  const response = await client.fetch(`${api}/orders`, init);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new TokenHandlerError(response.status, String(answer?.error_code ?? answer?.code ?? answer?.error ?? 'server_error'));
  }
  return answer;
}

/** @param {any} answer @returns {boolean} whether it contains a list */
function showOrders(answer) {
  if (answer?.received !== undefined) {
    byId('received').replaceChildren(receivedView(answer.received));
    byId('received-empty').hidden = true;
  }
  if (!Array.isArray(answer?.orders)) return false;
  known.orders = answer.orders.length;
  byId('orders').replaceChildren(...answer.orders.map(orderItem));
  byId('orders-empty').hidden = answer.orders.length > 0;
  byId('orders-empty').textContent = 'No orders yet.';
  showEvidence();
  return true;
}

/** Ends the stream of new orders, if there is one. */
let closeLive = () => {};

function toggleLive() {
  if (byId('live').textContent === 'Stop') return closeLive();
  const close = watchOrders(`${api}/events`, {
    refresh: () => client.refresh(),
    show: (text) => { byId('live-state').textContent = text; },
    order: (order) => byId('live-orders').prepend(orderItem(order)),
    end: (error) => { closeLive(); tell(error); },
  });
  byId('live').textContent = 'Stop';
  closeLive = () => {
    close();
    closeLive = () => {};
    byId('live').textContent = 'Watch';
    byId('live-orders').replaceChildren();
    byId('live-state').textContent = 'Not connected.';
  };
}

/**
 * Runs one work at a time for a control, which keeps its focus.
 * @param {HTMLElement} control @param {() => Promise<void>} work @param {(error: unknown) => void} [onError]
 */
async function run(control, work, onError = tell) {
  if (control.getAttribute('aria-disabled') === 'true') return;
  control.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } catch (error) {
    onError(error);
  } finally {
    control.removeAttribute('aria-disabled');
  }
}

/** @param {string} id @param {() => Promise<void>} work @param {(error: unknown) => void} [onError] */
function onClick(id, work, onError) {
  byId(id).addEventListener('click', () => run(byId(id), work, onError));
}

onClick('sign-in', () => client ? client.login() : start(), failed);
onClick('retry', start, failed);
onClick('sign-out', async () => {
  await client.logout();
  signedOut(); // visible only if the provider has no sign-out page of its own
  byId('welcome-title').focus();
});
onClick('refresh', async () => {
  await client.refresh();
  say('The access token was refreshed. This page saw neither the old one nor the new one.', 'ok');
});
onClick('load-orders', async () => {
  showOrders(await orders());
  say(`Loaded ${count(known.orders ?? 0, 'order')}.`, 'ok');
});
onClick('live', async () => toggleLive());
byId('order-form').addEventListener('submit', (/** @type {Event} */ event) => {
  event.preventDefault();
  run(byId('create-order'), async () => {
    const item = byId('order-item').value.trim();
    const quantity = byId('order-quantity').valueAsNumber;
    if (!item || !quantity) return;
    const answer = await orders({
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ item, quantity }),
    });
    byId('order-form').reset();
    if (!showOrders(answer)) showOrders({ orders: (await orders()).orders });
    say(`Ordered ${item}.`, 'ok');
  });
});

setInterval(() => { if (document.documentElement.dataset.state === 'signed-in') tick(); }, 1000);
start();
