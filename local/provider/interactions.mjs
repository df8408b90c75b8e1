import * as crypto from 'node:crypto';
import { errors } from 'oidc-provider';
import * as views from './views.mjs';

const maxForm = 8 << 10;

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** A keyed digest: comparing digests takes the same time whatever the values and their lengths. */
const key = crypto.randomBytes(32);
const digest = (text) => crypto.createHmac('sha256', key).update(text, 'utf8').digest();
const same = (a, b) => crypto.timingSafeEqual(digest(a), digest(b));

/** The value every form of an interaction carries. It is good for this prompt of this interaction alone. */
const csrfToken = (uid, prompt) => digest(JSON.stringify(['csrf', uid, prompt])).toString('base64url');

async function readForm(ctx) {
  if (!ctx.is('application/x-www-form-urlencoded')) throw new Refused(415, 'Expected a form.');
  const chunks = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    size += chunk.length;
    if (size > maxForm) throw new Refused(413, 'The form is too large.');
    chunks.push(chunk);
  }
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
  if (new Set(form.keys()).size !== [...form.keys()].length) throw new Refused(400, 'A field of the form is repeated.');
  return form;
}

/** The user with this login and password. It looks at every user, so that an unknown login takes as long as a known one. */
function findUser(users, login, password) {
  let found;
  for (const user of users) {
    const matches = same(user.login, login) & same(user.password, password);
    if (matches) found = user;
  }
  return found;
}

/** The grant of what the application asked for and does not have yet, added to what it has. */
async function consent(provider, { grantId, session, params, prompt: { details } }) {
  const grant = (grantId && await provider.Grant.find(grantId))
    || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '));
  if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
  for (const [indicator, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
    grant.addResourceScope(indicator, scopes.join(' '));
  }
  return { consent: { grantId: await grant.save() } };
}

/**
 * Middleware with the provider's pages: /interaction/:uid shows the login or the consent page, and the forms on them
 * are sent to /interaction/:uid/login, …/consent and …/cancel.
 */
export function interactions(provider, config) {
  const { origin } = new URL(config.issuer);

  async function render(ctx, details, failed) {
    const client = await provider.Client.find(details.params.client_id);
    const page = {
      action: `/interaction/${details.uid}`,
      csrf: csrfToken(details.uid, details.prompt.name),
      client: client.clientName ?? client.clientId,
    };
    if (details.prompt.name === 'login') {
      views.show(ctx, views.login({ ...page, ...failed, login: failed?.login ?? details.params.login_hint ?? '' }));
    } else if (details.prompt.name === 'consent') {
      const user = config.users.find(({ sub }) => sub === details.session.accountId);
      const scopes = details.prompt.details.missingOIDCScope ?? [];
      views.show(ctx, views.consent({ ...page, scopes, user: user?.claims?.name ?? user?.login }));
    } else {
      throw new Refused(501, 'This provider has no page for what the application asked for.');
    }
  }

  async function submit(ctx, details, step) {
    // A cookie alone does not tell our own form from one on a sibling site: SameSite counts it as the same site.
    const from = ctx.get('origin');
    const site = ctx.get('sec-fetch-site');
    if ((from && from !== origin) || (site && site !== 'same-origin')) throw new Refused(403, 'The form came from another site.');
    const form = await readForm(ctx);
    const { prompt, uid } = details;
    if (!same(form.get('csrf') ?? '', csrfToken(uid, prompt.name))) throw new Refused(403, 'The form is not this provider’s, or no longer valid.');

    let result;
    let mergeWithLastSubmission = false;
    if (step === 'cancel') {
      result = { error: 'access_denied', error_description: 'End-User aborted interaction' };
    } else if (step !== prompt.name) {
      throw new Refused(400, 'The form is not the one that was expected.');
    } else if (step === 'login') {
      const login = form.get('login') ?? '';
      const user = findUser(config.users, login, form.get('password') ?? '');
      if (!user) {
        ctx.status = 403;
        await render(ctx, details, { login, failed: true });
        return;
      }
      result = { login: { accountId: user.sub, amr: ['pwd'], remember: false } };
    } else {
      result = await consent(provider, details);
      mergeWithLastSubmission = true;
    }
    const returnTo = await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission });
    ctx.redirect(returnTo);
    ctx.status = 303;
  }

  return async (ctx, next) => {
    const match = /^\/interaction\/([A-Za-z0-9_-]{1,64})(?:\/(login|consent|cancel))?$/.exec(ctx.path);
    if (!match) {
      await next();
      return;
    }
    const [, uid, step] = match;
    ctx.set('Cache-Control', 'no-store');
    try {
      if (ctx.method !== (step ? 'POST' : 'GET')) throw new Refused(405, 'Expected another method.');
      const details = await provider.interactionDetails(ctx.req, ctx.res);
      if (details.uid !== uid) throw new Refused(400, 'The page belongs to another sign-in.');
      await (step ? submit(ctx, details, step) : render(ctx, details));
    } catch (error) {
      if (error instanceof errors.SessionNotFound) {
        ctx.status = 400;
        views.show(ctx, views.error('session_not_found', 'This sign-in has ended. Go back to the application and start again.'));
      } else if (error instanceof Refused) {
        ctx.status = error.status;
        views.show(ctx, views.error('invalid_request', error.message));
      } else {
        throw error;
      }
    }
  };
}
