package gateway

import (
	"encoding/base64"
	"net"
	"strings"
	"unicode/utf8"
)

// eventHeaders are the client's headers as Lambda functions see them.
func (c *call) eventHeaders() headers {
	proto, port := "http", "80"
	if c.r.TLS != nil {
		proto, port = "https", "443"
	}
	if _, p, err := net.SplitHostPort(c.r.Host); err == nil {
		port = p
	}
	forwarded := append(c.headers.values("X-Forwarded-For"), c.sourceIP)
	return c.headers.without(droppedFromEvents...).
		with("X-Forwarded-For", strings.Join(forwarded, ", ")).
		with("X-Forwarded-Port", port).
		with("X-Forwarded-Proto", proto).
		with("X-Amzn-Trace-Id", c.traceID)
}

// multiMaps are the single- and multi-valued forms of named values; both are null in an event without such values.
func multiMaps(params []param) (single, multi any) {
	if len(params) == 0 {
		return nil, nil
	}
	s, m := map[string]string{}, map[string][]string{}
	for _, p := range params {
		s[p.name] = p.value // the last one wins
		m[p.name] = append(m[p.name], p.value)
	}
	return s, m
}

func nilIfEmpty(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// commonEvent is the common part of the events of authorizers and of AWS_PROXY functions. AWS: "Input format of a Lambda
// function for proxy integration", "Input to an API Gateway Lambda authorizer".
func (c *call) commonEvent() map[string]any {
	var hs []param
	for _, h := range c.eventHeaders() {
		hs = append(hs, param(h))
	}
	single, multi := multiMaps(hs)
	query, multiQuery := multiMaps(c.query)
	path, _ := multiMaps(c.pathParams)
	v := func(name string) any {
		if s, ok := c.contextValue(name); ok {
			return s
		}
		return nil
	}
	return map[string]any{
		"resource": c.route.Path, "path": c.path, "httpMethod": c.method,
		"headers": single, "multiValueHeaders": multi,
		"queryStringParameters": query, "multiValueQueryStringParameters": multiQuery,
		"pathParameters": path, "stageVariables": nilIfEmpty(c.g.api.StageVariables),
		"requestContext": map[string]any{
			"accountId": v("accountId"), "apiId": v("apiId"), "stage": v("stage"),
			"resourceId": v("resourceId"), "resourcePath": v("resourcePath"), "httpMethod": v("httpMethod"),
			"path":      c.path, // on a custom domain without base path there is no stage in it
			"requestId": v("requestId"), "extendedRequestId": v("extendedRequestId"),
			"protocol": v("protocol"), "domainName": v("domainName"), "domainPrefix": v("domainPrefix"),
			"requestTime": v("requestTime"), "requestTimeEpoch": c.start.UnixMilli(),
			"identity": map[string]any{
				"sourceIp": v("identity.sourceIp"), "userAgent": v("identity.userAgent"),
				"accessKey": nil, "accountId": nil, "caller": nil, "cognitoAuthenticationProvider": nil,
				"cognitoAuthenticationType": nil, "cognitoIdentityId": nil, "cognitoIdentityPoolId": nil,
				"principalOrgId": nil, "user": nil, "userArn": nil,
			},
		},
	}
}

// authorizerEvent has no body.
func (c *call) authorizerEvent() map[string]any {
	e := c.commonEvent()
	e["type"] = "REQUEST"
	e["methodArn"] = c.methodARN()
	return e
}

func (c *call) proxyEvent() map[string]any {
	e := c.commonEvent()
	if c.route.authorizer != nil {
		vars, _ := c.vars.Get("authorizer")
		e["requestContext"].(map[string]any)["authorizer"] = vars
	}
	contentType, _ := c.headers.get("Content-Type")
	binary := c.g.isBinary(contentType)
	e["isBase64Encoded"] = binary && len(c.body) > 0
	switch {
	case len(c.body) == 0:
		e["body"] = nil
	case binary:
		e["body"] = base64.StdEncoding.EncodeToString(c.body)
	default:
		e["body"] = asText(c.body)
	}
	return e
}

// isBinary reports whether a media type is among the API's binaryMediaTypes.
func (g *Gateway) isBinary(mediaType string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	for _, want := range g.api.BinaryMediaTypes {
		want = strings.ToLower(want)
		prefix, wild := strings.CutSuffix(want, "/*")
		switch {
		case want == "*/*", want == mediaType:
			return true
		case wild && strings.HasPrefix(mediaType, prefix+"/"):
			return true
		}
	}
	return false
}

// acceptsBinary: "When a request contains multiple media types in its Accept header, API Gateway honors only the first".
func (c *call) acceptsBinary() bool {
	accept, _ := c.headers.get("Accept")
	first, _, _ := strings.Cut(accept, ",")
	return c.g.isBinary(first)
}

// asText treats a payload that is not binary as UTF-8. Other bytes are lost.
func asText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
