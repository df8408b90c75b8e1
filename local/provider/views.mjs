import * as crypto from 'node:crypto';
import { readFileSync } from 'node:fs';

const style = readFileSync(new URL('style.css', import.meta.url), 'utf8');
const styleHash = crypto.createHash('sha256').update(style, 'utf8').digest('base64');

/**
 * The policy of every page. No script but the one that oidc-provider writes itself for response_mode=form_post and
 * adds to script-src by its hash. Chromium holds form-action against the redirects after a form, too, so the clients'
 * origins are in it.
 */
export function contentSecurityPolicy(formTargets) {
  return [
    "default-src 'none'", 'script-src', `style-src 'sha256-${styleHash}'`, 'img-src data:',
    ["form-action 'self'", ...formTargets].join(' '), "base-uri 'none'", "frame-ancestors 'none'",
  ].join('; ');
}

const escapes = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;',
};

/** What html`…` has made: text that is HTML already. */
class Safe {
  constructor(text) { this.text = text; }
}

function insert(value) {
  if (Array.isArray(value)) return value.map(insert).join('');
  if (value instanceof Safe) return value.text;
  return String(value ?? '').replace(/[&<>"']/g, (char) => escapes[char]);
}

/** A template that escapes whatever is inserted, for text and quoted attributes. */
const html = (strings, ...values) => new Safe(String.raw({ raw: strings }, ...values.map(insert)));

/** Sends a page, with the status that ctx has or 200. */
export function show(ctx, page) {
  const { status } = ctx;
  ctx.type = 'html';
  ctx.body = page.text;
  if (status !== 404) ctx.status = status; // Koa starts with 404, before a status is set
}

const layout = (title, body) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Safe(style)}</style>
</head>
<body>
<main>
<p class="brand">Local sign-in</p>
${body}
</main>
<footer>An OpenID Provider on your own machine, for development. Do not enter a password you use elsewhere.</footer>
</body>
</html>
`;

export const login = ({
  action, csrf, client, login: name, failed,
}) => layout('Sign in', html`
<h1>Sign in</h1>
<p class="lead">to continue to <strong>${client}</strong></p>
${failed ? html`<p class="alert" role="alert">That user name and password do not match.</p>` : ''}
<form method="post" action="${action}/login">
<input type="hidden" name="csrf" value="${csrf}">
<label for="login">User name</label>
<input id="login" name="login" value="${name}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="200" required${name ? '' : html` autofocus`}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required${name ? html` autofocus` : ''}>
<div class="actions">
<button type="submit">Sign in</button>
<button type="submit" class="quiet" formaction="${action}/cancel" formnovalidate>Cancel</button>
</div>
</form>`);

const scopeWords = new Map([
  ['openid', ['Know that it is you', 'An identifier of your account']],
  ['profile', ['See your name', 'Your name, user name and language']],
  ['email', ['See your email address', 'The address, and whether it has been verified']],
  ['offline_access', ['Keep working while you are away', 'It may renew its access without asking you again']],
]);

function scopeItem(scope) {
  const [title, detail] = scopeWords.get(scope) ?? [scope, ''];
  return html`<li><strong>${title}</strong>${detail ? html`<span>${detail}</span>` : ''}</li>\n`;
}

export const consent = ({
  action, csrf, client, scopes, user,
}) => layout('Allow access', html`
<h1>Allow access?</h1>
<p class="lead"><strong>${client}</strong> would like to:</p>
<ul class="scopes">
${scopes.length ? scopes.map(scopeItem) : html`<li><strong>Keep the access you have given before</strong></li>`}</ul>
<form method="post" action="${action}/consent">
<input type="hidden" name="csrf" value="${csrf}">
<div class="actions">
<button type="submit">Continue</button>
<button type="submit" class="quiet" formaction="${action}/cancel">Cancel</button>
</div>
</form>
<p class="note">Signed in as ${user}.</p>`);

/** form is oidc-provider's own, with its protection against cross-site requests; the buttons go into it. */
export const logout = (client, form) => layout('Sign out', html`
<h1>Sign out?</h1>
<p class="lead">${client ? html`<strong>${client}</strong> asks you to end` : 'This ends'} your session at this provider.</p>
${new Safe(form.replace('</form>', `
<div class="actions">
<button type="submit" name="logout" value="yes">Sign out</button>
<button type="submit" class="quiet">Stay signed in</button>
</div>
</form>`))}`);

export const signedOut = () => layout('Signed out', html`
<h1>You are signed out</h1>
<p class="lead">You can close this page.</p>`);

export const error = (code, description) => layout('Something went wrong', html`
<h1>Something went wrong</h1>
<p class="lead">${description ?? 'The request could not be completed.'}</p>
<p class="note"><code>${code}</code></p>`);
