/** Small helpers that put values into the page. Data from the network becomes text, never markup. */

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * @param {string} tag
 * @param {{class?: string, text?: unknown}} [options]
 * @param {...Node} children
 */
export function element(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  if (options.class) node.className = options.class;
  if (options.text !== undefined) node.textContent = String(options.text);
  node.append(...children);
  return node;
}

/** Shows the parts of a state and hides the others. @param {'loading' | 'signed-out' | 'signed-in' | 'error'} state */
export function showState(state) {
  document.documentElement.dataset.state = state;
  for (const part of document.querySelectorAll('[data-when]')) {
    part.hidden = !part.dataset.when.split(' ').includes(state);
  }
}

/** Shows a status, also to screen readers. @param {string} text @param {'' | 'ok' | 'error'} [kind] */
export function say(text, kind = '') {
  const status = byId('status');
  status.className = `status ${kind}`;
  status.textContent = text;
}

/** @param {{title: string, text: string} | undefined} notice @param {boolean} [retry] */
export function showNotice(notice, retry = false) {
  byId('notice').hidden = !notice;
  byId('retry').hidden = !retry;
  byId('notice-title').textContent = notice?.title ?? '';
  byId('notice-text').textContent = notice?.text ?? '';
}

/** "4 min 05 s" @param {number} total seconds */
export function duration(total) {
  const s = Math.max(0, Math.ceil(total));
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  if (h) return `${h} h ${two(m)} min`;
  return m ? `${m} min ${two(s % 60)} s` : `${s} s`;
}

/**
 * One row of a table: one fact, from each source. On a narrow screen each cell shows its source.
 * @param {string} name @param {Record<string, unknown>} bySource
 */
export function factRow(name, bySource) {
  const header = element('th', { text: name });
  header.setAttribute('scope', 'row');
  const cells = Object.entries(bySource).map(([source, value]) => {
    const given = value !== undefined && value !== null && value !== '';
    const cell = element('td', { class: given ? '' : 'absent', text: given ? value : 'not given' });
    cell.dataset.source = source;
    return cell;
  });
  return element('tr', {}, header, ...cells);
}

/** @param {unknown} value an order as the API gave it: a string, or an object with a name of some kind */
export function orderItem(value) {
  if (value === null || typeof value !== 'object') return element('li', {}, element('strong', { text: value }));
  const { item, name, title, description, ...rest } = /** @type {Record<string, unknown>} */ (value);
  const heading = item ?? name ?? title ?? description ?? rest.id ?? 'Order';
  const more = Object.entries(rest).filter(([, v]) => v !== null && typeof v !== 'object')
    .map(([k, v]) => `${k.replaceAll('_', ' ')} ${v}`).join(' · ');
  return element('li', {}, element('strong', { text: heading }), element('span', { text: more }));
}

/**
 * The request that the upstream received: known fields first, all others unchanged.
 * @param {unknown} received
 */
export function receivedView(received) {
  if (received === null || typeof received !== 'object') return element('p', { text: received });
  const { method, path, token, ...rest } = /** @type {Record<string, any>} */ (received);
  const list = element('dl', { class: 'received' });
  const add = (/** @type {string} */ name, /** @type {Node} */ value) => list.append(element('dt', { text: name }), value);

  if (method || path) add('Request', element('dd', { class: 'mono', text: [method, path].filter(Boolean).join(' ') }));
  const headersKey = Object.keys(rest).find((key) => /header/i.test(key));
  for (const [key, value] of Object.entries(rest)) {
    if (key !== headersKey) add(label(key), element('dd', {}, tree(value, key)));
  }
  if (token !== undefined) add('Token, by introspection', element('dd', {}, tree(token, 'token')));
  if (headersKey !== undefined) {
    const names = headerNames(rest[headersKey]);
    const arrived = new Set(names.map((name) => name.toLowerCase()));
    for (const [name, title] of [['cookie', 'Session cookies'], ['token-handler-version', 'CSRF header']]) {
      const [kind, text] = arrived.has(name) ? ['bad', `arrived, in ${name}`] : ['good', `did not arrive (no ${name} header)`];
      add(title, element('dd', { class: kind, text }));
    }
    const chips = element('ul', { class: 'chips' }, ...names.map((name) => element('li', { text: name })));
    add('Header names', element('dd', {}, chips));
  }
  return list;
}

/** @param {unknown} value @returns {string[]} */
function headerNames(value) {
  if (Array.isArray(value)) return value.map(String);
  return value !== null && typeof value === 'object' ? Object.keys(value) : [String(value)];
}

/** @param {string} key */
function label(key) {
  const words = key.replaceAll('_', ' ').replace(/([a-z])([A-Z])/g, '$1 $2');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @param {unknown} value @param {string} key @param {number} [depth] @returns {Node} */
function tree(value, key, depth = 0) {
  if (value === null || typeof value !== 'object') return element('span', { class: 'mono', text: scalar(value, key) });
  if (depth > 3) return element('span', { class: 'mono', text: JSON.stringify(value) });
  const rows = Object.entries(value).map(([k, v]) => element('li', {},
    element('span', { class: 'key', text: `${k.replaceAll('_', ' ')} ` }), tree(v, k, depth + 1)));
  return element('ul', { class: 'tree' }, ...rows);
}

/** Times of RFC 7662 (seconds since 1970) also as a time of day. @param {unknown} value @param {string} key */
function scalar(value, key) {
  if (typeof value === 'number' && /^(?:exp|iat|nbf)$/.test(key)) return `${value} (${new Date(value * 1000).toLocaleTimeString()})`;
  return String(value);
}
