/** Live evidence of the data that a script in this page can read. */

/** Signs of a token in a response: a field for one, the form of a JWT or JWE, or a bearer value. */
const TOKEN_SIGNS = [
  /"(?:access_token|refresh_token|id_token)"\s*:/,
  /\beyJ[\w-]{6,}\.[\w-]*\.[\w-]*/,
  /\bBearer\s+[\w.~+/-]{16,}/i,
];

/** @param {string} text */
export function looksLikeToken(text) { return TOKEN_SIGNS.some((sign) => sign.test(text)); }

/**
 * A fetch that searches a copy of every response: its body and the headers that a script can read.
 * @param {() => void} changed called after each response
 */
export function watchedFetch(changed) {
  const seen = { responses: 0, withToken: 0 };
  /** @type {typeof globalThis.fetch} */
  const fetch = async (input, init) => {
    const response = await globalThis.fetch(input, init);
    inspect(response.clone());
    return response;
  };
  /** @param {Response} copy */
  async function inspect(copy) {
    const headers = [...copy.headers].map((header) => header.join(': ')).join('\n');
    const body = await copy.text().catch(() => '');
    seen.responses++;
    if (looksLikeToken(headers) || looksLikeToken(body)) seen.withToken++;
    changed();
  }
  return { fetch, seen };
}

/**
 * @param {{responses: number, withToken: number}} seen
 * @returns {{absent: boolean, title: string, proof: string}[]} absent: as expected
 */
export function cannotSee(seen) {
  const cookies = document.cookie === '' ? 0 : document.cookie.split(';').length;
  const answered = /[?&#](?:code|state|response|access_token|id_token)=/.test(location.href);
  return [
    {
      absent: cookies === 0,
      title: cookies === 0 ? 'No session cookie' : 'Cookies that scripts can read',
      proof: cookies === 0 ? 'document.cookie is "" (an empty string)' : `document.cookie holds ${count(cookies, 'cookie')}`,
    },
    storage('localStorage', localStorage),
    storage('sessionStorage', sessionStorage),
    {
      absent: seen.withToken === 0,
      title: seen.withToken === 0 ? 'No token in any response' : 'A possible token in a response',
      proof: `${seen.withToken} of ${count(seen.responses, 'response')} since this page was loaded had a token field, `
        + 'a JWT or a bearer value in it',
    },
    {
      absent: !answered,
      title: answered ? 'A login response in the address bar' : 'No code or token in the address bar',
      proof: location.href,
    },
  ];
}

/** @param {string} name @param {Storage} area */
function storage(name, area) {
  const keys = Object.keys(area);
  return keys.length === 0
    ? { absent: true, title: `Nothing in ${name}`, proof: `${name} has no keys` }
    : { absent: false, title: `Something in ${name}`, proof: `${name} has ${count(keys.length, 'key')}: ${keys.join(', ')}` };
}

/** @param {number} n @param {string} noun */
export function count(n, noun) { return `${n} ${noun}${n === 1 ? '' : 's'}`; }
