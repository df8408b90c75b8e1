package gateway

import (
	"fmt"
	"net/url"
	"strings"
)

// resource is a node of the resource tree.
type resource struct {
	literals map[string]*resource
	param    *resource // {name}
	greedy   *resource // {name+}
	name     string    // of a parameter
	methods  map[string]*route
}

func newResource() *resource {
	return &resource{literals: map[string]*resource{}, methods: map[string]*route{}}
}

func (n *resource) add(r *route) error {
	for _, part := range strings.FieldsFunc(r.Path, func(c rune) bool { return c == '/' }) {
		name, isParam := strings.CutPrefix(part, "{")
		name, closed := strings.CutSuffix(name, "}")
		switch {
		case isParam != closed || !isParam && strings.ContainsAny(part, "{}"):
			return fmt.Errorf("path part %q is malformed", part)
		case n.name != "" && n.greedyNode():
			return fmt.Errorf("path part %q follows a greedy parameter", part)
		case !isParam:
			if n.literals[part] == nil {
				n.literals[part] = newResource()
			}
			n = n.literals[part]
			continue
		}
		slot := &n.param
		if strings.HasSuffix(name, "+") {
			slot = &n.greedy
		}
		if *slot == nil {
			*slot = newResource()
			(*slot).name = name
		}
		if (*slot).name != name {
			// AWS: "A sibling of this resource already has a variable path part -- only one is allowed".
			return fmt.Errorf("path part %q has a sibling {%s}: only one variable path part is allowed", part, (*slot).name)
		}
		n = *slot
	}
	n.methods[r.HTTPMethod] = r
	return nil
}

func (n *resource) greedyNode() bool { return strings.HasSuffix(n.name, "+") }

// match finds the method that serves a path, literal before parameter before greedy parameter. The match is the
// pair of resource and method: a resource without the method is passed over, so that a request may fall through to a
// greedy sibling, with that one's authorizer. AWS does the same, so every greedy ANY needs an authorizer.
func (n *resource) match(escapedPath, method string) (*route, []param) {
	segments := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	if last := len(segments) - 1; segments[last] == "" { // a trailing slash is ignored, and "/" has no segments
		segments = segments[:last]
	}
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return nil, nil
		}
		segments[i] = decoded
	}
	return n.find(segments, method)
}

func (n *resource) find(segments []string, method string) (*route, []param) {
	if len(segments) == 0 {
		if r := n.methods[method]; r != nil {
			return r, nil
		}
		return n.methods["ANY"], nil
	}
	if next := n.literals[segments[0]]; next != nil {
		if r, params := next.find(segments[1:], method); r != nil {
			return r, params
		}
	}
	if n.param != nil && segments[0] != "" {
		if r, params := n.param.find(segments[1:], method); r != nil {
			return r, append([]param{{n.param.name, segments[0]}}, params...)
		}
	}
	if n.greedy != nil {
		if r, _ := n.greedy.find(nil, method); r != nil {
			return r, []param{{strings.TrimSuffix(n.greedy.name, "+"), strings.Join(segments, "/")}}
		}
	}
	return nil, nil
}
