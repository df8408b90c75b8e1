package contract_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/openapitest"
)

var update = flag.Bool("update", false, "write docs/contract.md and the JSON file of the page's tests")

func TestRefusalsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range contract.Refusals {
		switch {
		case seen[r.Code]:
			t.Errorf("%s is listed twice", r.Code)
		case r.By == 0, len(r.Statuses) == 0, r.Next == "", !strings.HasSuffix(r.Meaning, "."):
			t.Errorf("%s is incomplete: %+v", r.Code, r)
		case r.By&contract.Authorizer != 0 && !slices.Contains(r.Statuses, 401):
			t.Errorf("%s is a code of the authorizer without status 401", r.Code)
		}
		seen[r.Code] = true
	}
}

func TestDocumentMatchesPackage(t *testing.T) { golden(t, "../../docs/contract.md", document()) }

// The tests of the page's module read the codes and names from this file.
func TestPageFixtureMatchesPackage(t *testing.T) {
	refusals := []map[string]any{}
	for _, r := range contract.Refusals {
		refusals = append(refusals, map[string]any{
			"code": r.Code, "statuses": r.Statuses, "refresh": r.Next == contract.Refresh, "api": r.By&^contract.Agent != 0,
		})
	}
	text, err := json.MarshalIndent(map[string]any{
		"versionHeader": contract.HeaderVersion,
		"version":       contract.Version,
		"endpoints":     contract.Endpoints,
		"refusals":      refusals,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../../spa/client/testing/contract.json", string(text)+"\n")
}

func golden(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is outdated: run go test ./internal/contract -update\n%s", file, diff)
	}
}

func TestOpenAPIMatchesPackage(t *testing.T) {
	d, err := openapitest.Load("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var endpoints []string
	for _, e := range slices.Concat(contract.Endpoints, contract.Device, []contract.Endpoint{contract.Mediation, contract.BackChannel}) {
		endpoints = append(endpoints, e.Method+" /"+e.Path)
	}
	slices.Sort(endpoints)
	if diff := cmp.Diff(endpoints, d.Operations()); diff != "" {
		t.Errorf("endpoints (-contract +openapi.yaml):\n%s", diff)
	}

	want := map[int][]string{}
	add := func(status int, code string) {
		if !slices.Contains(want[status], code) {
			want[status] = append(want[status], code)
		}
	}
	for _, r := range contract.Refusals {
		for _, status := range r.Statuses {
			// 401 is the only status of the authorizer, which does not run before
			// the agent.
			if r.By&contract.Agent == 0 && (r.By&contract.Gateway == 0 || status == 401) || status == 401 && !agentAnswers401(r) {
				continue
			}
			add(status, r.Code)
		}
	}
	for _, code := range contract.AuthorizationErrors {
		if code != contract.CodeLoginRequired {
			add(400, code)
		}
	}
	got := d.Codes()
	for _, codes := range []map[int][]string{want, got} {
		for _, list := range codes {
			slices.Sort(list)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes by status (-contract +openapi.yaml):\n%s", diff)
	}
}

// agentAnswers401 reports whether the agent itself responds with 401 for a
// code, and not only the authorizer.
func agentAnswers401(r contract.Refusal) bool {
	return r.By&contract.Agent != 0 && (len(r.Statuses) == 1 || r.Code == contract.CodeDeviceProofRequired)
}

func document() string {
	var b strings.Builder
	b.WriteString(`# Codes, endpoints, headers and context keys

The names that the page, the agent, the authorizer and the gateway agree on. This
file is generated from ` + "`internal/contract`: `go test ./internal/contract -update`." + `

## Refusals

A refusal has a JSON body with ` + "`code`, `error_code` (the same value) and `message`" + `, a constant for developers.
API Gateway gives every refusal of an authorizer one status, 401, so the page reads the code.

| Code | Status | From | Meaning | Next step of the page |
| --- | --- | --- | --- | --- |
`)
	for _, r := range contract.Refusals {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.Code, join(r.Statuses), from(r.By), r.Meaning, r.Next)
	}
	b.WriteString(`
A page refreshes once for ` + "`token_expired` and `unauthorized_request`" + ` and repeats the call. If the agent answers the
refresh with 401, or the repeated call is refused again, the session is over and the user signs in. A refresh can help
with ` + "`unauthorized_request`" + ` when only the access token cookie was lost, or when the authorizer no longer has the key
that sealed it. The client in ` + "`spa/`" + ` does this.

` + "`Props.RefusalFields`" + ` adds fields to the body of the gateway's refusals, for example ` + "`\"requestId\": \"{requestId}\"`" + ` or
the members of RFC 9457. In texts, ` + "`{code}`, `{message}`, `{status}` and `{requestId}`" + ` stand for those of the refusal.
The agent's refusals do not have them.

Beside these codes the agent passes on the provider's authorization errors with status 400
(` + "`login_required`" + ` with 401): `)
	var others []string
	for _, code := range contract.AuthorizationErrors {
		if _, known := contract.Find(code); !known {
			others = append(others, "`"+code+"`")
		}
	}
	b.WriteString(strings.Join(others, ", ") + ".\n")
	b.WriteString(`
## Endpoints of the agent

Below the agent's base path, by default ` + "`/oauth-agent`. [openapi.yaml](openapi.yaml) describes them." + `

| Method | Path |
| --- | --- |
`)
	for _, e := range contract.Endpoints {
		fmt.Fprintf(&b, "| %s | `%s` |\n", e.Method, e.Path)
	}
	fmt.Fprintf(&b, "| %s | `%s`, only with token mediation |\n", contract.Mediation.Method, contract.Mediation.Path)
	for _, e := range contract.Device {
		fmt.Fprintf(&b, "| %s | `%s`, only with device binding; the browser itself calls it |\n", e.Method, e.Path)
	}
	fmt.Fprintf(&b, `
## Headers

| Header | Use |
| --- | --- |
| `+"`%s: %s`"+` | marks the assistant dialect and is its CSRF defence |
| `+"`%s`"+` | the CSRF value of the classic dialect, for the cookie prefix `+"`th`"+` |

Requests with `+"`%s`"+` are refused.
`, contract.HeaderVersion, contract.Version, contract.CSRFHeader("th"), strings.Join(contract.MethodOverrides, "`, `"))
	b.WriteString(`
## Context of the authorizer

Mappings read it as ` + "`" + contract.FromContext("<key>") + "`, upstream Lambdas in `requestContext.authorizer`." + `

| Key | Decision | Value |
| --- | --- | --- |
`)
	for _, row := range [][3]string{
		{contract.ContextToken, "Allow", "scheme and access token, as in `Authorization`"},
		{contract.ContextProof, "Allow", "proof of possession, with DPoP"},
		{contract.ContextSubject, "Allow", "the user, if the access token is known to name one"},
		{contract.ContextExpires, "Allow", "of a WebSocket: when the access token expires, in seconds since 1970, if that is known"},
		{contract.ContextAllowedOrigin, "both", "the request's `Origin`, if it is trusted"},
		{contract.ContextCode, "Deny", "the code"},
		{contract.ContextMessage, "Deny", "a constant that names the failed check"},
		{contract.ContextScope, "Deny", "the scopes that the route demands, or empty"},
	} {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row[0], row[1], row[2])
	}
	return b.String()
}

func join(numbers []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ", "), "[]")
}

func from(p contract.Party) string {
	var names []string
	for _, party := range []struct {
		contract.Party
		name string
	}{{contract.Authorizer, "authorizer"}, {contract.Agent, "agent"}, {contract.Gateway, "gateway"}} {
		if p&party.Party != 0 {
			names = append(names, party.name)
		}
	}
	return strings.Join(names, ", ")
}

func TestReadmeListsEndpoints(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range contract.Endpoints {
		if !strings.Contains(string(readme), "`"+e.Method+" "+e.Path+"`") {
			t.Errorf("README.md does not list %s %s", e.Method, e.Path)
		}
	}
}
