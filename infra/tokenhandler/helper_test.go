package tokenhandler

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// These tests must not run in parallel: jsii is one unlocked pipe to one node
// process. The process ends with the test.

// newStack makes a stack as the CLI would, with the flags of cdk.json, but does
// not compile Lambdas. It is in a Stage, because CDK validates templates below
// an App only, which takes seconds.
func newStack(t testing.TB) awscdk.Stack {
	t.Helper()
	context := cdkJSON(t)
	context["aws:cdk:bundling-stacks"] = []string{}
	return stackWith(context)
}

func stackWith(context map[string]any) awscdk.Stack {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &context})
	stage := awscdk.NewStage(app, jsii.String("Test"), nil)
	return awscdk.NewStack(stage, jsii.String("Stack"), nil)
}

func cdkJSON(t testing.TB) map[string]any {
	t.Helper()
	raw, err := os.ReadFile("../../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Context
}

func oneOrigin() *Props {
	return &Props{
		Application: Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/"},
		Provider:    Provider{Issuer: "https://login.example.com", ClientID: "spa-client", Scope: "openid profile"},
	}
}

func severalOrigins() *Props {
	p := oneOrigin()
	p.Application.TrustedWebOrigins = append(p.Application.TrustedWebOrigins, "https://admin.example.com", "http://www.example.localhost:3000")
	return p
}

func orders() Route {
	return Route{Path: "/orders", Methods: []string{"GET", "POST"}, Upstream: "https://orders.internal.example/v1/orders"}
}

// template is the part of a synthesized template that the tests read.
type template struct {
	Resources map[string]resource
	raw       []byte
}

type resource struct {
	Type       string
	Properties map[string]any
}

// plain is the template of oneOrigin with the route orders. Many tests read it.
// They must not change it.
var plain *template

// synth returns the template of a stack with a token handler, and with the
// resources of add. Without add it has the route orders.
func synth(t testing.TB, props *Props, add func(awscdk.Stack, *TokenHandler)) template {
	t.Helper()
	isPlain := add == nil && reflect.DeepEqual(props, oneOrigin())
	if isPlain && plain != nil {
		return *plain
	}
	stack := newStack(t)
	handler := New(stack, "TokenHandler", props)
	if add == nil {
		handler.Protect(orders())
	} else {
		add(stack, handler)
	}
	got := read(t, stack)
	if isPlain {
		plain = &got
	}
	return got
}

func read(t testing.TB, stack awscdk.Stack) template {
	t.Helper()
	var decoded template
	raw, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatal(err)
	}
	decoded.raw = raw
	return decoded
}

// panicOf runs f and returns the message of its panic, or "".
func panicOf(f func()) (message string) {
	defer func() {
		if r := recover(); r != nil {
			message = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// only returns the resources of a type, by logical id.
func (t template) only(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// path is the path of an AWS::ApiGateway::Resource.
func (t template) path(id any) string {
	reference, _ := id.(map[string]any)
	if reference["Fn::GetAtt"] != nil {
		return "" // of the API: its root
	}
	r := t.Resources[fmt.Sprint(reference["Ref"])]
	return t.path(r.Properties["ParentId"]) + "/" + fmt.Sprint(r.Properties["PathPart"])
}

// methods returns the methods by "GET /path".
func (t template) methods() map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, r := range t.only("AWS::ApiGateway::Method") {
		found[fmt.Sprint(r.Properties["HttpMethod"])+" "+t.path(r.Properties["ResourceId"])] = r.Properties
	}
	return found
}

// text renders part of a template with its references in place.
func text(v any) string {
	raw, _ := json.Marshal(v)
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(raw))
}

func mustContain(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("got %.300q, want %q in it", got, part)
		}
	}
}

var _ constructs.IValidation = (*ProtectedAPI)(nil)
