// @ts-check
/** The page's URL: the provider's response in it, and the place to return to after a login. */

/** Parameters of an authorization response: RFC 6749 section 4.1.2, RFC 9207, OIDC Session Management, JARM. */
const RESPONSE = ['code', 'state', 'iss', 'session_state', 'error', 'error_description', 'error_uri', 'response'];

/** Whether the query may be an authorization response. The agent knows: it knows the redirect URI. @param {URL} page */
export function mayBeResponse({ searchParams: query }) {
  return query.has('state') && (query.has('code') || query.has('error')) || query.has('response') && [...query].length === 1;
}

/** The page without an authorization response. @param {URL} page */
export function withoutResponse(page) {
  const url = new URL(page);
  if (mayBeResponse(page)) for (const name of RESPONSE) url.searchParams.delete(name);
  return url;
}

/** The agent keeps at most this many bytes of a place. */
const MAX_PLACE = 512;

/** A URL's path, query and fragment, or '' if the agent would not take them. @param {URL} url */
export function placeOf({ pathname, search, hash }) {
  const place = (pathname + search + hash).replaceAll('\\', '%5C');
  return place.length <= MAX_PLACE && !place.startsWith('//') ? place : '';
}

/** The URL of a place, or undefined if it is not of the page's origin. @param {unknown} place @param {URL} page */
export function urlOf(place, page) {
  const url = typeof place === 'string' && place.startsWith('/') && URL.canParse(place, page.origin) && new URL(place, page.origin);
  return url && url.origin === page.origin ? url : undefined;
}
