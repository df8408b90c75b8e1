// @ts-check
/**
 * A client for the token handler's OAuth agent and for the APIs behind its authorizer.
 *
 * It holds no token and stores nothing: the session is in HttpOnly cookies, between the browser and the token handler.
 * It adds `credentials: 'include'` and the header `token-handler-version: 1`, which a page on an untrusted origin cannot
 * send (its preflight fails).
 */
import { body, failure, seconds, SessionExpiredError, TokenHandlerError, toSession, trustworthy } from './answers.js';
import { mayBeResponse, placeOf, urlOf, withoutResponse } from './page.js';
import { Tabs } from './tabs.js';

export { SessionExpiredError, TokenHandlerError };

/**
 * @typedef {import('./answers.js').Session} Session
 *
 * @typedef {object} Options
 * @property {string} agent URL of the agent, `https://api.example.com/oauth-agent`; may be relative to the page
 * @property {string[]} [apis] origins whose calls get the session; default: the agent's origin
 * @property {number} [timeout] milliseconds for a call to the agent; default 30 000
 * @property {number} [refreshAhead] refresh this many seconds before the access token expires, in one tab of the browser
 *   and only while a tab is visible; default: refresh when a call needs it
 * @property {typeof globalThis.fetch} [fetch]
 * @property {typeof globalThis} [browser] for tests; default: globalThis
 *
 * @typedef {object} Events
 * @property {{accessTokenExpiresIn?: number}} refreshed this page has a new access token
 * @property {Session} signedin another user or a new session, here or in another tab
 * @property {Session} signedout the session ended by a sign-out, here or in another tab
 * @property {SessionExpiredError} sessionexpired the session ended otherwise, here or in another tab
 */

const VERSION_HEADER = 'token-handler-version';

/** Codes after which the page refreshes. Not `insufficient_scope`: a new token has the same scope as the old one. */
const REFRESHABLE = ['token_expired', 'unauthorized_request', 'device_proof_required'];

/** How long a call waits for the browser to bind the session after a login, or to prove its key, in milliseconds. */
const DEVICE_TIME = 5000;

/** Calls of onPageLoad in flight, by browser and agent. @type {WeakMap<object, Map<string, Promise<Session>>>} */
const loading = new WeakMap();

/** Its events are those of {@link Events}, as `CustomEvent`s; `on` gives their details. */
export class TokenHandlerClient extends EventTarget {
  #agent; #apis; #fetch; #browser; #timeout; #ahead; #tabs;
  /** @type {Promise<{accessTokenExpiresIn?: number}> | undefined} */ #refreshing;
  #refreshes = 0; // so that a call that began before a refresh and failed after it does not ask for another
  /** Who is signed in, '' for nobody, undefined until the page asked. @type {string | undefined} */ #user;
  #expires = 0; // of the access token, in milliseconds; 0: unknown
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {Promise<unknown>} */ #checking = Promise.resolve();
  #bindsUntil = 0; // in milliseconds: the browser may still bind the session to its device
  #waiting = false; // one check waits for the running one

  /** @param {Options} options */
  constructor({ agent, apis, timeout = 30_000, refreshAhead = 0, fetch, browser = globalThis }) {
    super();
    this.#browser = browser;
    this.#agent = trustworthy(this.#url(agent), 'agent').href.replace(/\/?$/, '/');
    this.#apis = new Set((apis ?? [this.#agent]).map((api) => trustworthy(this.#url(api), 'apis').origin));
    this.#fetch = fetch ?? ((input, init) => browser.fetch(input, init));
    this.#timeout = timeout;
    this.#ahead = refreshAhead * 1000;
    this.#tabs = new Tabs(browser, `token-handler ${this.#agent}`, (hint) => this.#check(hint));
  }

  /**
   * Ends a login if the page's URL carries the provider's response, else asks for the session. Calls at the same time
   * get one answer. After a login the URL becomes the place where the user was before it, without loading the page.
   *
   * On a page that is not the redirect URI, `code`, `state` and `response` stay: they are the page's own.
   * RFC 9700 section 4.2.4: on the redirect URI, they do not stay in the history.
   * @param {string} [url]
   * @returns {Promise<Session>}
   */
  async onPageLoad(url = this.#browser.location.href) {
    const loads = loading.get(this.#browser) ?? new Map();
    loading.set(this.#browser, loads);
    if (!loads.has(this.#agent)) {
      loads.set(this.#agent, this.#load(new URL(url)).finally(() => loads.delete(this.#agent)));
    }
    return this.#learn(await loads.get(this.#agent));
  }

  /**
   * Leaves the page for the provider's sign-in.
   * @param {Record<string, string>} [extra] request parameters that the agent allows, such as `login_hint`
   * @param {{returnTo?: string, redirectUri?: string}} [options] the path to show after the login; default: the page's.
   *   redirectUri is one that the agent allows on the page's origin; default: the first one there
   */
  async login(extra = {}, { returnTo, redirectUri } = {}) {
    const page = new URL(this.#browser.location.href);
    const place = placeOf(returnTo === undefined ? withoutResponse(page) : this.#url(returnTo));
    const form = new URLSearchParams(place ? { ...extra, return_to: place } : extra);
    if (redirectUri !== undefined) form.set('redirect_uri', this.#url(redirectUri).href);
    const { authorization_url: url } = await this.#call('POST', 'login/start', form);
    this.#browser.location.assign(trustworthy(url, 'authorization_url').href);
  }

  /** Asks whether a user is signed in, and who. */
  async session() { return this.#learn(toSession(await this.#call('GET', 'session'))); }

  /**
   * Refreshes the access token. One refresh runs at a time, in this page and among its tabs: if a rotated refresh token
   * is sent twice, the provider takes it for stolen and ends the session.
   * @throws {SessionExpiredError}
   */
  refresh() { return this.#refreshOnce(false, 0); }

  /** Ends the session and leaves for the provider's sign-out. Stays on the page if the provider has none. */
  async logout() {
    // Not beside a refresh: its answer would set the cookies that this call removes.
    await this.#refreshing?.catch(() => {});
    const { logout_url: url } = await this.#exclusively(() => this.#call('POST', 'logout'));
    this.#learn({ isLoggedIn: false });
    this.#tabs.tell('signedout');
    if (url) this.#browser.location.assign(trustworthy(url, 'logout_url').href);
  }

  /** Returns the provider's user information. The agent fetches it with the access token, so this refreshes if needed. */
  async userInfo() { return body(await this.#callApi(`${this.#agent}userInfo`)); }

  /** Returns the payload of the ID token. It does not refresh: the ID token does not expire with the access token. */
  claims() { return this.#call('GET', 'claims'); }

  /**
   * fetch for API calls. A call to a configured API origin carries the session. If its access token has expired, the
   * client refreshes it once and repeats the call once. A body that is a stream cannot be sent twice: then the refused
   * response is returned after the refresh. A call to any other origin is plain fetch.
   * Other errors of the API, such as `insufficient_scope`, are responses, as with fetch.
   * @param {RequestInfo | URL} input @param {RequestInit} [init]
   * @returns {Promise<Response>}
   * @throws {SessionExpiredError | TokenHandlerError | TypeError}
   */
  async fetch(input, init) {
    const url = this.#url(input instanceof Request ? input.url : input);
    return this.#apis.has(url.origin) ? this.#callApi(input, init) : this.#fetch(input, init);
  }

  /**
   * Calls the listener with the detail of an event. Returns a function that removes the listener.
   * @template {keyof Events} T @param {T} type @param {(detail: Events[T]) => void} listener
   */
  on(type, listener) {
    /** @type {EventListener} */
    const handle = (event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(type, handle);
    return () => this.removeEventListener(type, handle);
  }

  /** Stops listening to other tabs and refreshing ahead. */
  close() {
    this.#tabs.close();
    clearTimeout(this.#timer);
    this.#ahead = 0; // a refresh that runs plans no other
  }

  /** @param {URL} page */
  async #load(page) {
    if (!mayBeResponse(page)) return toSession(await this.#call('GET', 'session'));
    let answer;
    try {
      page.hash = '';
      answer = await this.#call('POST', 'login/end', JSON.stringify({ pageUrl: page.href }));
    } catch (error) {
      // After these the page may try again; after all others the response is used up.
      if (!(error instanceof TokenHandlerError) || [429, 503, 504].includes(error.status)) throw error;
      this.#show(page);
      // Another tab may have sent the same response.
      if (!['invalid_request', 'authorization_error'].includes(error.code) || !page.searchParams.has('code')) throw error;
      const session = await this.#call('GET', 'session').then(toSession, () => undefined);
      if (!session?.isLoggedIn) throw error;
      return session;
    }
    const session = toSession(answer);
    if (answer.handled === true) {
      const place = urlOf(answer.return_to, page);
      if (place) session.returnTo = placeOf(place);
      this.#show(page, place);
      this.#tabs.tell('signedin');
      if (session.deviceBound === false) this.#bindsUntil = Date.now() + DEVICE_TIME;
    }
    return session;
  }

  /** Shows a place in the address bar, unless the application has moved on. @param {URL} page @param {URL} [place] */
  #show(page, place) {
    const { history, location } = this.#browser;
    const here = new URL(location.href);
    if (here.search !== page.search) return;
    history.replaceState(place ? null : history.state, '', (place ?? withoutResponse(here)).href);
  }

  /**
   * Remembers a session and tells the page if it is another one than before.
   * @param {Session} session @param {unknown} [hint]
   */
  #learn(session, hint) {
    const before = this.#user;
    this.#user = session.isLoggedIn ? `user ${session.idTokenClaims?.sub}` : '';
    this.#tabs.looked = Date.now();
    this.#plan(session.isLoggedIn ? session.accessTokenExpiresIn : undefined);
    if (before === undefined || before === this.#user) return session;
    if (session.isLoggedIn) this.#dispatch('signedin', session);
    else if (hint === 'sessionexpired') this.#dispatch(hint, new SessionExpiredError(401, 'session_expired'));
    else this.#dispatch('signedout', session);
    return session;
  }

  /** Asks for the session once more, after the check that runs. @param {unknown} [hint] */
  #check(hint) {
    if (this.#user === undefined || this.#waiting) return; // the page has not asked yet, or the check to come will do
    this.#waiting = true;
    this.#checking = this.#checking.then(async () => {
      this.#waiting = false;
      this.#learn(toSession(await this.#call('GET', 'session')), hint);
    }).catch(() => {}); // the next call of the page tells
  }

  /** @param {number | undefined} expiresIn seconds */
  #plan(expiresIn) {
    clearTimeout(this.#timer);
    this.#expires = expiresIn === undefined ? 0 : Date.now() + expiresIn * 1000;
    if (!this.#ahead || expiresIn === undefined) return;
    const left = expiresIn * 1000;
    this.#timer = setTimeout(() => {
      if (this.#browser.document?.hidden) this.#tabs.looked = 0; // look again once somebody looks at the page
      else this.#refreshOnce(true, this.#expires).catch(() => {}); // the next call of the page tells
    }, Math.min(Math.max(left - this.#ahead, left / 2), 2 ** 31 - 1));
  }

  /** @param {boolean} look @param {number} known */
  #refreshOnce(look, known) {
    this.#refreshing ??= this.#exclusively((waited) => this.#refresh(waited || look, known))
      .finally(() => { this.#refreshing = undefined; });
    return this.#refreshing;
  }

  /**
   * @param {boolean} look whether another tab may have refreshed: then its fresh token will do
   * @param {number} known when the token to replace expires, in milliseconds
   */
  async #refresh(look, known) {
    const session = look ? await this.session().catch(() => undefined) : undefined;
    let accessTokenExpiresIn = session?.isLoggedIn ? session.accessTokenExpiresIn : undefined;
    if (!accessTokenExpiresIn || Date.now() + accessTokenExpiresIn * 1000 <= Math.max(Date.now() + 5000, known + 2000)) {
      try {
        const answer = await this.#call('POST', 'refresh', new URLSearchParams());
        accessTokenExpiresIn = seconds(answer.access_token_expires_in);
      } catch (error) {
        const ended = error instanceof TokenHandlerError && error.status === 401 && error.code !== 'device_proof_unavailable';
        throw ended ? this.#expired(error) : error;
      }
    }
    this.#refreshes++;
    this.#plan(accessTokenExpiresIn);
    this.#dispatch('refreshed', { accessTokenExpiresIn });
    return { accessTokenExpiresIn };
  }

  /**
   * Runs work while no other tab of this origin runs any. All tabs share the cookies, and the browser stores a
   * response's cookies before the lock is released, so that the next tab sends the new refresh token.
   * @template T @param {(waited: boolean) => Promise<T>} work @returns {Promise<T>}
   */
  async #exclusively(work) {
    const locks = this.#browser.navigator?.locks;
    if (!locks) return work(false);
    const name = `token-handler ${this.#agent}`;
    const done = await locks.request(name, { ifAvailable: true }, async (lock) => lock && { value: await work(false) });
    return done ? done.value : locks.request(name, () => work(true));
  }

  /** @param {RequestInfo | URL} input @param {RequestInit} [init] */
  async #callApi(input, init) {
    const request = input instanceof Request ? input : undefined;
    const headers = new Headers(init?.headers ?? request?.headers);
    headers.set(VERSION_HEADER, '1');
    if (!headers.has('accept')) headers.set('accept', 'application/json');
    /** @type {RequestInit} */
    const options = { ...init, headers, credentials: 'include' };
    const signal = init?.signal ?? request?.signal;
    const call = () => this.#fetch(request ? request.clone() : input, options); // a call uses the body up
    const refreshesBefore = this.#refreshes;
    const provesUntil = Date.now() + DEVICE_TIME;
    let first = await call();
    let pause = 300;
    while (!(init?.body instanceof ReadableStream) && await this.#waitsForDevice(first, provesUntil)) {
      await orAborted(new Promise((resolve) => { setTimeout(resolve, pause); }), signal);
      pause *= 1.5; // a browser that cannot prove its key pauses, too
      first = await call();
    }
    if (!await wantsRefresh(first)) return first;

    let refused; // a refresh that failed without ending the session: the call may still succeed
    if (refreshesBefore === this.#refreshes) {
      try {
        await orAborted(this.refresh(), signal);
      } catch (error) {
        if (!(error instanceof TokenHandlerError) || error instanceof SessionExpiredError) throw error;
        refused = error;
      }
    }
    if (init?.body instanceof ReadableStream) return first;
    const second = await call();
    if (!await wantsRefresh(second)) return second;
    // The session may still live if the provider was down: throw that error, the next call may succeed.
    throw refused ?? this.#expired(await failure(second));
  }

  /**
   * A browser binds the session to its device at its own pace, moments after the login. It renews its proof before a
   * call, and tries again with the next call if the token handler fails.
   * @param {Response} response @param {number} provesUntil
   */
  async #waitsForDevice(response, provesUntil) {
    const code = await codeOf(response);
    return (code === 'device_binding_required' && Date.now() < this.#bindsUntil)
      || (code === 'device_proof_unavailable' && Date.now() < provesUntil);
  }

  /** @param {string} method @param {string} path @param {URLSearchParams | string} [content] a form, or JSON */
  async #call(method, path, content) {
    return body(await this.#fetch(this.#agent + path, {
      method,
      body: content,
      headers: {
        accept: 'application/json', [VERSION_HEADER]: '1',
        ...(typeof content === 'string' ? { 'content-type': 'application/json' } : {}),
      },
      credentials: 'include',
      redirect: 'error', // the agent never redirects; its answers say where to go
      signal: AbortSignal.timeout(this.#timeout),
    }));
  }

  /** @param {TokenHandlerError} cause */
  #expired(cause) {
    const error = new SessionExpiredError(cause.status, cause.code, cause.details);
    const known = this.#user === '';
    this.#user = '';
    this.#plan(undefined);
    this.#tabs.tell('sessionexpired');
    if (!known) this.#dispatch('sessionexpired', error);
    return error;
  }

  /** @template {keyof Events} T @param {T} type @param {Events[T]} detail */
  #dispatch(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  /** @param {string | URL} url */
  #url(url) { return new URL(url, this.#browser.location?.href); }
}

/** Refusals are small JSON bodies; other bodies stay unread. @param {Response} response @returns {Promise<boolean>} */
async function wantsRefresh(response) { return REFRESHABLE.includes(await codeOf(response)); }

/** The code of a refusal, or ''. @param {Response} response @returns {Promise<string>} */
async function codeOf(response) {
  return response.status === 401 && response.headers.get('content-type')?.startsWith('application/json')
    ? (await failure(response.clone())).code : '';
}

/** @template T @param {Promise<T>} work @param {AbortSignal | null} [signal] @returns {Promise<T>} */
function orAborted(work, signal) {
  if (!signal) return work;
  return Promise.race([work, new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  })]);
}
