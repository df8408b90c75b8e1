import * as crypto from 'node:crypto';
import { promisify } from 'node:util';
import { errors } from 'oidc-provider';
// The package's own adapter, with room for more than the 1,000 entries (about a hundred sign-ins) of its default.
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import LRU from 'oidc-provider/lib/helpers/lru.js';
import { grantType } from './exchange.mjs';
import * as views from './views.mjs';

const generateKeyPair = promisify(crypto.generateKeyPair);
const hours = 60 * 60;

/** Fresh signing keys: nothing that a former run has signed is worth anything in this one. */
async function signingKeys() {
  const [rsa, ec] = await Promise.all([
    generateKeyPair('rsa', { modulusLength: 2048 }),
    generateKeyPair('ec', { namedCurve: 'P-256' }),
  ]);
  return {
    keys: [
      { ...rsa.privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' },
      { ...ec.privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' },
    ],
  };
}

/** The configuration of oidc-provider: strict and standard. */
export async function configuration(config) {
  const store = new LRU({ maxSize: 50_000 });
  const accounts = new Map(config.users.map((user) => [user.sub, user]));
  const resourceServers = new Set(config.resource_servers.map((client) => client.client_id));
  // Features that few clients use are off unless the configuration turns them on.
  const { require_par: requirePAR, signed_requests: signedRequests, signed_responses: signedResponses,
    signed_userinfo: signedUserinfo, backchannel_logout: backchannelLogout, resources = [], acr_values: acrValues = [] } = config.features ?? {};
  return {
    adapter: (model) => new MemoryAdapter(model, store),
    jwks: await signingKeys(),
    clients: [
      ...config.clients.map((client) => ({ grant_types: ['authorization_code', 'refresh_token', grantType], ...client })),
      // A resource server is a client that gets no tokens and may introspect those of others (RFC 7662 §2.1).
      ...config.resource_servers.map((client) => ({
        grant_types: [], response_types: [], redirect_uris: [], ...client,
      })),
    ],
    cookies: {
      keys: [crypto.randomBytes(32).toString('base64url')],
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },

    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    acrValues,
    pkce: { required: () => true }, // RFC 9700 §2.1.1; the package knows no method but S256
    allowOmittingSingleRegisteredRedirectUri: false,
    clientBasedCORS: () => false, // no token may pass through a page

    // Without offline_access a refresh token lives as long as the session at the provider (the package's
    // expiresWithSession), as a web application of the same house would get it.
    issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true, // RFC 9700 §4.14.2; a token used twice revokes the grant
    ttl: {
      AccessToken: config.access_token_ttl,
      AuthorizationCode: 60,
      Grant: 14 * 24 * hours,
      IdToken: 1 * hours,
      Interaction: 10 * 60,
      RefreshToken: 8 * hours,
      Session: 8 * hours,
    },

    claims: {
      acr: null,
      auth_time: null,
      iss: null,
      sid: null,
      openid: ['sub'],
      profile: ['name', 'family_name', 'given_name', 'preferred_username', 'locale', 'updated_at'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false, // as most providers in the field: the claims of the scopes are in the ID token, too
    findAccount: async (ctx, sub) => {
      const user = accounts.get(sub);
      return user && { accountId: sub, claims: async () => ({ ...user.claims, sub }) };
    },

    features: {
      devInteractions: { enabled: false },
      introspection: {
        enabled: true,
        allowedPolicy: async (ctx, client, token) => resourceServers.has(client.clientId) || client.clientId === token.clientId,
      },
      revocation: {
        enabled: true,
        allowedPolicy: async (ctx, client, token) => client.clientId === token.clientId,
      },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: Boolean(requirePAR) },
      // Strict: every proof of possession must have a nonce of ours (RFC 9449 section 8).
      dPoP: { enabled: true, nonceSecret: crypto.randomBytes(32), requireNonce: () => true },
      requestObjects: { enabled: Boolean(signedRequests) },
      jwtResponseModes: { enabled: Boolean(signedResponses) },
      jwtUserinfo: { enabled: Boolean(signedUserinfo) },
      backchannelLogout: { enabled: Boolean(backchannelLogout) },
      resourceIndicators: {
        enabled: resources.length > 0,
        getResourceServerInfo: async (ctx, indicator) => {
          if (!resources.includes(indicator)) throw new errors.InvalidTarget();
          return { scope: 'orders.read', accessTokenFormat: 'opaque' };
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx, form) => views.show(ctx, views.logout(ctx.oidc.client?.clientName, form)),
        postLogoutSuccessSource: async (ctx) => views.show(ctx, views.signedOut()),
      },
    },
    // The package refuses to call addresses of this machine, where all of the run is. No address comes from a request.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    renderError: async (ctx, out) => views.show(ctx, views.error(out.error, out.error_description)),
  };
}
