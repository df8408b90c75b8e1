package gateway

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tokenhandler/aws/local/internal/vtl"
)

// contextVariables are the $context variables that are known before routing. AWS: "Variables for data models,
// authorizers, mapping templates, and CloudWatch access logging".
func (c *call) contextVariables() *vtl.Map {
	m := vtl.NewMap()
	prefix, _, _ := strings.Cut(c.domain, ".")
	for _, v := range [][2]string{
		{"accountId", c.g.api.AccountID}, {"apiId", c.g.api.ID}, {"stage", c.g.api.Stage},
		{"requestId", c.requestID}, {"extendedRequestId", c.extendedID},
		{"httpMethod", c.method}, {"path", c.path}, {"protocol", c.r.Proto},
		{"domainName", c.domain}, {"domainPrefix", prefix},
		{"requestTime", c.start.UTC().Format("02/Jan/2006:15:04:05 -0700")},
		{"requestTimeEpoch", strconv.FormatInt(c.start.UnixMilli(), 10)},
	} {
		m.Put(v[0], v[1])
	}
	identity := vtl.NewMap()
	identity.Put("sourceIp", c.sourceIP)
	agent, _ := c.headers.get("User-Agent")
	identity.Put("userAgent", agent)
	m.Put("identity", identity)
	return m
}

func (c *call) routeVariables() {
	c.vars.Put("resourcePath", c.route.Path)
	c.vars.Put("resourceId", c.route.ResourceID)
}

// errorVariables are those of a gateway response. A nil message is JSON's null in messageString.
func (c *call) errorVariables(f *fault) {
	m := vtl.NewMap()
	m.Put("responseType", f.kind)
	m.Put("message", f.message)
	quoted := []byte("null")
	if f.message != "" {
		quoted, _ = json.Marshal(f.message)
	}
	m.Put("messageString", string(quoted))
	c.vars.Put("error", m)
}

// contextNames are the variables a mapping expression may name; AWS refuses others when the API is created.
var contextNames = map[string]bool{"accountId": true, "apiId": true, "stage": true, "requestId": true, "extendedRequestId": true,
	"httpMethod": true, "path": true, "protocol": true, "domainName": true, "domainPrefix": true, "requestTime": true,
	"requestTimeEpoch": true, "resourcePath": true, "resourceId": true, "identity.sourceIp": true, "identity.userAgent": true,
	"error.message": true, "error.messageString": true, "error.responseType": true}

func knownContext(name string) bool {
	key, ok := strings.CutPrefix(name, "authorizer.")
	return contextNames[name] || ok && key != ""
}

// contextValue looks up a dotted name below $context.
func (c *call) contextValue(name string) (string, bool) {
	var v any = c.vars
	for _, part := range strings.Split(name, ".") {
		m, ok := v.(*vtl.Map)
		if !ok {
			return "", false
		}
		if v, ok = m.Get(part); !ok {
			return "", false
		}
	}
	text, err := vtl.Text(v)
	return text, err == nil
}
