// The trace page: a list of requests, and the way of the chosen one. All text
// is set with textContent.

const $ = (id) => document.getElementById(id);
const records = new Map(); // by id, oldest first
const keep = 200;
let chosen = null;
let paused = false;
let waiting = [];

/** Makes an element. Properties are attributes, but for text. */
function make(name, { text, ...attributes } = {}, ...children) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) e.setAttribute(key, value);
  e.append(...children.filter(Boolean));
  return e;
}

const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });
const took = (ms) => (ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`);

function matches(record) {
  const filter = document.querySelector('input[name=filter]:checked').value;
  if (filter === 'refused' && !record.refused) return false;
  if (['api', 'agent', 'preflight'].includes(filter) && record.kind !== filter) return false;
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  record.text ??= JSON.stringify(record).toLowerCase();
  return words.every((word) => record.text.includes(word));
}

function row(record) {
  const path = make('span', { class: 'path', text: record.resource || '(no method)' });
  if (record.code) path.append(make('small', { text: record.code }));
  const status = record.status ? String(record.status) : '·';
  const button = make('button', { type: 'button', 'data-id': record.id, 'aria-current': String(record.id === chosen) },
    make('span', { class: 'time', text: clock(record.time) }),
    make('span', { class: 'method', text: record.method || record.kind }),
    path,
    make('span', { class: `status ${record.refused ? 'refused' : record.kind === 'preflight' ? 'info' : ''}`, text: status }),
    make('span', { class: 'ms', text: took(record.ms) }));
  button.addEventListener('click', () => choose(record.id));
  return make('li', {}, button);
}

function showList() {
  const focused = document.activeElement?.dataset?.id;
  const shown = [...records.values()].filter(matches).reverse();
  $('list').replaceChildren(...shown.map(row));
  $('empty').hidden = shown.length > 0;
  $('empty').textContent = records.size === 0
    ? 'No request yet. Open the application and sign in: each request to the API appears here.'
    : 'No request matches.';
  if (focused) document.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

let scheduled = false;
function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; showList(); });
}

function choose(id) {
  chosen = id;
  for (const b of document.querySelectorAll('#list button')) b.setAttribute('aria-current', String(b.dataset.id === id));
  showDetail();
}

function table(rows) {
  const body = make('tbody');
  const from = rows.some((r) => r.from);
  const change = rows.some((r) => r.change);
  for (const r of rows) {
    body.append(make('tr', {},
      change && make('td', { class: `change ${r.change ?? ''}`, text: r.change ?? '' }),
      make('td', { class: 'name', text: r.name }),
      make('td', { text: r.value ?? '' }),
      from && make('td', { class: 'from', text: r.from ?? '' })));
  }
  return make('table', {}, body);
}

function station(step) {
  const rows = step.rows?.length ? table(step.rows) : null;
  return make('li', { class: step.result },
    make('div', { class: 'step' },
      make('span', { class: 'what', text: step.name }),
      make('h3', { text: step.title }),
      step.ms ? make('span', { class: 'ms', text: took(step.ms) }) : null),
    step.note ? make('p', { class: 'note', text: step.note }) : null,
    rows && (step.rows.length > 12
      ? make('details', step.name === 'mapping' ? { open: '' } : {}, make('summary', { text: `${step.rows.length} values` }), rows)
      : rows));
}

function showDetail() {
  const record = records.get(chosen);
  if (!record) return;
  const head = make('div', { class: 'head' },
    make('h2', { text: `${record.method} ${record.resource || '(no method)'}`.trim() }),
    record.status ? make('span', { class: `status ${record.refused ? 'refused' : ''}`, text: String(record.status) }) : null,
    make('span', { class: 'ms', text: took(record.ms) }),
    make('span', { class: 'grow' }));
  if (record.curl) {
    const copy = make('button', { type: 'button', id: 'copy', text: 'Copy as curl' });
    copy.addEventListener('click', copyCurl);
    head.append(copy);
  }
  const parts = [head];
  if (record.explain) {
    parts.push(make('section', { class: 'explain' },
      make('h3', { text: record.explain.title }),
      record.explain.reason ? make('p', { class: 'reason', text: record.explain.reason }) : null,
      make('p', { text: record.explain.meaning }),
      record.explain.next ? make('p', { text: record.explain.next }) : null,
      make('p', {}, make('a', { href: record.explain.link, target: '_blank', rel: 'noopener noreferrer', text: 'Documentation' }))));
  }
  parts.push(make('ol', { class: 'steps' }, ...record.steps.map(station)));
  if (record.curl) {
    parts.push(make('details', {}, make('summary', { text: 'As curl: set the variables for the values that are left out' }), make('pre', { text: record.curl })));
  }
  parts.push(make('p', { class: 'note', text: `Request ${record.id}` }));
  $('detail').replaceChildren(...parts);
}

async function copyCurl() {
  const record = records.get(chosen);
  if (!record?.curl) return;
  try {
    await navigator.clipboard.writeText(record.curl);
    toast('Copied. Values that are secret are variables.');
  } catch {
    toast('The browser does not allow copying: see "As curl" below.');
  }
}

let toastTimer;
function toast(text) {
  $('toast').textContent = text;
  $('toast').classList.add('on');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $('toast').classList.remove('on'), 2500);
}

function add(record) {
  records.delete(record.id);
  records.set(record.id, record);
  // In order of time: an annotation sends a record once more.
  if (records.size > 1) {
    const sorted = [...records.values()].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-keep);
    records.clear();
    for (const r of sorted) records.set(r.id, r);
  }
  schedule();
  if (record.id === chosen) showDetail();
}

function live(state, text) {
  $('live').dataset.state = state;
  $('live').textContent = text;
}

function connect() {
  const events = new EventSource('/events');
  events.addEventListener('open', () => live('live', 'live'));
  events.addEventListener('error', () => live('lost', 'reconnecting'));
  events.addEventListener('reset', () => { if (!paused) { records.clear(); schedule(); } });
  events.addEventListener('message', (event) => {
    const record = JSON.parse(event.data);
    if (paused) {
      waiting.push(record);
      waiting = waiting.slice(-keep);
      $('pause').textContent = `Continue (${waiting.length})`;
      return;
    }
    add(record);
  });
}

$('pause').addEventListener('click', () => {
  paused = !paused;
  $('pause').setAttribute('aria-pressed', String(paused));
  $('pause').textContent = paused ? 'Continue' : 'Pause';
  if (!paused) {
    for (const record of waiting) add(record);
    waiting = [];
  }
});

$('clear').addEventListener('click', async () => {
  await fetch('/clear', { method: 'POST' });
  records.clear();
  chosen = null;
  $('detail').replaceChildren();
  showList();
});

$('search').addEventListener('input', schedule);
$('filters').addEventListener('change', schedule);

document.addEventListener('keydown', (event) => {
  const typing = event.target === $('search');
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape' && typing) {
    $('search').value = '';
    $('search').blur();
    schedule();
  } else if (event.key === '/' && !typing) {
    event.preventDefault();
    $('search').focus();
  } else if (event.key === 'c' && !typing) {
    copyCurl();
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && event.target.type !== 'radio') {
    const buttons = [...document.querySelectorAll('#list button')];
    if (buttons.length === 0) return;
    event.preventDefault();
    const at = buttons.findIndex((b) => b.dataset.id === chosen);
    const next = buttons[Math.max(0, Math.min(buttons.length - 1, at < 0 ? 0 : at + (event.key === 'ArrowDown' ? 1 : -1)))];
    choose(next.dataset.id);
    next.focus();
    next.scrollIntoView({ block: 'nearest' });
  }
});

connect();
