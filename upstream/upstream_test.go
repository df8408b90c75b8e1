package upstream

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

func request() events.APIGatewayProxyRequest {
	headers := map[string]string{
		"cookie": "__Host-th-at=sealed", "Cookie": "__Host-th-at=sealed", "x-th-csrf": "a", "X-Shop-CSRF": "b", "token-handler-version": "1",
		"authorization": "Bearer client's", "X-Forwarded-User": "admin", "x-forwarded-for": "192.0.2.1", "X-HTTP-Method-Override": "DELETE",
		"own-csrf": "c", "Accept": "text/plain", "X-Tenant": "t1",
	}
	many := map[string][]string{}
	for name, value := range headers {
		many[name] = []string{value, value}
	}
	r := events.APIGatewayProxyRequest{Headers: headers, MultiValueHeaders: many}
	r.RequestContext.Authorizer = map[string]any{"token": "Bearer t0", "sub": "user-1", "allowedOrigin": "https://www.example.com", "principalId": "p"}
	return r
}

func TestHandlerGivesTheSessionAndAStrippedRequest(t *testing.T) {
	handler := Handler(func(_ context.Context, s Session, r events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		if want := (Session{"t0", "user-1", "https://www.example.com"}); s != want {
			t.Errorf("got session %+v, want %+v", s, want)
		}
		if diff := cmp.Diff(map[string]string{"Accept": "text/plain", "X-Tenant": "t1"}, r.Headers); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string][]string{"Accept": {"text/plain", "text/plain"}, "X-Tenant": {"t1", "t1"}}, r.MultiValueHeaders); diff != "" {
			t.Error(diff)
		}
		if r.RequestContext.Authorizer["token"] != nil {
			t.Error("the request still has the token")
		}
		return events.APIGatewayProxyResponse{StatusCode: 200, Headers: map[string]string{
			"access-control-allow-origin": "*", "vary": "Accept", "X-Own": "1"}}, nil
	}, "Own-CSRF")
	got, err := handler(context.Background(), request())
	if err != nil {
		t.Fatal(err)
	}
	want := events.APIGatewayProxyResponse{StatusCode: 200, Headers: map[string]string{"X-Own": "1"}, MultiValueHeaders: map[string][]string{
		"Access-Control-Allow-Origin":      {"https://www.example.com"},
		"Access-Control-Allow-Credentials": {"true"},
		"Cache-Control":                    {"no-store"},
		"Vary":                             {"Accept", "Origin"},
		"X-Content-Type-Options":           {"nosniff"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHandlerKeepsCacheControl(t *testing.T) {
	handler := Handler(func(context.Context, Session, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		return events.APIGatewayProxyResponse{Headers: map[string]string{"cache-control": "private, max-age=60", "Vary": "Origin"}}, nil
	})
	r := request()
	delete(r.RequestContext.Authorizer, "allowedOrigin")
	got, _ := handler(context.Background(), r)
	if got.Headers["cache-control"] != "private, max-age=60" || got.MultiValueHeaders["Cache-Control"] != nil {
		t.Errorf("got %v and %v", got.Headers, got.MultiValueHeaders)
	}
	if got.MultiValueHeaders["Access-Control-Allow-Origin"] != nil {
		t.Error("an answer to a request without a trusted origin has CORS headers")
	}
}

func TestHandlerRefusesRequestsWithoutToken(t *testing.T) {
	for name, authorizer := range map[string]map[string]any{
		"no authorizer": nil, "no token": {"sub": "a"}, "empty token": {"token": "Bearer "}, "number": {"token": 1},
		"other scheme": {"token": "Basic YTpi"}, "no scheme": {"token": "t0"},
	} {
		handler := Handler(func(context.Context, Session, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
			t.Errorf("%s: the function was called", name)
			return events.APIGatewayProxyResponse{}, nil
		})
		r := request()
		r.RequestContext.Authorizer = authorizer
		if got, err := handler(context.Background(), r); err != nil || got.StatusCode != 401 {
			t.Errorf("%s: got %d, %v", name, got.StatusCode, err)
		}
		if _, err := Of(&r); !errors.Is(err, ErrNoSession) {
			t.Errorf("%s: got %v, want ErrNoSession", name, err)
		}
	}
}

func TestHandlerPassesOnErrors(t *testing.T) {
	failed := errors.New("failed")
	_, err := Handler(func(context.Context, Session, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		return events.APIGatewayProxyResponse{}, failed
	})(context.Background(), request())
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}
