package oauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/dpop"
)

// proofHeader is DPoP as RFC 9449 spells it; the index keeps net/http from
// writing it Dpop.
const (
	proofHeader = "DPoP"
	nonceHeader = "DPoP-Nonce"

	invalidProof = "invalid_dpop_proof"
	useNonce     = "use_dpop_nonce"
)

// tokenType is the type that tokens must have. RFC 9449 section 5: "If the
// authorization server returns […] token_type […] Bearer", a client "MUST
// discard the response" where it relies on the binding.
func tokenType(key *dpop.Key) string {
	if key != nil {
		return "DPoP"
	}
	return "Bearer"
}

// newKey makes the key of a session, nil where tokens are not bound.
func (c *Client) newKey() (*dpop.Key, error) {
	if !c.config.DPoP {
		return nil, nil
	}
	key, err := dpop.NewKey()
	if err != nil {
		return nil, &Error{Unavailable, "no key could be made for the session"}
	}
	return key, nil
}

// keyOf returns the key and the token for a refresh. RFC 9449 section 5: refresh
// tokens of confidential clients are not bound to the key, so that a session
// from before DPoP was on gets one now, and one from after loses it.
func (c *Client) keyOf(refreshToken string) (*dpop.Key, string, error) {
	switch {
	case !c.config.DPoP:
		return nil, dpop.Token(refreshToken), nil
	case !dpop.IsBound(refreshToken):
		key, err := c.newKey()
		return key, refreshToken, err
	}
	key, token, err := dpop.Open(refreshToken)
	if err != nil {
		return nil, "", &Error{InvalidGrant, "the session's refresh token has a malformed key"}
	}
	return key, token, nil
}

// accessKey returns the key and the token for a request with an access token. A
// token of the other mode cannot be used: a refresh replaces it.
func (c *Client) accessKey(accessToken string) (*dpop.Key, string, error) {
	if !c.config.DPoP && !dpop.IsBound(accessToken) {
		return nil, accessToken, nil
	}
	key, token, err := dpop.Open(accessToken)
	if err != nil || !c.config.DPoP {
		return nil, "", &Error{TokenExpired, "the session's access token is from before DPoP was switched on or off"}
	}
	return key, token, nil
}

// bind returns the tokens in the form that they are kept in.
func (t Tokens) bind(key *dpop.Key) Tokens {
	if key != nil {
		t.AccessToken, t.RefreshToken = key.Bind(t.AccessToken), key.Bind(t.RefreshToken)
	}
	return t
}

// nonces are the last that each server demanded, by its name in words. RFC 9449
// section 9: those of authorization and resource server are not each other's.
type nonces struct {
	mu   sync.Mutex
	last map[string]string
}

func (n *nonces) get(server string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last[server]
}

// keep remembers a nonce, if there is one, and reports whether it is new.
func (n *nonces) keep(server, nonce string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if nonce == "" {
		return false
	}
	if n.last == nil {
		n.last = map[string]string{}
	}
	n.last[server] = nonce
	return true
}

// nonceOf is the nonce of a response, "" unless there is one that can be used.
// Section 8.2: a server sends it with any response, also one of success.
func nonceOf(h http.Header) string {
	values := h.Values(nonceHeader)
	if len(values) != 1 || !dpop.IsNonce(values[0]) {
		return ""
	}
	return values[0]
}

// postBound is post with proofs of a key, if there is one. Section 8: a server
// that demands a nonce answers 400 use_dpop_nonce and gives it; the request is
// then made once more.
func (c *Client) postBound(ctx context.Context, p *provider, what, address string, form url.Values, key *dpop.Key) (answer, error) {
	if key == nil {
		return c.post(ctx, p, what, address, form)
	}
	for attempt := 1; ; attempt++ {
		proof, err := key.Proof(dpop.Request{Method: http.MethodPost, URL: address, Nonce: c.nonces.get(what), Now: c.config.Now()})
		if err != nil {
			return answer{}, &Error{Unavailable, what + ": no proof of possession could be made"}
		}
		a, err := c.postProof(ctx, p, what, address, form, proof)
		if err != nil {
			return a, err
		}
		fresh := c.nonces.keep(what, a.nonce)
		if a.status != http.StatusBadRequest || a.code != useNonce || !fresh || attempt == 2 {
			return a, nil
		}
	}
}

// doWithToken sends a request to the UserInfo endpoint with the access token
// and, if there is a key, with a proof for it (section 7.1). A demanded nonce
// comes with 401 (section 9), and the request is made once more.
func (c *Client) doWithToken(ctx context.Context, request *http.Request, token string, key *dpop.Key) (backchannel.Answer, error) {
	request.Header.Set("Authorization", tokenType(key)+" "+token)
	for attempt := 1; ; attempt++ {
		if key != nil {
			proof, err := key.Proof(dpop.Request{
				Method: request.Method, URL: request.URL.String(), AccessToken: token,
				Nonce: c.nonces.get(userInfoEndpoint), Now: c.config.Now(),
			})
			if err != nil {
				return backchannel.Answer{}, &Error{Unavailable, userInfoEndpoint + ": no proof of possession could be made"}
			}
			request.Header[proofHeader] = []string{proof}
		}
		answer, err := c.channel.Do(ctx, request)
		if err != nil {
			return answer, &Error{Unavailable, userInfoEndpoint + " " + err.Error()}
		}
		if key == nil {
			return answer, nil
		}
		fresh := c.nonces.keep(userInfoEndpoint, nonceOf(answer.Header))
		if answer.Status != http.StatusUnauthorized || !demandsNonce(answer.Header) || !fresh || attempt == 2 {
			return answer, nil
		}
	}
}

// demandsNonce reads WWW-Authenticate: DPoP error="use_dpop_nonce".
func demandsNonce(h http.Header) bool {
	for _, challenge := range h.Values("WWW-Authenticate") {
		if strings.Contains(challenge, useNonce) {
			return true
		}
	}
	return false
}
