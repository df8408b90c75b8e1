// The documented calls of @curity/token-handler-js-assistant (README of version 1.2), written from their description:
// forms, the header token-handler-version on every request, a JSON object in every response, and errors that are JSON
// only if their content type is exactly application/json.
const { api, agentPath } = await (await fetch('/config.json')).json();
const base = `${api}${agentPath}/`;

class RemoteError extends Error {
  constructor(status, code, details) {
    super(`${status}: ${code}`);
    Object.assign(this, { status, code, details });
  }
}

async function call(method, path, parameters) {
  const response = await fetch(base + path, {
    method, mode: 'cors', credentials: 'include',
    headers: { accept: 'application/json', 'token-handler-version': '1' },
    body: parameters && new URLSearchParams(parameters),
  });
  if (response.ok) return response.json(); // an empty body would throw
  if (response.headers.get('content-type') !== 'application/json') throw new RemoteError(response.status, 'server_error', response.statusText);
  const { error_code: code, detailed_error: details } = await response.json();
  throw new RemoteError(response.status, code, details);
}

const session = (answer) => ({
  isLoggedIn: answer.is_logged_in, idTokenClaims: answer.id_token_claims, accessTokenExpiresIn: answer.access_token_expires_in,
});

const client = {
  startLogin: async (options) => ({ authorizationUrl: (await call('POST', 'login/start', options?.extraAuthorizationParameters ?? {})).authorization_url }),
  endLogin: async ({ searchParams }) => session(await call('POST', 'login/end', searchParams)),
  session: async () => session(await call('GET', 'session')),
  refresh: async (options) => ({ accessTokenExpiresIn: (await call('POST', 'refresh', options?.extraRefreshParameters ?? {})).access_token_expires_in }),
  logout: async () => ({ logoutUrl: (await call('POST', 'logout')).logout_url }),
  async onPageLoad(url) {
    const { searchParams } = new URL(url);
    const response = searchParams.has('state') && (searchParams.has('code') || searchParams.has('error'))
      || searchParams.has('response') && [...searchParams].length === 1;
    return response ? this.endLogin({ searchParams }) : this.session();
  },
};

const page = await client.onPageLoad(location.href);
history.replaceState({}, '', '/');
globalThis.test = {
  start: async () => { location.href = (await client.startLogin({ extraAuthorizationParameters: { prompt: 'login', ui_locales: 'en' } })).authorizationUrl; },
  orders: async () => (await fetch(`${api}/orders`, { credentials: 'include', headers: { accept: 'application/json', 'token-handler-version': '1' } })).status,
  user: async () => (await client.session()).idTokenClaims?.name,
  refresh: async () => (await client.refresh()).accessTokenExpiresIn > 0,
  again: async () => (await client.session()).isLoggedIn,
  logout: async () => (await client.logout()).logoutUrl,
  error: () => client.refresh().catch((error) => `${error.constructor.name} ${error.status} ${error.code}`),
};
document.documentElement.dataset.state = page.isLoggedIn ? 'signed-in' : 'signed-out';
