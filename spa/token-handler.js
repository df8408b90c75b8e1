// @ts-check
/**
 * A client for the token handler's OAuth agent and for the APIs behind its authorizer.
 *
 * It holds no token and stores nothing: the session is in HttpOnly cookies, between the browser and the token handler.
 * It adds `credentials: 'include'` and the header `token-handler-version: 1`, which no page on an untrusted origin can
 * send (its preflight fails).
 *
 * @typedef {{isLoggedIn: boolean, idTokenClaims?: Record<string, unknown>, accessTokenExpiresIn?: number}} Session
 *   accessTokenExpiresIn is in seconds; it is absent when the token handler does not say.
 * @typedef {object} Options
 * @property {string} agent  URL of the agent, `https://api.example.com/oauth-agent`; may be relative to the page
 * @property {string[]} [apis]  origins whose calls get the session; default: the agent's origin
 * @property {number} [timeout]  milliseconds for a call to the agent; default 30 000
 * @property {typeof globalThis.fetch} [fetch]
 * @property {(url: string) => void} [navigate]  default: location.assign
 * @property {Pick<History, 'state' | 'replaceState'>} [history]
 * @property {Pick<LockManager, 'request'> | null} [locks]  default: navigator.locks; null: this page only
 */

const VERSION_HEADER = 'token-handler-version';
const LOOPBACK = /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/;

/** What an authorization response puts into the URL: RFC 6749 §4.1.2, RFC 9207, OIDC Session Management, JARM. */
const ANSWER_PARAMS = ['code', 'state', 'iss', 'session_state', 'error', 'error_description', 'error_uri', 'response'];

/** Codes that a refresh can mend. Not `insufficient_scope`: a new token would have no more scope than the old one. */
const REFRESHABLE = ['token_expired', 'unauthorized_request'];

/** An answer that is no success: its HTTP status, its code (`server_error` if it had none), details for developers. */
export class TokenHandlerError extends Error {
  /** @param {number} status @param {string} code @param {string} [details] */
  constructor(status, code, details = '') {
    super(`${code} (${status})${details && `: ${details}`}`);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** The session is over: only a new sign-in helps. */
export class SessionExpiredError extends TokenHandlerError {}

/** Events: `refreshed` (detail: {accessTokenExpiresIn}) whoever asked, and `sessionexpired` (detail: the error). */
export class TokenHandlerClient extends EventTarget {
  #agent; #apis; #fetch; #navigate; #history; #locks; #timeout; #lockName;
  /** @type {Promise<{accessTokenExpiresIn?: number}> | undefined} */ #refreshing;
  #refreshes = 0; // so that a call that began before a refresh and failed after it does not ask for another

  /** @param {Options} options */
  constructor(options) {
    super();
    const agent = trustworthy(pageUrl(options.agent), 'agent').href;
    this.#agent = agent.endsWith('/') ? agent : `${agent}/`;
    this.#apis = new Set((options.apis ?? [agent]).map((api) => trustworthy(pageUrl(api), 'apis').origin));
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#navigate = options.navigate ?? ((url) => globalThis.location.assign(url));
    this.#history = options.history ?? globalThis.history;
    this.#locks = options.locks === undefined ? globalThis.navigator?.locks : options.locks;
    this.#timeout = options.timeout ?? 30_000;
    this.#lockName = `token-handler ${this.#agent}`;
  }

  /**
   * Ends a login when the URL carries the provider's answer, and asks for the session otherwise.
   * The answer is taken out of the URL before anything else happens, whatever comes of it; the application's own
   * parameters stay. RFC 9700 §4.2.4: the code and the state must not leak through history or a Referer.
   */
  async onPageLoad(url = globalThis.location.href) {
    const page = new URL(url);
    const answer = new URLSearchParams(page.search);
    if (!isAuthorizationResponse(answer)) return this.session();
    for (const name of ANSWER_PARAMS) page.searchParams.delete(name);
    this.#history.replaceState(this.#history.state, '', page.href);
    return toSession(await this.#call('POST', 'login/end', answer));
  }

  /**
   * Leaves the page for the provider's sign-in. Extra: request parameters that the agent allows, such as `login_hint`.
   * @param {Record<string, string>} [extra]
   */
  async login(extra = {}) {
    const { authorization_url: url } = await this.#call('POST', 'login/start', new URLSearchParams(extra));
    this.#navigate(trustworthy(url, 'authorization_url').href);
  }

  /** Whether somebody is signed in, and who. */
  async session() { return toSession(await this.#call('GET', 'session')); }

  /**
   * Refreshes the access token; one call at a time, in this page and among its tabs: with rotating refresh tokens
   * a second call with the same cookie would look like theft to the provider and end the session.
   * @throws {SessionExpiredError}
   */
  refresh() {
    this.#refreshing ??= this.#exclusively((waited) => this.#refresh(waited))
      .finally(() => { this.#refreshing = undefined; });
    return this.#refreshing;
  }

  /** Ends the session and leaves for the provider's sign-out; stays on the page when the provider has none. */
  async logout() {
    // Not beside a refresh: its answer would set the cookies that this call has just cleared.
    await this.#refreshing?.catch(() => {});
    const { logout_url: url } = await this.#exclusively(() => this.#call('POST', 'logout'));
    if (url) this.#navigate(trustworthy(url, 'logout_url').href);
  }

  /** The provider's user information, fetched by the agent with the access token: refreshes as an API call does. */
  async userInfo() { return body(await this.#callApi(new Request(`${this.#agent}userInfo`))); }

  /** The payload of the ID token. No refresh: it does not expire with the access token, and there may be none. */
  claims() { return this.#call('GET', 'claims'); }

  /**
   * fetch for API calls. A call to a configured API origin carries the session; when its access token has expired it
   * is refreshed once and the call is made once more. A call to any other origin is plain fetch.
   * Errors of the API itself (`insufficient_scope` among them) are answers, as with fetch.
   * @param {RequestInfo | URL} input @param {RequestInit} [init]
   * @throws {SessionExpiredError | TokenHandlerError | TypeError}
   */
  async fetch(input, init) {
    const url = pageUrl(input instanceof Request ? input.url : input);
    if (!this.#apis.has(url.origin)) return this.#fetch(input, init);
    return this.#callApi(new Request(input instanceof Request ? input : url, init));
  }

  /** @param {Request} call */
  async #callApi(call) {
    const request = new Request(call, { credentials: 'include' });
    request.headers.set(VERSION_HEADER, '1');
    if (!request.headers.has('accept')) request.headers.set('accept', 'application/json');
    const refreshesBefore = this.#refreshes;
    const first = await this.#fetch(request.clone());
    if (!await wantsRefresh(first)) return first;

    let refused; // a refresh that failed without ending the session: the call may still succeed
    if (refreshesBefore === this.#refreshes) {
      try {
        await this.refresh();
      } catch (error) {
        if (!(error instanceof TokenHandlerError) || error instanceof SessionExpiredError) throw error;
        refused = error;
      }
    }
    const second = await this.#fetch(request);
    if (!await wantsRefresh(second)) return second;
    // A provider that is down says nothing about the session: say what failed, the next call may work.
    throw refused ?? this.#expired(await failure(second));
  }

  /** @param {boolean} waited whether another tab held the lock first: then its fresh token will do */
  async #refresh(waited) {
    const session = waited ? await this.session().catch(() => undefined) : undefined;
    let accessTokenExpiresIn = session?.isLoggedIn ? session.accessTokenExpiresIn : undefined;
    if (!accessTokenExpiresIn || accessTokenExpiresIn <= 5) {
      try {
        const answer = await this.#call('POST', 'refresh', new URLSearchParams());
        accessTokenExpiresIn = seconds(answer.access_token_expires_in);
      } catch (error) {
        throw error instanceof TokenHandlerError && error.status === 401 ? this.#expired(error) : error;
      }
    }
    this.#refreshes++;
    this.dispatchEvent(new CustomEvent('refreshed', { detail: { accessTokenExpiresIn } }));
    return { accessTokenExpiresIn };
  }

  /**
   * Runs work while no other tab of this origin runs any. All tabs share the cookies, and a response's cookies are
   * stored before its lock is released, so that the next one sends the new refresh token.
   * @template T @param {(waited: boolean) => Promise<T>} work @returns {Promise<T>}
   */
  async #exclusively(work) {
    if (!this.#locks) return work(false);
    const [name, free] = [this.#lockName, { ifAvailable: true }];
    const done = await this.#locks.request(name, free, async (lock) => lock && { value: await work(false) });
    return done ? done.value : this.#locks.request(name, () => work(true));
  }

  /** @param {string} method @param {string} path @param {URLSearchParams} [form] */
  async #call(method, path, form) {
    return body(await this.#fetch(this.#agent + path, {
      method,
      body: form,
      headers: { accept: 'application/json', [VERSION_HEADER]: '1' },
      credentials: 'include',
      redirect: 'error', // the agent never redirects; its answers say where to go
      signal: AbortSignal.timeout(this.#timeout),
    }));
  }

  /** @param {TokenHandlerError} cause */
  #expired(cause) {
    const error = new SessionExpiredError(cause.status, cause.code, cause.details);
    this.dispatchEvent(new CustomEvent('sessionexpired', { detail: error }));
    return error;
  }
}

/** @param {URLSearchParams} params */
function isAuthorizationResponse(params) {
  return params.has('state') && (params.has('code') || params.has('error'))
    || params.has('response') && [...params].length === 1;
}

/** @param {string | URL} url */
function pageUrl(url) { return new URL(url, globalThis.location?.href); }

/**
 * A `javascript:` URL would run in this page, and plain http would show the request to the network.
 * @param {unknown} value @param {string} name
 */
function trustworthy(value, name) {
  const url = URL.canParse(String(value)) && new URL(String(value));
  if (url && (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)))) return url;
  throw new TypeError(`token handler: ${name} must be an https URL, or http on a loopback name`);
}

/** @param {Response} response @returns {Promise<boolean>} */
async function wantsRefresh(response) {
  return response.status === 401 && REFRESHABLE.includes((await failure(response.clone())).code);
}

/** @param {Response} response @returns {Promise<Record<string, any>>} */
async function body(response) {
  if (!response.ok) throw await failure(response);
  const value = await response.json().catch((error) => { if (!(error instanceof SyntaxError)) throw error; });
  if (value !== null && typeof value === 'object') return value;
  throw new TokenHandlerError(response.status, 'invalid_response', 'the answer is not a JSON object');
}

/** @param {Response} response */
async function failure(response) {
  const value = await response.json().catch(() => undefined);
  const code = value?.error_code ?? value?.code;
  const details = value?.detailed_error ?? value?.message;
  return new TokenHandlerError(response.status, typeof code === 'string' ? code : 'server_error',
    typeof details === 'string' ? details : response.statusText);
}

/** @param {Record<string, any>} answer @returns {Session} */
function toSession({ is_logged_in: yes, id_token_claims: idTokenClaims, access_token_expires_in: expiry }) {
  return { isLoggedIn: yes === true, idTokenClaims, accessTokenExpiresIn: seconds(expiry) };
}

/** @param {unknown} value */
function seconds(value) { return typeof value === 'number' && value >= 0 ? value : undefined; }
