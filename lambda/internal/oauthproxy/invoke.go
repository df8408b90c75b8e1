package oauthproxy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-lambda-go/lambda"
)

var _ lambda.Handler = (*Proxy)(nil)

// Invoke implements lambda.Handler around [Proxy.Handle]. Handing the method
// itself to lambda.Start would do the same, but on the first invocation it
// costs what reflection over the response's types does: a start to the first
// answer of 1.2 times an empty handler's instead of 1.12 (test/bench).
func (p *Proxy) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var r Request
	if json.Unmarshal(event, &r) != nil {
		// The decoder's own words may quote the event.
		return nil, fmt.Errorf("oauthproxy: expected the event of a REQUEST authorizer")
	}
	response, err := p.Handle(ctx, r)
	if err != nil {
		return nil, err
	}
	return response.encode(), nil
}

// encode writes what json.Marshal would write of a response with one statement
// and a context of strings, as all are here.
func (r Response) encode() []byte {
	statement := r.PolicyDocument.Statement[0]
	out := append([]byte(nil), `{"principalId":`...)
	out = appendString(out, r.PrincipalID)
	out = append(out, `,"policyDocument":{"Version":"`+policyVersion+`","Statement":[{"Action":["`+invokeAction+`"],"Effect":`...)
	out = appendString(out, statement.Effect)
	out = append(out, `,"Resource":[`...)
	out = appendString(out, statement.Resource[0])
	out = append(out, `]}]},"context":{`...)
	for i, name := range slices.Sorted(maps.Keys(r.Context)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, name), ':')
		text, _ := r.Context[name].(string)
		out = appendString(out, text)
	}
	return append(out, "}}"...)
}

func appendString(out []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always has a form in JSON
	return append(out, text...)
}
