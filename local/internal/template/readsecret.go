package template

import (
	"maps"
	"slices"
	"strings"
)

// ReadSecret is a secret that a function reads when it runs, instead of having its value in the environment: a variable
// is its ARN.
type ReadSecret struct {
	ARN   string
	Value Secret
}

// loadReadSecrets reads the functions' environments. A secret without a value is an error here, not of a function that
// does not start.
func (l *loader) loadReadSecrets(functions []Function) []ReadSecret {
	var found []ReadSecret
	for _, f := range functions {
		for _, name := range slices.Sorted(maps.Keys(f.Environment)) {
			arn := f.Environment[name]
			if !isSecretARN(arn) || slices.ContainsFunc(found, func(r ReadSecret) bool { return r.ARN == arn }) {
				continue
			}
			value, ok, err := l.findSecret(arn)
			if err != nil || !ok {
				l.fail("%s: environment variable %s: %q is no secret of the template, and has no value given", l.Resources[f.LogicalID], name, arn)
				continue
			}
			found = append(found, ReadSecret{arn, value})
		}
	}
	slices.SortFunc(found, func(a, b ReadSecret) int { return strings.Compare(a.ARN, b.ARN) })
	return found
}

func isSecretARN(s string) bool {
	parts := strings.SplitN(s, ":", 7)
	return len(parts) == 7 && parts[0] == "arn" && parts[2] == "secretsmanager" && parts[5] == "secret"
}
