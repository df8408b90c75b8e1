package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/local/internal/template"
)

// maxResource: AWS: "The maximum size of a policy's Resource ARN is 512 characters".
const maxResource = 512

type verdict int

const (
	implicitlyDenied verdict = iota
	allowed
	explicitlyDenied
)

type policy []statement

type statement struct {
	allow             bool
	actions, resource []string
}

// oneOrMany is a string or a list of strings.
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*o = oneOrMany{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// parsePolicy reads a policy document. Elements that are not implemented (Condition, NotAction, …) are errors: ignoring
// one could turn a denial into a permission.
func parsePolicy(raw json.RawMessage) (policy, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, errors.New("policyDocument is missing")
	}
	type statementJSON struct {
		Sid      string    `json:"Sid"`
		Effect   string    `json:"Effect"`
		Action   oneOrMany `json:"Action"`
		Resource oneOrMany `json:"Resource"`
	}
	var doc struct {
		Version   string          `json:"Version"`
		ID        string          `json:"Id"`
		Statement json.RawMessage `json:"Statement"`
	}
	if err := strict(raw, &doc); err != nil {
		return nil, errors.New("policyDocument is malformed or has an element that is not implemented")
	}
	var statements []statementJSON
	if err := strict(doc.Statement, &statements); err != nil {
		var single statementJSON
		if err := strict(doc.Statement, &single); err != nil {
			return nil, errors.New("policyDocument: Statement is malformed or has an element that is not implemented")
		}
		statements = []statementJSON{single}
	}
	var out policy
	for i, s := range statements {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return nil, fmt.Errorf("policyDocument: statement %d has neither Effect Allow nor Deny", i)
		}
		if len(s.Action) == 0 || len(s.Resource) == 0 {
			return nil, fmt.Errorf("policyDocument: statement %d lacks Action or Resource", i)
		}
		for _, r := range s.Resource {
			if len(r) > maxResource {
				return nil, fmt.Errorf("policyDocument: statement %d has a Resource of %d characters, over %d", i, len(r), maxResource)
			}
		}
		out = append(out, statement{s.Effect == "Allow", s.Action, s.Resource})
	}
	return out, nil
}

func strict(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// evaluate decides for one method ARN: an explicit Deny wins over any Allow, and the default is to deny.
func (p policy) evaluate(arn string) verdict {
	v := implicitlyDenied
	for _, s := range p {
		if !matchAny(s.actions, strings.ToLower("execute-api:Invoke"), true) || !matchAny(s.resource, arn, false) {
			continue
		}
		if !s.allow {
			return explicitlyDenied
		}
		v = allowed
	}
	return v
}

func matchAny(patterns []string, s string, fold bool) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if fold { // action names are case-insensitive
			p = strings.ToLower(p)
		}
		return template.MatchARN(p, s)
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
