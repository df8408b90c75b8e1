package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Requirement is what a route demands of the access token.
type Requirement struct {
	// Scope lists the scopes the token must have, all of them, separated by
	// single spaces.
	Scope string `json:"scope,omitempty"`
	// Claims are claims the token must have: each is this value, or a list with
	// this value in it.
	Claims map[string]string `json:"claims,omitempty"`
}

// Scopes are the scopes of the list.
func (r Requirement) Scopes() []string { return strings.Fields(r.Scope) }

// Requirements are those of all routes. The keys are the method and the
// resource of API Gateway: "GET /orders/{id}". ANY is every method.
type Requirements map[string]Requirement

// RouteKey is the key of a method of a resource.
func RouteKey(method, resource string) string { return method + " " + resource }

// Encode is the form of ROUTE_REQUIREMENTS. It is the same for the same
// requirements, and "" for none.
func (r Requirements) Encode() string {
	if len(r) == 0 {
		return ""
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // every byte counts
	if err := encoder.Encode(r); err != nil {
		panic(err) // strings and maps of strings only
	}
	return strings.TrimSpace(out.String())
}

// ParseRequirements reads what Encode wrote. What it does not know it refuses:
// a demand that is not understood must not count as none.
func ParseRequirements(s string) (Requirements, error) {
	decoder := json.NewDecoder(strings.NewReader(s))
	decoder.DisallowUnknownFields()
	var requirements Requirements
	if err := decoder.Decode(&requirements); err != nil || requirements == nil || decoder.More() {
		return nil, errors.New("settings: requirements: expected a JSON object of routes")
	}
	for key, r := range requirements {
		method, resource, ok := strings.Cut(key, " ")
		if !ok || method == "" || !strings.HasPrefix(resource, "/") || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return nil, fmt.Errorf("settings: requirements: %q: expected a method and a resource, such as GET /orders", key)
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("settings: requirements: %s: %w", key, err)
		}
	}
	return requirements, nil
}

func (r Requirement) check() error {
	if r.Scope == "" && len(r.Claims) == 0 {
		return errors.New("expected scopes or claims")
	}
	if r.Scope != "" {
		for scope := range strings.SplitSeq(r.Scope, " ") {
			if !IsScopeToken(scope) {
				return fmt.Errorf("scope %q: expected 1 to 128 printable ASCII characters without space, quote and backslash", scope)
			}
		}
	}
	for name := range r.Claims {
		if name == "" {
			return errors.New("expected the name of a claim")
		}
	}
	return nil
}
