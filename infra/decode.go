package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/tokenhandler/aws/internal/settings"
)

// comment is the key of a comment in a stage or in an object within it: JSON
// has no comments.
const comment = "//"

// decoder reads JSON into the structs of a stage and collects faults, which name
// the fields as the stage has them.
type decoder struct {
	faults []string
	prefix string // of every field, such as clients.admin.
}

func (d *decoder) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(d.prefix+format, args...))
}

// add adds faults of the construct, or of the stage. Those of a route are below
// routes, such as routes[0].
func (d *decoder) add(faults settings.Faults, routes string) {
	for _, f := range faults {
		d.faults = append(d.faults, f.In(func(s settings.Setting) string { return d.prefix + stageName(s, routes) }))
	}
}

// stageName returns the name of a setting in a stage. The environments of the
// Lambdas consist of the same fields.
func stageName(s settings.Setting, routes string) string {
	switch name := s.StageName(); {
	case name == "":
		return s.GoName()
	case strings.EqualFold(s.Root(), "route"):
		return routes + name
	case s.Root() == "SiteProps":
		return "site." + name
	default:
		return name
	}
}

func (d *decoder) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(d.faults, "\n"))
}

// decode sets the fields of the struct that root points to and returns the texts
// of those that are constructs. Faults name the fields below prefix.
func (d *decoder) decode(root any, object map[string]any, prefix string) givens {
	for _, f := range settings.Fields(root) { // so that their fields are known
		if name := f.StageName(); f.Value.Kind() == reflect.Pointer && f.Group() && object[name] != nil {
			f.Value.Set(reflect.New(f.Value.Type().Elem()))
		}
	}
	fields := map[string]settings.Field{}
	for _, f := range settings.Fields(root) {
		if f.Tag("json") == "" {
			continue // a group that is flattened, or a field that a stage does not have
		}
		fields[f.StageName()] = f
		if second := f.Tag("with"); second != "" {
			fields[strings.TrimSuffix(f.StageName(), f.Tag("json"))+second] = f
		}
	}
	found := givens{}
	d.object(fields, object, "", prefix, found)
	d.pairs(fields, prefix, found)
	return found
}

// object reads an object whose fields are below parent, such as operation.
func (d *decoder) object(fields map[string]settings.Field, object map[string]any, parent, prefix string, found givens) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		name, value := parent+key, object[key]
		f, known := fields[name]
		switch inner, isObject := value.(map[string]any); {
		case key == comment && isComment(value):
		case key == comment:
			d.fault("%s%s%s must be a string or a list of strings", prefix, parent, comment)
		case !known:
			d.fault("%s%s is unknown: it must be one of %s", prefix, name, strings.Join(names(fields, parent), ", "))
		case f.Group() && isObject:
			d.object(fields, inner, name+".", prefix, found)
		case f.Group():
			d.fault("%s%s must be an object, got %s", prefix, name, quoted(value))
		default:
			if problem := set(f, name, value, found); problem != "" {
				d.fault("%s%s %s, got %s", prefix, name, problem, quoted(value))
			}
		}
	}
}

// pairs refuses half of a construct that is given by two fields.
func (d *decoder) pairs(fields map[string]settings.Field, prefix string, found givens) {
	for name, f := range fields {
		second := f.Tag("with")
		if second == "" || name != f.StageName() {
			continue
		}
		other := strings.TrimSuffix(name, f.Tag("json")) + second
		if (found[name] == "") != (found[other] == "") {
			missing, is := name, other
			if found[name] != "" {
				missing, is = other, name
			}
			d.fault("%s%s is required with %s%s", prefix, missing, prefix, is)
		}
	}
}

// routes reads the list of routes.
func (d *decoder) routes(value any) []route {
	if value == nil {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		d.fault("routes must be a list, got %s", quoted(value))
		return nil
	}
	routes := make([]route, len(list))
	for i, item := range list {
		name := fmt.Sprintf("routes[%d]", i)
		object, ok := item.(map[string]any)
		if !ok {
			d.fault("%s must be an object, got %s", name, quoted(item))
			continue
		}
		routes[i].given = d.decode(&routes[i], object, name+".")
	}
	return routes
}

// set sets a field and returns the problem with its value, or "".
func set(f settings.Field, name string, value any, found givens) string {
	target := f.Value.Addr().Interface()
	if kinds[f.Type()] != nil {
		return found.set(f, name, value)
	}
	switch target := target.(type) {
	case *[]route:
		return "" // read by routes
	case *time.Duration:
		text, _ := value.(string)
		d, err := settings.ParseDuration(text)
		if err != nil || d < 0 {
			return "must be a duration such as 30s, 8h or 30d"
		}
		if d == 0 {
			d = settings.None
		}
		*target = d
		return ""
	case *awslogs.RetentionDays:
		days, _ := value.(float64)
		retention, ok := retentions[days]
		if !ok {
			return "must be a number of days that CloudWatch Logs knows: " + retentionDays()
		}
		*target = retention
		return ""
	case *awscdk.RemovalPolicy:
		policies := map[any]awscdk.RemovalPolicy{"retain": awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, "destroy": awscdk.RemovalPolicy_DESTROY}
		if *target = policies[value]; *target == "" {
			return "must be retain or destroy"
		}
		return ""
	}
	raw, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(raw, target)
	}
	if err != nil || value == nil {
		return "must be " + inWords(f.Value.Type())
	}
	return ""
}

func inWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list of " + inWords(t.Elem())[2:] + "s"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a number"
	}
	return "a string"
}

// names lists the names that are directly below parent.
func names(fields map[string]settings.Field, parent string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if below, ok := strings.CutPrefix(name, parent); ok && !strings.Contains(below, ".") {
			names = append(names, below)
		}
	}
	return names
}

func quoted(value any) string {
	raw, err := json.Marshal(value)
	if err != nil || len(raw) > 200 {
		return "another value"
	}
	return string(raw)
}

func isComment(value any) bool {
	lines, ok := value.([]any)
	if !ok {
		lines = []any{value}
	}
	for _, line := range lines {
		if _, ok := line.(string); !ok {
			return false
		}
	}
	return true
}

// override returns the fields with those that the context overrides:
// -c field=value. Lists are comma-separated, objects are JSON.
func (d *decoder) override(fields map[string]any, get func(key string) any, s *stage) map[string]any {
	merged := maps.Clone(fields)
	names := map[string]reflect.Type{}
	for _, f := range settings.Fields(s) {
		if f.Tag("json") != "" && !strings.Contains(f.StageName(), ".") {
			names[f.StageName()] = f.Value.Type()
		}
	}
	for former, now := range renamed {
		names[former] = names[now]
	}
	for name, t := range names {
		value := get(name)
		text, isText := value.(string)
		switch {
		case value == nil:
			continue
		case !isText: // from cdk.json or another app: JSON already
		case t == reflect.TypeFor[[]string]():
			list := []any{}
			for item := range strings.SplitSeq(text, ",") {
				if item = strings.TrimSpace(item); item != "" {
					list = append(list, item)
				}
			}
			value = list
		case t.Kind() != reflect.String && kinds[t] == nil && t != reflect.TypeFor[time.Duration]():
			if json.Unmarshal([]byte(text), &value) != nil {
				d.fault("%s must be %s as JSON, got %q (-c %s)", name, inWords(t), text, name)
				continue
			}
		}
		merged[name] = value
	}
	return merged
}
