// Package template reads a synthesized CDK cloud assembly and turns one stack's CloudFormation template into the plain
// values a local run needs: the REST API with its routes, the WebSocket APIs, and the Lambda functions with their asset
// folders and environments.
//
// Physical names that CloudFormation would make up (API ids, ARNs, …) are made up here, in the right shape and the same
// on every run. Secrets that the template asks Secrets Manager to generate are generated in memory and never written.
//
// [Load] refuses all that would change a response and is not implemented, naming the construct and
// the property; all refusals are reported together. Resource types that make no difference to a local request (roles,
// keys, log groups, alarms, …) are skipped and listed by [Template.Ignored].
//
// Not implemented: transforms and macros, Fn::ImportValue, SSM parameters, Lambda layers, versions, aliases and
// container images, resource policies, usage plans and API keys, VPC links, caching, canaries, WAF and HTTP APIs; of
// WebSocket APIs integrations other than Lambda proxies, API keys, IAM authorization and models.
package template

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// Options complete a template. The zero value is usable.
type Options struct {
	Region    string // AWS::Region; "eu-west-1" when empty
	AccountID string // AWS::AccountId; "123456789012" when empty
	Partition string // AWS::Partition; "aws" when empty

	Parameters map[string]string // values of template parameters

	// Secrets gives values of Secrets Manager secrets: by logical id for those in the template (instead of generating
	// one), by name or ARN, as the template spells it, for others.
	Secrets map[string]string

	Ignore []string // further resource types to skip; the caller answers for the difference

	// IgnoreOthers skips all resource types that are not implemented, except those of API Gateway.
	IgnoreOthers bool
	// HostRuntimes accepts functions with a Node.js runtime that the API invokes.
	HostRuntimes bool

	API   string // logical id of the REST API, needed only if the template has several
	Stage string // stage name, needed only if the API has several
}

// Template is a stack, resolved.
type Template struct {
	api       *API
	sockets   []*WebSocketAPI
	functions []Function
	secrets   map[string]Secret
	rotations []Rotation
	tables    []Table
	read      []ReadSecret
	ignored   []Ignored
}

// NotImplemented is the reason of resources that [Options.IgnoreOthers] skips.
const NotImplemented = "not implemented by the local run"

// Ignored is a resource that was skipped.
type Ignored struct{ LogicalID, ConstructPath, Type, Reason string }

// API returns the REST API.
func (t *Template) API() *API { return t.api }

// WebSocketAPIs returns the WebSocket APIs, sorted by logical id.
func (t *Template) WebSocketAPIs() []*WebSocketAPI { return slices.Clone(t.sockets) }

// Functions returns the Lambda functions, sorted by logical id. Those with a runtime that is not a custom one (such as
// CDK's own Node.js helpers) are left out unless an API invokes them, which is an error of [Load].
func (t *Template) Functions() []Function { return slices.Clone(t.functions) }

// Secret returns the value of a secret resource of the template.
func (t *Template) Secret(logicalID string) (Secret, bool) {
	s, ok := t.secrets[logicalID]
	return s, ok
}

// Secrets returns the values of the template's secret resources, by logical id.
func (t *Template) Secrets() map[string]Secret { return maps.Clone(t.secrets) }

// Rotations returns the rotations of secrets, sorted by logical id.
func (t *Template) Rotations() []Rotation { return slices.Clone(t.rotations) }

// Tables returns the DynamoDB tables of sessions, sorted by logical id.
func (t *Template) Tables() []Table { return slices.Clone(t.tables) }

// ReadSecrets returns the secrets that functions read when they run, sorted by ARN.
func (t *Template) ReadSecrets() []ReadSecret { return slices.Clone(t.read) }

// Ignored lists the skipped resources, sorted by logical id.
func (t *Template) Ignored() []Ignored { return slices.Clone(t.ignored) }

// Format keeps secrets out of a printed Template.
func (t *Template) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "template of API %s with %d functions", t.api.Name, len(t.functions))
}

// resource is a resource of the template that is created.
type resource = cloudformation.Resource

// loader is the state of one Load.
type loader struct {
	*cloudformation.Template
	stack   string
	dir     string
	opts    Options
	assets  map[string]asset // by S3 object key
	ids     []string         // sorted logical ids of the resources that are created
	secrets map[string]Secret
	ignored []Ignored
	errs    []error
}

func (l *loader) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf("template: "+format, args...))
}

// Load reads `<stack>.template.json` and `<stack>.assets.json` from a cloud assembly folder, and with them the nested
// stacks of the stack.
func Load(dir, stack string, opts Options) (*Template, error) {
	defaults := map[*string]string{&opts.Region: "eu-west-1", &opts.AccountID: "123456789012", &opts.Partition: "aws"}
	for field, value := range defaults {
		if *field == "" {
			*field = value
		}
	}
	l := &loader{stack: stack, dir: dir, opts: opts, secrets: map[string]Secret{}}
	var err error
	if l.Template, err = cloudformation.ReadWithNested(filepath.Join(dir, stack+".template.json")); err != nil {
		return nil, notFound(err)
	}
	if l.assets, err = readAssets(filepath.Join(dir, stack+".assets.json")); err != nil {
		return nil, err
	}
	if l.Transform != nil {
		return nil, fmt.Errorf("template: %s uses Transform, which is not implemented", stack)
	}
	if err := l.selectResources(); err != nil {
		return nil, err
	}
	for _, id := range l.ofType("AWS::SecretsManager::Secret") {
		if s, err := l.makeSecret(l.Resources[id]); err != nil {
			l.fail("%s: %w", l.Resources[id], err)
		} else {
			l.secrets[id] = s
		}
	}
	api := l.loadAPI()
	sockets := l.loadWebSocketAPIs()
	functions := l.loadFunctions(api, sockets)
	rotations := l.loadRotations(functions)
	read := l.loadReadSecrets(functions)
	tables := l.loadTables(functions)
	l.checkPermissions(api, sockets)
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	slices.SortFunc(l.ignored, func(a, b Ignored) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return &Template{api: api, sockets: sockets, functions: functions, secrets: l.secrets, rotations: rotations, tables: tables, read: read, ignored: l.ignored}, nil
}

// selectResources drops resources whose condition is false and sorts out the types.
func (l *loader) selectResources() error {
	for id, r := range l.Resources {
		if r.Condition != "" {
			ok, err := l.condition(r.Condition, 0)
			if err != nil {
				return fmt.Errorf("template: %s: %w", r, err)
			}
			if !ok {
				delete(l.Resources, id)
				continue
			}
		}
		l.ids = append(l.ids, id)
	}
	slices.Sort(l.ids)
	if l.opts.IgnoreOthers {
		l.ids = slices.DeleteFunc(l.ids, l.leaveOutHTTPAPI)
	}
	for _, id := range l.ids {
		r := l.Resources[id]
		switch {
		case types[r.Type] != nil:
			l.checkProperties(r.String(), types[r.Type], r.Properties)
		case slices.Contains(harmless, r.Type), slices.Contains(l.opts.Ignore, r.Type):
			l.ignore(r, "makes no difference to a local request")
		case l.opts.IgnoreOthers && !strings.HasPrefix(r.Type, "AWS::ApiGateway"):
			l.ignore(r, NotImplemented)
		default:
			l.fail("%s: resources of this type are not implemented by the local gateway", r)
		}
	}
	return nil
}

func (l *loader) ignore(r *resource, reason string) {
	l.ignored = append(l.ignored, Ignored{r.ID, r.ConstructPath(), r.Type, reason})
}

func (l *loader) ofType(typ string) []string {
	var out []string
	for _, id := range l.ids {
		if l.Resources[id].Type == typ {
			out = append(out, id)
		}
	}
	return out
}

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("template: %w (is this a cdk.out folder, and the stack's name right?)", err)
	}
	return fmt.Errorf("template: %w", err)
}
