import { errors } from 'oidc-provider';

export const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';

/**
 * Exchanges an access token of this provider for one with an audience or fewer scopes (RFC 8693), which the package
 * leaves to its users. The client must be the one that the access token was issued to.
 */
export function exchange(provider) {
  provider.registerGrantType(grantType, async (ctx) => {
    const { client, params } = ctx.oidc;
    if (params.subject_token_type !== accessToken) throw new errors.InvalidRequest('subject_token_type must be that of an access token');
    const subject = params.subject_token && await provider.AccessToken.find(params.subject_token);
    // Section 2.2.2: an invalid subject token is invalid_request.
    if (!subject || subject.isExpired || subject.clientId !== client.clientId) throw new errors.InvalidRequest('subject_token is not valid');
    const audience = params.audience ?? params.resource;
    const scope = params.scope ?? subject.scope;
    const held = new Set(subject.scope?.split(' '));
    if (scope?.split(' ').some((each) => !held.has(each))) throw new errors.InvalidScope('the subject token lacks a scope', scope);
    const { accountId, grantId, sessionUid, sid, expiresWithSession } = subject;
    const token = new provider.AccessToken({ client, accountId, grantId, sessionUid, sid, expiresWithSession, scope, gty: 'token_exchange' });
    if (audience) token.setAudience(audience);
    ctx.body = {
      access_token: await token.save(), issued_token_type: accessToken, token_type: token.tokenType, expires_in: token.expiration, scope,
    };
  }, ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope']);
}
