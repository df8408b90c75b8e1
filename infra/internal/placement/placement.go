// Package placement decides which template holds the methods of routes.
//
// Methods stand in the stack of the token handler while they fit there. A mapped
// method takes about 17 KB, and CloudFormation takes 1,000,000 bytes and 500
// resources for a template, so about 30 fit beside everything else. Beyond that
// they are spread over nested stacks.
//
// The path of a method and the number of nested stacks decide in which one it
// is. A new or removed route moves no other method. That matters: CloudFormation
// creates before it deletes, and API Gateway refuses to create a method that
// exists. When the number of nested stacks changes, an API that the token
// handler made gets a new logical id. CloudFormation then makes a new API with
// all methods and removes the old one afterwards.
//
// docs/construct.md, "Size", has the figures and the alternatives.
package placement

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// layouts are the numbers of nested stacks to choose from. The last one also
// takes the preflights out of the parent.
var layouts = []int{0, 16, 64}

// Limits of the routes' share of a template, with room for the rest of it.
const (
	maxParentBytes     = 600_000
	maxParentResources = 380
	maxNestedBytes     = 900_000
	maxNestedResources = 450
)

// lanes is how many nested stacks CloudFormation deploys at once, each with one
// method after the other. API Gateway's control plane takes about ten calls per
// second of an account, and a mapped method needs about thirty. Deployments that
// make more at once fail with "Too Many Requests" (aws-cdk issues #15573 and
// #22229).
const lanes = 4

// Method is a method of a route.
type Method struct {
	Path, HTTPMethod string
	Integration      awsapigateway.Integration
	Options          *awsapigateway.MethodOptions
	// Size is the method as the template has it, for the estimate of its bytes.
	Size any
	// Preflight keeps the method in the parent for longer.
	Preflight bool
	// Made is called with every construct that is made for the method, and
	// Removed with those that are replaced by one in another stack.
	Made, Removed func(awsapigateway.Method)

	bytes    int // in the parent, which CDK indents
	compact  int // in a nested stack
	resource awsapigateway.IResource
	method   awsapigateway.Method // where it is now
	scope    constructs.Construct
	id       string
}

// Placement places the methods of one API.
type Placement struct {
	scope constructs.Construct
	api   awsapigateway.RestApi
	owned bool // the API may get a new logical id

	untied  awsapigateway.IRestApi // the API, without a tie to its deployment
	known   map[string]awsapigateway.IResource
	layout  int // index of layouts
	methods []*Method
	paths   map[string]bool
	nested  map[int]*stack
	order   []*stack
	name    string // logical id of the API in the first layout
}

type stack struct {
	nested awscdk.NestedStack
	id     string
	last   awsapigateway.CfnMethod
}

// New returns the placement for an API. Nested stacks are made below the API, so
// that a deployment of your own which depends on the API depends on them, too.
// References to the API are made below scope, in the same stack. owned says that the API may be replaced by
// one with another logical id.
func New(scope constructs.Construct, api awsapigateway.RestApi, owned bool) *Placement {
	return &Placement{scope: scope, api: api, owned: owned, known: map[string]awsapigateway.IResource{}, paths: map[string]bool{}}
}

// Stacks returns the number of nested stacks that the methods are spread over.
func (p *Placement) Stacks() int { return layouts[p.layout] }

// Add makes a method of a resource of the API. It spreads all methods anew if
// they do not fit where they are.
func (p *Placement) Add(resource awsapigateway.IResource, m *Method) {
	m.resource = resource
	m.measure()
	p.notePath(m.Path)
	p.methods = append(p.methods, m)
	layout := p.layout
	for layout < len(layouts)-1 && !p.fits(layout) {
		layout++
	}
	if layout == p.layout {
		p.create(m)
		return
	}
	for _, placed := range p.methods[:len(p.methods)-1] {
		p.remove(placed)
	}
	p.removeStacks()
	p.layout = layout
	p.rename()
	for _, m := range p.methods {
		p.create(m)
	}
}

func (p *Placement) notePath(path string) {
	for i, c := range path {
		if c == '/' && i > 0 {
			p.paths[path[:i]] = true
		}
	}
	p.paths[path] = true
}

// inParent reports whether a method stands in the parent in a layout.
func (m *Method) inParent(layout int) bool {
	return layout == 0 || m.Preflight && layout < len(layouts)-1
}

// fits reports whether the methods fit into the templates of a layout.
func (p *Placement) fits(layout int) bool {
	parent, resources := 0, len(p.paths)
	bytes, number := map[int]int{}, map[int]int{}
	for _, m := range p.methods {
		if m.inParent(layout) {
			parent += m.bytes
			resources++
			continue
		}
		i := shard(m.Path, layouts[layout])
		bytes[i] += m.compact
		number[i]++
	}
	if parent > maxParentBytes || resources > maxParentResources {
		return false
	}
	for i := range bytes {
		if bytes[i] > maxNestedBytes || number[i] > maxNestedResources {
			return false
		}
	}
	return true
}

// shard is the number of the nested stack for a path.
func shard(path string, stacks int) int {
	hash := fnv.New32a()
	hash.Write([]byte(path))
	return int(hash.Sum32() % uint32(stacks))
}

func (p *Placement) create(m *Method) {
	m.id = m.HTTPMethod
	jsii.UnsafeCast(m.resource, &m.scope) // IResource is a construct, Go does not know it
	var in *stack
	if !m.inParent(p.layout) {
		in = p.stack(shard(m.Path, layouts[p.layout]))
		m.scope, m.id = in.nested, m.HTTPMethod+strings.ReplaceAll(m.Path, "/", "|")
	}
	m.method = awsapigateway.NewMethod(m.scope, jsii.String(m.id), &awsapigateway.MethodProps{
		HttpMethod: jsii.String(m.HTTPMethod), Resource: p.reference(m), Integration: m.Integration, Options: m.Options,
	})
	resource := m.method.Node().DefaultChild().(awsapigateway.CfnMethod)
	if in == nil {
		if d := p.deployment(); d != nil {
			d.AddResourceDependency(resource, nil)
		}
	} else {
		if in.last != nil {
			resource.AddResourceDependency(in.last, nil)
		}
		in.last = resource
	}
	m.Made(m.method)
}

func (p *Placement) remove(m *Method) {
	if d := p.deployment(); d != nil && m.inParent(p.layout) {
		d.RemoveResourceDependency(m.method.Node().DefaultChild().(awscdk.CfnResource))
	}
	m.Removed(m.method)
	m.scope.Node().TryRemoveChild(jsii.String(m.id))
}

// stack finds or makes a nested stack.
func (p *Placement) stack(number int) *stack {
	if s := p.nested[number]; s != nil {
		return s
	}
	id := fmt.Sprintf("Routes%dOf%d", number, layouts[p.layout])
	s := &stack{id: id, nested: awscdk.NewNestedStack(p.api, jsii.String(id), &awscdk.NestedStackProps{
		Description:                 jsii.String("Routes of the token handler"),
		SuppressTemplateIndentation: jsii.Bool(true),
	})}
	if d := p.deployment(); d != nil {
		d.AddResourceDependency(s.nested.NestedStackResource(), nil)
	}
	if len(p.order) >= lanes {
		s.nested.NestedStackResource().AddResourceDependency(p.order[len(p.order)-lanes].nested.NestedStackResource(), nil)
	}
	if p.nested == nil {
		p.nested = map[int]*stack{}
	}
	p.nested[number] = s
	p.order = append(p.order, s)
	return s
}

func (p *Placement) removeStacks() {
	for _, s := range p.order {
		if d := p.deployment(); d != nil {
			d.RemoveResourceDependency(s.nested.NestedStackResource())
		}
		p.api.Node().TryRemoveChild(jsii.String(s.id))
		p.api.Node().TryRemoveChild(jsii.String(s.id + ".NestedStack"))
	}
	p.nested, p.order = nil, nil
}

// deployment is the resource of the API's latest deployment, or nil.
func (p *Placement) deployment() awscdk.CfnResource {
	if d := p.api.LatestDeployment(); d != nil {
		return d.Node().DefaultChild().(awscdk.CfnResource)
	}
	return nil
}

// rename gives the API the logical id of the layout.
func (p *Placement) rename() {
	if !p.owned {
		return
	}
	api := p.api.Node().DefaultChild().(awsapigateway.CfnRestApi)
	if p.name == "" {
		p.name = *p.api.Stack().GetLogicalId(api)
	}
	api.OverrideLogicalId(jsii.String(fmt.Sprintf("%sOf%d", p.name, layouts[p.layout])))
}

// reference is the resource of a method, but not tied to the deployment: CDK
// would tie the deployment to each method for good.
func (p *Placement) reference(m *Method) awsapigateway.IResource {
	if r := p.known[m.Path]; r != nil {
		return r
	}
	if p.untied == nil {
		p.untied = awsapigateway.RestApi_FromRestApiAttributes(p.scope, jsii.String("Untied"), &awsapigateway.RestApiAttributes{
			RestApiId: p.api.RestApiId(), RootResourceId: p.api.RestApiRootResourceId(),
		})
	}
	p.known[m.Path] = awsapigateway.Resource_FromResourceAttributes(p.scope, jsii.String("Untied"+strings.ReplaceAll(m.Path, "/", "|")), &awsapigateway.ResourceAttributes{
		Path: jsii.String(m.Path), ResourceId: m.resource.ResourceId(), RestApi: p.untied,
	})
	return p.known[m.Path]
}

// measure estimates the bytes of the method in a template.
func (m *Method) measure() {
	const rest = 900 // type, references and metadata
	indented, err := json.MarshalIndent(m.Size, "    ", " ")
	if err != nil {
		panic("placement: internal error: " + err.Error())
	}
	compact, _ := json.Marshal(m.Size)
	m.bytes, m.compact = len(indented)+rest, len(compact)+rest
}
