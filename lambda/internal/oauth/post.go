package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// answer is what an endpoint answered to a form.
type answer struct {
	endpoint string // in words
	status   int
	// members are those of the JSON object or form; nil if it was neither.
	members map[string]json.RawMessage
	// code is the error code, if it is a registered one, or "no registered
	// error code"; empty where the answer has none.
	code string
	// nonce is the server's for the next proof of possession, or empty.
	nonce string
}

const unregistered = "no registered error code"

// post sends a form as the authenticated client.
//
// golang.org/x/oauth2 is not used for it: that package takes duplicate names,
// other content types and missing token types, cannot authenticate a refresh
// with an assertion, and sends no parameter twice, as resources are (RFC 8707
// section 2).
func (c *Client) post(ctx context.Context, p *provider, what, address string, form url.Values) (answer, error) {
	return c.postProof(ctx, p, what, address, form, "")
}

// postProof is post with a proof of possession, if there is one.
func (c *Client) postProof(ctx context.Context, p *provider, what, address string, form url.Values, proof string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	a := answer{endpoint: what}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if proof != "" {
		header[proofHeader] = []string{proof}
	}
	err := c.config.Authentication.Authenticate(ctx, clientauth.Request{
		Issuer: c.config.Issuer, TokenEndpoint: p.Token, ClientID: c.config.ClientID, Header: header, Form: form,
	})
	if err != nil {
		// Of package clientauth or kmssigner, whose errors show nothing.
		return a, &Error{Unavailable, "client authentication: " + err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return a, &Error{Unavailable, what + " is not a URL"}
	}
	request.Header = header
	response, err := c.http.Do(request)
	if err != nil {
		return a, &Error{Unavailable, what + " " + networkReason(err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return a, &Error{Unavailable, what + " " + networkReason(err)}
	}
	a.status, a.nonce = response.StatusCode, nonceOf(response)
	a.members = c.members(response, body)
	if _, failed := a.members["error"]; failed || a.status/100 != 2 {
		a.code = unregistered
		if code, ok := strictjson.String(a.members, "error"); ok {
			if ours := c.profile.errorCodes[code]; ours != "" {
				code = ours
			}
			if registered(code, tokenErrors) {
				a.code = code
			}
		}
	}
	return a, nil
}

// members reads a JSON object, or a form where the profile has such answers.
func (c *Client) members(response *http.Response, body []byte) map[string]json.RawMessage {
	mediaType := mediaType(response)
	switch {
	// RFC 6749 section 5.1: the parameters are sent "using the
	// application/json media type".
	case mediaType == "application/json":
		members, err := strictjson.Object(body)
		if err != nil {
			return nil
		}
		return members
	case mediaType == "application/x-www-form-urlencoded" && c.profile.plainAnswers:
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil
		}
		members := map[string]json.RawMessage{}
		for name, values := range form {
			// Section 3.2: parameters "MUST NOT be included more than once".
			if len(values) != 1 {
				return nil
			}
			if members[name], err = json.Marshal(values[0]); err != nil {
				return nil
			}
		}
		return members
	}
	return nil
}

// ok reports whether the answer is one of success, in a form that can be read.
func (a answer) ok(c *Client, status ...int) error {
	wanted := a.status == http.StatusOK
	for _, s := range status {
		wanted = wanted || a.status == s
	}
	switch {
	case wanted && a.code != "" && c.profile.plainAnswers:
		// GitHub sends errors with status 200. They mean what they would with
		// 400.
		return a.refusal(http.StatusBadRequest)
	case wanted && a.code != "":
		return &Error{Unavailable, fmt.Sprintf("%s answered %d with an error", a.endpoint, a.status)}
	case wanted && a.members == nil:
		return &Error{Unavailable, a.endpoint + " answered something other than a JSON object without duplicate names"}
	case wanted:
		return nil
	}
	return a.refusal(a.status)
}

// refusal makes an error of an error response (RFC 6749 section 5.2), taken as
// one with the given status.
func (a answer) refusal(status int) error {
	e := &Error{Unavailable, fmt.Sprintf("%s answered %d (%s)", a.endpoint, a.status, a.code)}
	// Section 5.2: errors come with status 400, or 401 for invalid_client.
	switch {
	case !refused(status):
	case a.code == "invalid_grant":
		e.Kind = InvalidGrant
	case a.code == invalidProof, a.code == useNonce:
		// The page's request has no part in it.
		e.Reason += ": the proof of possession was refused"
	case a.code == "invalid_client", a.code == "unauthorized_client", a.code == "unsupported_grant_type",
		status == 401, status == 404, status == 405:
		// Our registration or configuration is wrong. A 4xx would tell the page
		// that its request was, and a 401 would send the user in circles.
		e.Reason += ": check the client's registration, its credentials and the endpoint"
	default:
		e.Kind = Rejected
	}
	return e
}
