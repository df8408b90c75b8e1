// Package apigateway lets an http.Handler serve the events of an Amazon API
// Gateway REST API (Lambda proxy integration, payload format 1.0).
//
// It converts events before github.com/akrylysov/algnhsa reads them, so that
// they are unambiguous:
//
//   - The path is the event's resource, the declared path. The event's path may
//     also include the base path of a custom domain. So every route must be a
//     resource of its own, without path parameters.
//   - Header names are compared without letter case, as HTTP does, because REST
//     APIs pass them as the client wrote them. Names that differ only in case
//     become one header with all values.
package apigateway

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/akrylysov/algnhsa"
	"github.com/aws/aws-lambda-go/lambda"
)

// Handler returns the Lambda handler for h. An event that is not from a REST
// API is an error. No request of a client causes an error.
func Handler(h http.Handler) lambda.Handler {
	return handler{algnhsa.New(h, &algnhsa.Options{RequestType: algnhsa.RequestTypeAPIGatewayV1})}
}

type handler struct{ next lambda.Handler }

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	event, err := normalize(payload)
	if err != nil {
		return nil, err
	}
	return h.next.Invoke(ctx, event)
}

// RequestID returns the id that API Gateway gave a request; its access log has
// the same.
func RequestID(r *http.Request) string {
	event, _ := algnhsa.APIGatewayV1RequestFromContext(r.Context())
	return event.RequestContext.RequestID
}

// Host returns the domain name that API Gateway received a request on.
func Host(r *http.Request) string {
	event, _ := algnhsa.APIGatewayV1RequestFromContext(r.Context())
	return event.RequestContext.DomainName
}

func normalize(payload []byte) ([]byte, error) {
	var event map[string]json.RawMessage
	var parts struct {
		Resource          string              `json:"resource"`
		Headers           map[string]string   `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	}
	if json.Unmarshal(payload, &event) != nil || json.Unmarshal(payload, &parts) != nil || parts.Resource == "" {
		return nil, fmt.Errorf("apigateway: expected an event of a REST API, got something else")
	}
	var err error
	replace := func(field string, value any) {
		text, e := json.Marshal(value)
		if e != nil {
			err = e
		}
		event[field] = text
	}
	replace("path", parts.Resource)
	replace("headers", nil)
	replace("multiValueHeaders", mergeHeaders(parts.Headers, parts.MultiValueHeaders))
	if err != nil {
		return nil, fmt.Errorf("apigateway: %w", err)
	}
	return json.Marshal(event)
}

// mergeHeaders puts both maps together under canonical names. Of a name that
// comes several times, headers has the last value and multiValueHeaders all of
// them (Amazon API Gateway, "Input format of a Lambda function for proxy
// integration").
func mergeHeaders(single map[string]string, multi map[string][]string) http.Header {
	merged := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(multi)) {
		for _, value := range multi[name] {
			merged.Add(name, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(single)) {
		if !slices.Contains(merged.Values(name), single[name]) {
			merged.Add(name, single[name])
		}
	}
	// The adapter would make the request's URL from it, and fail if it is not a
	// host. The agent does not use the host.
	merged.Del("Host")
	return merged
}
