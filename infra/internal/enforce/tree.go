// Package enforce applies the rules of package rules to a CDK app: to the
// construct tree before CDK writes templates, and to the templates afterwards.
package enforce

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/rules"
)

const methodType = "AWS::ApiGateway::Method"

// Handler is a token handler on a REST API.
type Handler struct {
	Path        string // construct path
	Authorizers []Authorizer
	Agent       map[string]string // paths of the agent's methods by construct path
	Protected   []string          // construct paths of the methods that Protect made
	Bound       bool              // with Props.AccessTokens.DPoP

	// Functions are its OAuth proxy, by logical id, and Specs the APIs with an
	// OpenAPI definition that it protects. Both are empty if another handler
	// speaks for them.
	Functions map[string]rules.Function
	Specs     []awsapigateway.SpecRestApi
}

// Authorizer is an authorizer of a token handler.
type Authorizer struct {
	ID string // as methods name it
	rules.Authorizer
}

// Parts is the number of steps that reading a tree takes.
//
// CDK's process handles a call to it in the middle of a callback on top of the
// callback's stack, and the stack shrinks only when the callback returns. So a
// callback ends with "RangeError: Maximum call stack size exceeded" after about
// 5,000 calls, which reading some 400 methods takes. Each step is a callback of
// its own.
const Parts = 8

// Tree applies the rules to every method of an API in the whole app, however it
// was made.
//
// Changes by AddPropertyOverride are not visible in the tree: see [Plugin].
type Tree struct{ reader }

// NewTree returns the check of an API. handlers are all token handlers of it.
func NewTree(api awsapigateway.RestApi, handlers []Handler) *Tree {
	t := &Tree{reader{api: api, id: *api.RestApiId(), stack: api.Stack(), handlers: handlers, rest: rules.API{}}}
	t.stackPath = *t.stack.Node().Path()
	if own, ok := api.Node().DefaultChild().(awsapigateway.CfnRestApi); ok {
		t.path = *own.Node().Path()
	}
	for _, node := range *api.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if _, ok := node.(awscdk.CfnResource); ok {
			t.unread = append(t.unread, node)
		}
	}
	return t
}

// Read reads one of the Parts of the tree. They are numbered from 0.
func (t *Tree) Read(part int) {
	n := (len(t.unread) + Parts - 1) / Parts
	for _, node := range t.unread[min(part*n, len(t.unread)):min((part+1)*n, len(t.unread))] {
		t.read(node)
	}
}

// Faults returns a line per finding, once everything is read, and adds warnings
// to the constructs.
func (t *Tree) Faults() []string {
	t.unused()
	t.findings()
	return t.faults
}

// reader collects the facts about one API.
type reader struct {
	api       awsapigateway.RestApi
	id        string // of the API, as methods name it
	path      string // construct path of its CfnRestApi
	stack     awscdk.Stack
	stackPath string
	handlers  []Handler

	unread []constructs.IConstruct
	rest   rules.API
	nodes  []constructs.IConstruct // by the number in Place.LogicalID
	paths  map[string]string       // of resources, by id; nil: not read yet
	faults []string
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *reader) read(node constructs.IConstruct) {
	switch node := node.(type) {
	case awsapigateway.CfnMethod:
		if r.same(node, *node.RestApiId(), r.id) {
			r.rest.Methods = append(r.rest.Methods, r.method(node))
		}
	case awsapigateway.CfnStage:
		if r.same(node, *node.RestApiId(), r.id) {
			r.rest.Stages = append(r.rest.Stages, rules.ReadStage(r.place(node), properties(node.Stack(), map[string]any{
				"CacheClusterEnabled": node.CacheClusterEnabled(), "MethodSettings": node.MethodSettings(), "AccessLogSetting": node.AccessLogSetting()})))
		}
	case awsapigateway.CfnRestApi:
		switch defined := node.Body() != nil || node.BodyS3Location() != nil; {
		case defined && *node.Node().Path() == r.path:
			r.fault("%s has an OpenAPI definition, whose methods cannot be checked here: add them as methods, or protect it with ExtendSpec", r.path)
		case defined:
			r.definition(node)
		}
	case awscdk.CfnResource:
		// The properties of a plain resource cannot be read.
		if isPlain(node) && *node.CfnResourceType() == methodType && *node.Stack().Node().Path() == r.stackPath {
			r.fault("%s is a plain CfnResource of type %s, which cannot be checked: make it an awsapigateway.CfnMethod", *node.Node().Path(), methodType)
		}
	}
}

// isPlain reports whether a resource may be of any type. Resources from the
// packages of services have the type that they are named after.
func isPlain(r awscdk.CfnResource) bool {
	const cdk = "github.com/aws/aws-cdk-go/awscdk/v2/"
	t := reflect.TypeOf(r)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return !strings.HasPrefix(t.PkgPath(), cdk)
}

// place gives a construct a number, in the order of the tree.
func (r *reader) place(node constructs.IConstruct) rules.Place {
	r.nodes = append(r.nodes, node)
	return rules.Place{LogicalID: fmt.Sprintf("%06d", len(r.nodes)-1)}
}

func (r *reader) node(at rules.Place) constructs.IConstruct {
	var n int
	fmt.Sscanf(at.LogicalID, "%d", &n)
	return r.nodes[n]
}

// same reports whether two references name the same within the API's stack.
func (r *reader) same(in awscdk.CfnResource, a, b string) bool {
	if a == b {
		return true
	}
	if *in.Stack().Node().Path() != r.stackPath {
		return false
	}
	return fmt.Sprint(r.stack.Resolve(a)) == fmt.Sprint(r.stack.Resolve(b))
}

// findings applies the rules, and puts the constructs and paths in.
func (r *reader) findings() {
	if slices.ContainsFunc(r.rest.Stages, func(s rules.Stage) bool { return s.CacheCluster || len(s.Settings) > 0 }) {
		for _, m := range r.rest.Methods {
			r.completePath(m) // settings of stages name paths
		}
	}
	for _, finding := range r.rest.Findings() {
		node := r.node(finding.Place)
		where := *node.Node().Path()
		if m := finding.Method; m != nil {
			r.completePath(m)
			where = fmt.Sprintf("%s %s at %s", m.HTTPMethod, m.Path, where)
		}
		text := fmt.Sprintf("%s %s [%s]", where, finding.Fault, finding.Rule)
		if finding.Advice {
			awscdk.Annotations_Of(node).AddWarningV2(jsii.String("tokenhandler:"+finding.Rule), jsii.String(text))
			continue
		}
		r.faults = append(r.faults, text)
	}
}

// unused finds token handlers whose authorizer no method uses. CDK refuses them
// with "Authorizer must be attached to a RestApi".
func (r *reader) unused() {
	for _, h := range r.handlers {
		used := slices.ContainsFunc(r.rest.Methods, func(m *rules.Method) bool {
			return m.Authorizer != nil && slices.ContainsFunc(h.Authorizers, func(a Authorizer) bool { return a.ID == m.Authorizer.ID })
		})
		if !used {
			r.fault("%s protects no method: add a route with Protect, or give a method its Authorizer", h.Path)
		}
	}
}
