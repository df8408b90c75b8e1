package template

import "github.com/tokenhandler/aws/internal/cloudformation"

// resolver gives references the values that this package makes up.
func (l *loader) resolver() *cloudformation.Resolver {
	return &cloudformation.Resolver{Template: l.Template, Ref: l.ref, GetAtt: l.getAtt}
}

// resolve replaces the intrinsic functions in a value. Dynamic references stay as they are: see [loader.dynamic].
func (l *loader) resolve(v any, depth int) (any, error) { return l.resolver().Resolve(v, depth) }

// text resolves a scalar.
func (l *loader) text(v any, depth int) (string, error) { return l.resolver().Text(v, depth) }

// condition evaluates a named condition.
func (l *loader) condition(name string, depth int) (bool, error) {
	return l.resolver().Condition(name, depth)
}
