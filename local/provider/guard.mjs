import { contentSecurityPolicy } from './views.mjs';

/** The origins a form may lead to: the provider's own and those that its clients have registered. */
function formTargets(config) {
  const uris = config.clients.flatMap((c) => [...c.redirect_uris, ...(c.post_logout_redirect_uris ?? [])]);
  return [...new Set(uris.map((uri) => new URL(uri).origin))];
}

/**
 * Middleware in front of everything: who may be asked, and the headers every answer carries.
 */
export function guard(config) {
  const policy = contentSecurityPolicy(formTargets(config));
  const { host } = new URL(config.issuer);
  const hosts = new Set([host, ...['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${config.port}`), ...config.hosts]);
  return async (ctx, next) => {
    if (!hosts.has(ctx.get('host'))) { // DNS rebinding: another name that leads to loopback
      ctx.status = 421;
      ctx.body = 'unknown host';
      return;
    }
    // The package writes its addresses for the host it was asked on. There is one issuer: also what is asked on
    // 127.0.0.1, behind the browser's back, answers with the issuer's addresses.
    // Not so where there is a DPoP proof: it names the address that was called (RFC 9449 section 4.3, check 9).
    if (!ctx.get('dpop')) ctx.req.headers.host = host;
    ctx.set({
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      // The address holds the interaction's id. Not no-referrer: it would turn the Origin of our own forms into null.
      'Referrer-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
    });
    await next();
  };
}
