package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// answer is the answer of an endpoint to a form.
type answer struct {
	endpoint string // in words
	status   int    // 400 for an error that a profile sends with 200
	// members are those of the JSON object or form; nil if it was neither.
	members map[string]json.RawMessage
	// code is the error code, unregistered for one that is not known, or empty.
	code string
	// nonce is the server's for the next proof of possession, or empty.
	nonce string
}

const unregistered = "no registered error code"

// post sends a form as the authenticated client.
func (c *Client) post(ctx context.Context, p *provider, name, address string, form url.Values) (answer, error) {
	return c.postProof(ctx, p, name, address, form, "")
}

// postProof is post with a proof of possession, if there is one.
func (c *Client) postProof(ctx context.Context, p *provider, name, address string, form url.Values, proof string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout) // of a signature by KMS, too
	defer cancel()
	a := answer{endpoint: name}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if proof != "" {
		header[proofHeader] = []string{proof}
	}
	err := c.config.Authentication.Authenticate(ctx, clientauth.Request{
		Issuer: c.config.Issuer, TokenEndpoint: p.Token, ClientID: c.config.ClientID, Header: header, Form: form,
	})
	if err != nil {
		// Errors of packages clientauth and kmssigner show no secret.
		return a, &Error{Unavailable, "client authentication: " + err.Error()}
	}
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return a, &Error{Unavailable, name + " is not a URL"}
	}
	request.Header = header
	response, err := c.channel.Do(ctx, request)
	if err != nil {
		return a, &Error{Unavailable, name + " " + err.Error()}
	}
	a.status, a.nonce = response.Status, nonceOf(response.Header)
	a.members = c.members(response)
	a.code = c.errorCode(a)
	if a.code != "" && a.status == http.StatusOK && c.profile.plainAnswers {
		a.status = http.StatusBadRequest // GitHub sends errors with status 200
	}
	return a, nil
}

// members reads the response. For tokens the form is that of RFC 6749 section
// 5.1: JSON in "the application/json media type", or a form if the profile has
// such answers. Errors are read with any content type: many providers send
// them as text or HTML.
func (c *Client) members(response backchannel.Answer) map[string]json.RawMessage {
	failed := response.Status/100 != 2
	if response.MediaType == "application/x-www-form-urlencoded" && (c.profile.plainAnswers || failed) {
		return formMembers(string(response.Body))
	}
	if response.MediaType != "application/json" && !failed {
		return nil
	}
	members, err := strictjson.Object(response.Body)
	if err != nil {
		return nil
	}
	return members
}

func formMembers(text string) map[string]json.RawMessage {
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil
	}
	members := map[string]json.RawMessage{}
	for name, values := range form {
		// RFC 6749 section 3.2: parameters "MUST NOT be included more than once".
		if len(values) != 1 {
			return nil
		}
		if members[name], err = json.Marshal(values[0]); err != nil {
			return nil
		}
	}
	return members
}

// errorCode returns the registered code of an error response, unregistered for
// another code, and "" if there is no code. A member error that is null, false
// or empty is not one.
func (c *Client) errorCode(a answer) string {
	code, isText := strictjson.String(a.members, "error")
	switch raw := string(a.members["error"]); {
	case isText && code == "", raw == "false":
		return ""
	case a.status/100 != 2 && (!isText || strings.EqualFold(code, http.StatusText(a.status))):
		// An error object of some framework, which is no code of OAuth.
		return ""
	case c.profile.errorCodes[code] != "":
		code = c.profile.errorCodes[code]
	}
	if isText && registered(code, tokenErrors) {
		return code
	}
	return unregistered
}

// ok returns an error unless the answer is one of success, in a form that can
// be read.
func (a answer) ok(c *Client, status ...int) *Error {
	if a.status != http.StatusOK && !slices.Contains(status, a.status) {
		return a.refusal()
	}
	switch {
	case a.code != "":
		return &Error{Unavailable, fmt.Sprintf("%s answered %d with an error", a.endpoint, a.status)}
	case a.members == nil:
		return &Error{Unavailable, a.endpoint + " answered something other than a JSON object without duplicate names"}
	}
	return nil
}

// refusal makes an error of an error response (RFC 6749 section 5.2).
func (a answer) refusal() *Error {
	code := a.code
	if code == "" {
		code = unregistered
	}
	e := &Error{Unavailable, fmt.Sprintf("%s answered %d (%s)", a.endpoint, a.status, code)}
	switch {
	case !refused(a.status):
	case a.code == "invalid_grant":
		e.Kind = InvalidGrant
	case a.code == invalidProof, a.code == useNonce:
		// The page's request has no part in it.
		e.Reason += ": the proof of possession was refused"
	case slices.Contains(registrationErrors, a.code), a.status == 401, a.status == 404, a.status == 405:
		// Our registration or configuration is wrong. A 4xx would tell the page
		// that its request was, and a 401 would send the user in circles.
		e.Reason += ": check the client's registration, its credentials and the endpoint"
	default:
		e.Kind = Rejected
	}
	return e
}

// endsSession reports whether an error response to a refresh means that the
// refresh token is of no more use. That is so for every lasting refusal that is
// not the client's own fault: providers have many codes for a dead token
// (invalid_grant, invalid_token, token_inactive, interaction_required), and a
// session that can never be refreshed again must end. narrowed says that the
// page asked for less scope, which the refusal may be about.
func (a answer) endsSession(narrowed bool) bool {
	switch {
	case !refused(a.status), a.status == 404, a.status == 405:
		return false
	case slices.Contains(registrationErrors, a.code), slices.Contains(passingErrors, a.code),
		a.code == "invalid_request", a.code == invalidProof, a.code == useNonce, a.code == "invalid_scope" && narrowed:
		return false
	case a.code == "":
		// Without a code a JSON object is the provider's own answer. Anything
		// else may be from a proxy or a firewall in front of it.
		return a.status == http.StatusBadRequest && a.members != nil
	}
	return true
}
