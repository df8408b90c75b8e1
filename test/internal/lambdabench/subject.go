package lambdabench

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/sealedtest"
)

// Subjects make the settings, the event and the check of the response for our
// Lambdas. The check makes sure that no refusal is measured by mistake. The
// caller sets Name and Path.
var Subjects = map[string]func() (Bootstrap, error){"authorizer": authorizer, "agent": agent}

const (
	origin     = "https://www.example.com"
	deployment = "https://login.example.com spa"
	methodARN  = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/api/GET/orders/7"
)

// authorizer is a GET of a signed-in user: its cookies are sealed with a
// throwaway key.
func authorizer() (Bootstrap, error) {
	env, events, tokens, err := SignedIn(1)
	return Bootstrap{
		Env:   env,
		Event: events[0],
		Check: func(answer []byte) error {
			if !bytes.Contains(answer, []byte(`"Effect":"Allow"`)) || !bytes.Contains(answer, []byte(tokens[0])) {
				return errors.New("the authorizer did not allow the request")
			}
			return nil
		},
	}, err
}

// SignedIn returns the settings of an authorizer, and events of n users with
// sessions and access tokens of their own.
func SignedIn(n int) (env []string, events [][]byte, tokens []string, err error) {
	key := make([]byte, 32)
	rand.Read(key)
	sealer, err := sealedtest.New(hex.EncodeToString(key), sealedtest.Deployment{Name: deployment})
	if err != nil {
		return nil, nil, nil, err
	}
	for range n {
		session := make([]byte, 16)
		rand.Read(session)
		content := func(token string) sealedtest.Content {
			return sealedtest.Content{Session: session, Expires: sealedtest.In(time.Hour), Token: token}
		}
		token := rand.Text() + strings.Repeat("x", 774) // about the size of a JWT
		cookies := "__Host-th-at=" + sealer.Seal("__Host-th-at", content(token)) +
			"; __Host-th-auth=" + sealer.Seal("__Host-th-auth", content(rand.Text())) +
			"; __Host-th-csrf=" + sealer.Seal("__Host-th-csrf", content(rand.Text()))
		event, err := json.Marshal(gatewayEvent("GET", "/orders/{id}", "/orders/7", cookies, map[string]any{
			"type": "REQUEST", "methodArn": methodARN, "pathParameters": map[string]string{"id": "7"},
		}))
		if err != nil {
			return nil, nil, nil, err
		}
		events, tokens = append(events, event), append(tokens, token)
	}
	return []string{"TRUSTED_WEB_ORIGINS=" + origin, "ENCRYPTION_KEY=" + hex.EncodeToString(key), "DEPLOYMENT=" + deployment}, events, tokens, nil
}

// agent is a GET of the session without cookies: all of the agent but a call to
// the provider.
func agent() (Bootstrap, error) {
	event, err := json.Marshal(gatewayEvent("GET", "/oauth-agent/session", "/oauth-agent/session", "", nil))
	return Bootstrap{
		Env: []string{
			"TRUSTED_WEB_ORIGINS=" + origin, "ENCRYPTION_KEY=" + strings.Repeat("0123456789abcdef", 4),
			"ISSUER=https://login.example.com", "CLIENT_ID=spa-client", "CLIENT_SECRET=not-used",
			"REDIRECT_URI=" + origin + "/",
		},
		Event: event,
		Check: func(answer []byte) error {
			if !bytes.Contains(answer, []byte(`"statusCode":200`)) {
				return errors.New("the agent did not return 200")
			}
			return nil
		},
	}, err
}

// gatewayEvent is the event of a REST API for a request of a browser, with the
// fields of extra.
func gatewayEvent(method, resource, path, cookies string, extra map[string]any) map[string]any {
	headers := map[string]string{
		"accept": "application/json", "accept-encoding": "gzip, deflate, br, zstd", "accept-language": "en-GB,en;q=0.9",
		"Host": "api.example.com", "origin": origin, "referer": origin + "/", "token-handler-version": "1",
		"sec-fetch-dest": "empty", "sec-fetch-mode": "cors", "sec-fetch-site": "same-site",
		"User-Agent":        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"X-Forwarded-For":   "203.0.113.7",
		"X-Forwarded-Port":  "443",
		"X-Forwarded-Proto": "https",
		"X-Amzn-Trace-Id":   "Root=1-69216b34-0123456789abcdef01234567",
	}
	if cookies != "" {
		headers["cookie"] = cookies
	}
	multi := map[string][]string{}
	for name, value := range headers {
		multi[name] = []string{value}
	}
	event := map[string]any{
		"resource": resource, "path": path, "httpMethod": method,
		"headers": headers, "multiValueHeaders": multi,
		"queryStringParameters": nil, "multiValueQueryStringParameters": nil, "pathParameters": nil, "stageVariables": nil,
		"requestContext": map[string]any{
			"resourceId": "abc123", "resourcePath": resource, "httpMethod": method, "path": path,
			"accountId": "123456789012", "apiId": "a1b2c3d4e5", "stage": "api", "protocol": "HTTP/1.1",
			"requestId": "6b7f1a0e-6a4e-4d38-a0c5-3e3c8c0b8a11", "domainName": "api.example.com",
			"identity": map[string]string{"sourceIp": "203.0.113.7", "userAgent": headers["User-Agent"]},
		},
	}
	for name, value := range extra {
		event[name] = value
	}
	return event
}
