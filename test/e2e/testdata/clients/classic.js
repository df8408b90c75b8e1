// The calls of a page written for Curity's open-source OAuth agent (its README): JSON, the page's URL to login/end on
// every load, the CSRF value of its response in a header, camelCase, and a refresh without a body.
const { api, agentPath } = await (await fetch('/config.json')).json();
let csrf;

async function call(method, path, body) {
  const response = await fetch(`${api}${path}`, {
    method, credentials: 'include', body: body && JSON.stringify(body),
    headers: { accept: 'application/json', 'content-type': 'application/json', ...(csrf ? { 'x-th-csrf': csrf } : {}) },
  });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.message), { status: response.status, code: answer.code });
}

const agent = (method, path, body) => call(method, `${agentPath}/${path}`, body);
const page = await agent('POST', 'login/end', { pageUrl: location.href });
if (page.handled) history.replaceState({}, document.title, '/');
csrf = page.csrf;
globalThis.test = {
  start: async () => { location.href = (await agent('POST', 'login/start', { extraParams: [{ key: 'ui_locales', value: 'en' }] })).authorizationRequestUrl; },
  orders: async () => (await call('POST', '/orders', { item: 'milk', quantity: 1 })) && 200,
  user: async () => (await agent('GET', 'claims')).name,
  refresh: async () => await agent('POST', 'refresh') === null,
  again: async () => (await agent('POST', 'login/end', { pageUrl: location.href })).isLoggedIn,
  logout: async () => (await agent('POST', 'logout')).url,
  error: () => agent('POST', 'refresh').catch((error) => `${error.constructor.name} ${error.status} ${error.code}`),
};
document.documentElement.dataset.state = page.isLoggedIn ? 'signed-in' : 'signed-out';
