package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// lambdaProxy is an AWS_PROXY integration.
func (c *call) lambdaProxy() (*response, *fault) {
	in := &c.route.Integration
	payload, err := json.Marshal(c.proxyEvent())
	if err != nil {
		return nil, internalError("event cannot be encoded")
	}
	if len(payload) > maxLambda {
		return nil, newFault("REQUEST_TOO_LARGE", "Request Too Long", "event over Lambda's 6 MB")
	}
	began := c.g.opts.Now()
	resp, f := c.invokeProxy(payload)
	c.traceUpstream(c.functionName(in.FunctionID), began, resp, f)
	if f != nil {
		return nil, f
	}
	resp.headers = c.stamp(resp.headers.remap()).with("X-Amzn-Trace-Id", c.traceID)
	return resp, nil
}

func (c *call) invokeProxy(payload []byte) (*response, *fault) {
	in := &c.route.Integration
	if in.Stream {
		return c.invokeStream(payload)
	}
	ctx, cancel := context.WithTimeout(c.ctx, in.Timeout)
	defer cancel()
	res, err := c.g.opts.Invoke(ctx, in.FunctionID, payload)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, newFault("INTEGRATION_TIMEOUT", "Endpoint request timed out", "function exceeded the integration's timeout")
	case err != nil:
		return nil, internalError("function could not be run: " + err.Error())
	case res.FunctionError:
		return nil, badGateway("function failed")
	case len(res.Payload) > maxLambda:
		return nil, badGateway("function's response is over Lambda's 6 MB")
	}
	resp, err := c.parseProxyResponse(res.Payload)
	if err != nil {
		return nil, badGateway("malformed Lambda proxy response: " + err.Error())
	}
	return resp, nil
}

func (c *call) parseProxyResponse(payload []byte) (*response, error) {
	out, hs, err := parseProxyOutput(payload)
	if err != nil {
		return nil, err
	}
	resp := &response{status: out.Status, headers: hs, body: []byte(out.Body)}
	// Without a matching binary media type the base64 text goes out unchanged.
	if out.Base64 && c.acceptsBinary() {
		if resp.body, err = base64.StdEncoding.DecodeString(out.Body); err != nil {
			return nil, errors.New("body is not base64")
		}
	}
	return resp, nil
}

// ProxyOutput is the output of a function behind a Lambda proxy integration.
type ProxyOutput struct {
	Status int
	Header http.Header
	Body   string
	Base64 bool
}

// ParseProxyOutput reads the output of a function. Errors name the mistake, never a value.
func ParseProxyOutput(payload []byte) (ProxyOutput, error) {
	out, hs, err := parseProxyOutput(payload)
	out.Header = http.Header{}
	for _, h := range hs {
		out.Header.Add(h.name, h.value)
	}
	return out, err
}

// AWS: "Output format of a Lambda function for proxy integration".
func parseProxyOutput(payload []byte) (ProxyOutput, headers, error) {
	var out struct {
		StatusCode        json.RawMessage            `json:"statusCode"`
		Headers           map[string]json.RawMessage `json:"headers"`
		MultiValueHeaders map[string]json.RawMessage `json:"multiValueHeaders"`
		Body              string                     `json:"body"`
		IsBase64Encoded   bool                       `json:"isBase64Encoded"`
	}
	if !bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")) {
		return ProxyOutput{}, nil, errors.New("is not an object")
	}
	if err := strict(payload, &out); err != nil { // an unknown key is malformed too
		return ProxyOutput{}, nil, errors.New("has a key that is unknown or of the wrong type")
	}
	status := http.StatusOK
	if len(out.StatusCode) > 0 { // "201" is accepted as well as 201
		var err error
		if status, err = strconv.Atoi(strings.Trim(string(out.StatusCode), `"`)); err != nil || status < 200 || status > 599 {
			return ProxyOutput{}, nil, errors.New("statusCode is not a status")
		}
	}
	hs, err := proxyHeaders(out.MultiValueHeaders, out.Headers)
	return ProxyOutput{Status: status, Body: out.Body, Base64: out.IsBase64Encoded}, hs, err
}

// proxyHeaders merges the two maps. AWS: "If you specify values for both headers and multiValueHeaders, API Gateway
// merges them into a single list. If the same key-value pair is specified in both, only the values from
// multiValueHeaders will appear in the merged list." The spelling of a name is that of multiValueHeaders.
func proxyHeaders(multi, single map[string]json.RawMessage) (headers, error) {
	var out headers
	for _, name := range sortedKeys(multi) {
		var list []json.RawMessage
		if err := json.Unmarshal(multi[name], &list); err != nil {
			return nil, fmt.Errorf("multiValueHeaders %q is not a list", name)
		}
		for _, raw := range list {
			v, ok := scalar(raw)
			if !ok {
				return nil, fmt.Errorf("multiValueHeaders %q holds something else than text", name)
			}
			out = append(out, header{name, v})
		}
	}
	fromMulti := slices.Clone(out)
	for _, name := range sortedKeys(single) {
		if string(single[name]) == "null" {
			continue
		}
		v, ok := scalar(single[name])
		if !ok {
			return nil, fmt.Errorf("header %q is not text", name)
		}
		if slices.Contains(fromMulti.values(name), v) {
			continue
		}
		for _, h := range fromMulti {
			if strings.EqualFold(h.name, name) {
				name = h.name
			}
		}
		out = append(out, header{name, v})
	}
	return out, nil
}

// scalar reads a string, boolean or number as text.
func scalar(raw json.RawMessage) (string, bool) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}
