// @ts-check
/** The agent's answers: sessions, errors, and the URLs to navigate to. */

/**
 * @typedef {object} Session
 * @property {boolean} isLoggedIn
 * @property {Record<string, unknown>} [idTokenClaims]
 * @property {number} [accessTokenExpiresIn] in seconds; absent if the token handler does not know it
 * @property {boolean} [deviceBound] whether the session is bound to this device; absent where device binding is off
 * @property {string} [returnTo] after a login: the path, query and fragment that the user was at before it
 */

/** A refusal: its HTTP status, its code (`server_error` if it has none), and details for developers. */
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

/** The session has ended. The user must sign in again. */
export class SessionExpiredError extends TokenHandlerError {}

const LOOPBACK = /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * Returns the URL if it is https, or http on a loopback name. A `javascript:` URL would run in this page, and http
 * would show the request to the network.
 * @param {unknown} value @param {string} name
 */
export function trustworthy(value, name) {
  const url = URL.canParse(String(value)) && new URL(String(value));
  if (url && (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)))) return url;
  throw new TypeError(`token handler: ${name} must be an https URL, or http on a loopback name`);
}

/** @param {Response} response @returns {Promise<Record<string, any>>} */
export async function body(response) {
  if (!response.ok) throw await failure(response);
  const value = await response.json().catch((error) => { if (!(error instanceof SyntaxError)) throw error; });
  if (value !== null && typeof value === 'object') return value;
  throw new TokenHandlerError(response.status, 'invalid_response', 'the answer is not a JSON object');
}

/** @param {Response} response */
export async function failure(response) {
  const value = await response.json().catch(() => undefined);
  const code = value?.error_code ?? value?.code;
  const details = value?.detailed_error ?? value?.message;
  return new TokenHandlerError(response.status, typeof code === 'string' ? code : 'server_error',
    typeof details === 'string' ? details : response.statusText);
}

/** @param {Record<string, any>} answer @returns {Session} */
export function toSession({ is_logged_in: yes, id_token_claims: idTokenClaims, access_token_expires_in: expiry, device_bound: deviceBound }) {
  return { isLoggedIn: yes === true, idTokenClaims, accessTokenExpiresIn: seconds(expiry), ...(typeof deviceBound === 'boolean' && { deviceBound }) };
}

/** @param {unknown} value */
export function seconds(value) { return typeof value === 'number' && value >= 0 ? value : undefined; }
