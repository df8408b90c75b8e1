package tokenhandler

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/contract"
)

func TestRefusalFieldsAreAddedToEveryBody(t *testing.T) {
	fields := map[string]any{
		"type": "https://docs.example.com/errors#{code}", "status": "{status}", "title": "{message}", "requestId": "{requestId}",
		"retryable": false, "version": 2.0, "none": nil, "links": []any{"a", map[string]any{"rel": "help"}}, "empty": map[string]any{}, "nothing": []any{},
		"error": map[string]any{"code": "{code}", "text": "Error {status}: {message}"},
	}
	if fault := refusalFieldsFault(fields); fault != "" {
		t.Fatal(fault)
	}
	handler := &ProtectedAPI{props: Props{RefusalFields: fields}}
	for _, r := range gatewayResponses {
		body := `{"code":"` + r.code + `"` + refusalFields([]*ProtectedAPI{{}, handler, handler}, r) + `}`
		// API Gateway replaces the variables.
		answered := strings.NewReplacer("$context.requestId", "id", contract.InTemplate(contract.ContextCode), "token_expired",
			contract.InTemplate(contract.ContextMessage), "Expired").Replace(body)
		if strings.ContainsAny(answered, "$") {
			t.Errorf("%s: a variable is left in %s", r.kind, answered)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(answered), &got); err != nil {
			t.Fatalf("%s: %v: %s", r.kind, err, answered)
		}
		status, ok := got["status"].(float64)
		if !ok || status < 400 || status > 599 || got["requestId"] != "id" || got["retryable"] != false || got["version"] != 2.0 {
			t.Errorf("%s: got %s", r.kind, answered)
		}
		if r.kind == "ACCESS_DENIED" {
			want := map[string]any{
				"code": "token_expired",
				"type": "https://docs.example.com/errors#token_expired", "status": 401.0, "title": "Expired", "requestId": "id",
				"retryable": false, "version": 2.0, "none": nil, "links": []any{"a", map[string]any{"rel": "help"}}, "empty": map[string]any{}, "nothing": []any{},
				"error": map[string]any{"code": "token_expired", "text": "Error 401: Expired"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
	if none := refusalFields([]*ProtectedAPI{{}, {}}, gatewayResponses[0]); none != "" {
		t.Errorf("without refusal fields: got %s", none)
	}
}

func TestRefusalFieldsFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields map[string]any
		want   string
	}{
		{"a field of the token handler", map[string]any{"error_code": "x"}, `must not contain "error_code"`},
		{"the scope", map[string]any{"scope": "x"}, `must not contain "scope"`},
		{"a name with a quote", map[string]any{`a"b`: 1}, "must have names of"},
		{"an empty name", map[string]any{"": 1}, "must have names of"},
		{"a name inside", map[string]any{"a": map[string]any{"b c": 1}}, "must have names of"},
		{"a quote", map[string]any{"a": `x","code":"y`}, "must not contain '$'"},
		{"a backslash", map[string]any{"a": `\`}, "must not contain '$'"},
		{"a variable", map[string]any{"a": "$context.authorizer.token"}, "must not contain '$'"},
		{"a variable in a list", map[string]any{"a": []any{map[string]any{"b": "$stageVariables.x"}}}, "must not contain '$'"},
		{"a line break", map[string]any{"a": "x\ny"}, "must not contain '$'"},
		{"an unknown placeholder", map[string]any{"a": "{token}"}, "must contain only the placeholders"},
		{"a function", map[string]any{"a": func() {}}, "must contain values of JSON"},
		{"a struct", map[string]any{"a": struct{}{}}, "must contain texts"},
		{"too much", map[string]any{"a": strings.Repeat("x", maxRefusalFields)}, "must take at most 2048 bytes"},
	} {
		if got := refusalFieldsFault(tt.fields); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := refusalFieldsFault(nil); got != "" {
		t.Errorf("without fields: got %q", got)
	}
}

func TestRefusalFieldsInTemplate(t *testing.T) {
	props := oneOrigin()
	props.RefusalFields = map[string]any{"type": "https://docs.example.com/errors#{code}", "status": "{status}"}
	bodies := map[string]string{}
	for _, r := range synth(t, props, nil).only("AWS::ApiGateway::GatewayResponse") {
		p := r.Properties
		bodies[p["ResponseType"].(string)] = p["ResponseTemplates"].(map[string]any)["application/json"].(string)
	}
	for kind, want := range map[string]string{
		"ACCESS_DENIED": `,"status":401,"type":"https://docs.example.com/errors#$context.authorizer.code"}`,
		"WAF_FILTERED":  `,"status":403,"type":"https://docs.example.com/errors#forbidden"}`,
	} {
		if !strings.HasSuffix(bodies[kind], want) {
			t.Errorf("%s: got %s, want the end %s", kind, bodies[kind], want)
		}
	}

	props.RefusalFields = map[string]any{"token": "100% $context.authorizer.token"}
	got := panicOf(func() { New(newStack(t), "TokenHandler", props) })
	if !strings.Contains(got, `Props.RefusalFields must not contain '$'`) || !strings.Contains(got, `"100% $context.authorizer.token"`) {
		t.Errorf("got %q", got)
	}
}
