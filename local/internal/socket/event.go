package socket

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// newID makes an id such as API Gateway's "BFaT_fALIAMCKug=".
func newID() string {
	b := make([]byte, 11)
	_, _ = rand.Read(b) // never fails: it crashes the program instead
	return base64.URLEncoding.EncodeToString(b)
}

// client is the request that opens a connection.
type client struct {
	header              http.Header // with the names as API Gateway passes them
	query               url.Values
	sourceIP, userAgent string
}

// newClient reads a handshake. Browsers open WebSockets over HTTP/1.1, so that names of headers keep their letters.
func newClient(r *http.Request, now time.Time) (client, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return client{}, err
	}
	c := client{header: http.Header{}, query: query, sourceIP: r.RemoteAddr, userAgent: r.UserAgent()}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		c.sourceIP = host
	}
	for name, values := range r.Header {
		c.header[strings.Replace(name, "Sec-Websocket-", "Sec-WebSocket-", 1)] = values
	}
	proto, port := "http", "80"
	if r.TLS != nil {
		proto, port = "https", "443"
	}
	if _, p, err := net.SplitHostPort(r.Host); err == nil {
		port = p
	}
	trace := make([]byte, 12)
	_, _ = rand.Read(trace)
	for _, name := range []string{"Connection", "Upgrade", "Content-Length"} {
		delete(c.header, name)
	}
	c.header["Host"] = []string{r.Host}
	c.header["X-Forwarded-For"] = []string{strings.Join(append(r.Header.Values("X-Forwarded-For"), c.sourceIP), ", ")}
	c.header["X-Forwarded-Port"], c.header["X-Forwarded-Proto"] = []string{port}, []string{proto}
	c.header["X-Amzn-Trace-Id"] = []string{fmt.Sprintf("Root=1-%08x-%s", uint32(now.Unix()), hex.EncodeToString(trace))}
	return c, nil
}

// single returns the last value of each name.
func single(values map[string][]string) map[string]string {
	out := map[string]string{}
	for name, list := range values {
		if len(list) > 0 {
			out[name] = list[len(list)-1]
		}
	}
	return out
}

// requestContext is the requestContext of an event. AWS: "WebSocket API mapping template reference for API Gateway", and
// events as Powertools for AWS Lambda recorded them (tests/events/apiGatewayWebSocketApi*.json of
// aws-powertools/powertools-lambda-python).
func (c *connection) requestContext(a *api, routeKey, eventType string) map[string]any {
	id, now := newID(), a.opts.Now()
	identity := map[string]any{"sourceIp": c.client.sourceIP}
	if c.client.userAgent != "" {
		identity["userAgent"] = c.client.userAgent
	}
	out := map[string]any{
		"routeKey": routeKey, "eventType": eventType, "messageDirection": "IN",
		"requestId": id, "extendedRequestId": id, // AWS: "Same as $context.extendedRequestId"
		"requestTime": now.UTC().Format("02/Jan/2006:15:04:05 -0700"), "requestTimeEpoch": now.UnixMilli(),
		"connectionId": c.id, "connectedAt": c.connectedAt.UnixMilli(),
		"domainName": a.opts.Domain, "stage": a.Stage, "apiId": a.ID, "identity": identity,
	}
	if c.authorizer != nil {
		out["authorizer"] = c.authorizer
	}
	return out
}

// connectEvent is the event of the integration of $connect.
func (c *connection) connectEvent(a *api, context map[string]any) map[string]any {
	event := map[string]any{
		"headers": single(c.client.header), "multiValueHeaders": c.client.header, "requestContext": context, "isBase64Encoded": false,
	}
	if len(c.client.query) > 0 {
		event["queryStringParameters"], event["multiValueQueryStringParameters"] = single(c.client.query), c.client.query
	}
	return a.withVariables(event)
}

// authorizerEvent is the input of an authorizer. AWS: "Control access to WebSocket APIs with AWS Lambda REQUEST
// authorizers".
func (c *connection) authorizerEvent(a *api, context map[string]any) map[string]any {
	header := maps.Clone(map[string][]string(c.client.header))
	header["Connection"], header["Upgrade"], header["content-length"] = []string{"upgrade"}, []string{"websocket"}, []string{"0"}
	variables := a.StageVariables
	if variables == nil {
		variables = map[string]string{}
	}
	return map[string]any{
		"type": "REQUEST", "methodArn": a.connectARN(), "headers": single(header), "multiValueHeaders": header,
		"queryStringParameters": single(c.client.query), "multiValueQueryStringParameters": c.client.query,
		"stageVariables": variables, "requestContext": context,
	}
}

func (a *api) connectARN() string {
	return fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/%s/$connect", a.Partition, a.Region, a.AccountID, a.ID, a.Stage)
}

// messageEvent is the event of a message.
func (c *connection) messageEvent(a *api, context map[string]any, message []byte) map[string]any {
	return a.withVariables(map[string]any{"requestContext": context, "body": string(message), "isBase64Encoded": false})
}

// disconnectEvent is the event of $disconnect.
func (c *connection) disconnectEvent(a *api, context map[string]any, code int, reason string) map[string]any {
	header := map[string][]string{"Host": {a.opts.Domain}, "x-api-key": {""}, "X-Forwarded-For": {""}, "x-restapi": {""}}
	context["disconnectStatusCode"], context["disconnectReason"] = code, reason
	return a.withVariables(map[string]any{
		"headers": single(header), "multiValueHeaders": header, "requestContext": context, "isBase64Encoded": false,
	})
}

func (a *api) withVariables(event map[string]any) map[string]any {
	if len(a.StageVariables) > 0 {
		event["stageVariables"] = a.StageVariables
	}
	return event
}
