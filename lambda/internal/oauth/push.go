package oauth

import (
	"context"
	"maps"
	"net/http"
	"net/url"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

const parEndpoint = "pushed authorization request endpoint"

// push sends the parameters of an authorization request to the provider and
// returns the request_uri that replaces them (RFC 9126).
func (c *Client) push(ctx context.Context, p *provider, parameters url.Values) (string, error) {
	if p.PAR == "" {
		return "", &Error{Unavailable, "the provider has no " + parEndpoint}
	}
	a, err := c.post(ctx, p, parEndpoint, p.PAR, maps.Clone(parameters))
	if err != nil {
		return "", err
	}
	// Section 2.2: "the server MUST […] create a […] response with a 201 HTTP
	// status code". Some answer 200.
	if err := a.ok(c, http.StatusCreated); err != nil {
		return "", err
	}
	reference, ok := strictjson.String(a.members, "request_uri")
	// It becomes a parameter of the URL, which must stay of a size that
	// browsers and gateways take.
	if !ok || !visible(reference) || len(reference) > 512 {
		return "", &Error{Unavailable, parEndpoint + " answered without a request_uri that can be used"}
	}
	return reference, nil
}
