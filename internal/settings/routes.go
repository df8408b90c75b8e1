package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// RouteKey is the key of a method of a resource of API Gateway:
// "GET /orders/{id}".
func RouteKey(method, resource string) string { return method + " " + resource }

// Requirement lists the scopes and claims that a route requires of the access
// token, and the token that goes upstream.
type Requirement struct {
	// Scope lists the scopes the token must have, all of them, separated by
	// single spaces.
	Scope string `json:"scope,omitempty"`
	// Claims are claims the token must have: each is this value, or a list that
	// contains this value.
	Claims map[string]string `json:"claims,omitempty"`
	// Exchange is the API that the access token is exchanged for. Nil: the token
	// itself goes upstream.
	Exchange *Exchange `json:"exchange,omitempty"`
}

// IsZero reports whether the route has no requirements.
func (r Requirement) IsZero() bool { return r.Scope == "" && len(r.Claims) == 0 && r.Exchange == nil }

// Scopes returns the scopes of the list.
func (r Requirement) Scopes() []string { return strings.Fields(r.Scope) }

// Requirements are those of all routes by [RouteKey]. ANY is every method.
type Requirements map[string]Requirement

// MarshalText returns the form of ROUTE_REQUIREMENTS: the same text for the same
// requirements, and "" without any.
func (r Requirements) MarshalText() ([]byte, error) {
	return compact(map[string]Requirement(r), len(r))
}

// UnmarshalText reads the form that MarshalText writes. It fails on unknown
// members: a requirement must not be ignored.
func (r *Requirements) UnmarshalText(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var requirements map[string]Requirement
	if err := decoder.Decode(&requirements); err != nil || requirements == nil || decoder.More() {
		return errors.New("settings: requirements must be a JSON object of routes")
	}
	for key, requirement := range requirements {
		method, resource, ok := strings.Cut(key, " ")
		if !ok || method == "" || !strings.HasPrefix(resource, "/") || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return fmt.Errorf("settings: requirements: %q must be a method and a resource, such as GET /orders", key)
		}
		if err := requirement.check(); err != nil {
			return fmt.Errorf("settings: requirements: %s: %w", key, err)
		}
	}
	*r = requirements
	return nil
}

func (r Requirement) check() error {
	if r.IsZero() {
		return errors.New("must have scopes, claims or an exchange")
	}
	if err := checkScopes(r.Scope); err != nil {
		return err
	}
	if r.Exchange != nil {
		if err := r.Exchange.Check(); err != nil {
			return fmt.Errorf("exchange: %w", err)
		}
	}
	for name := range r.Claims {
		if name == "" {
			return errors.New("the name of a claim must not be empty")
		}
	}
	return nil
}

// Upstreams are the URLs that routes lead to, by [RouteKey]. A URL may contain
// parameters of the path, {id}.
type Upstreams map[string]string

// MarshalText returns the form of UPSTREAMS: the same text for the same routes,
// and "" without any.
func (u Upstreams) MarshalText() ([]byte, error) { return compact(map[string]string(u), len(u)) }

// UnmarshalText reads the form that MarshalText writes.
func (u *Upstreams) UnmarshalText(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var upstreams map[string]string
	if err := decoder.Decode(&upstreams); err != nil || upstreams == nil || decoder.More() {
		return errors.New("settings: upstreams must be a JSON object of URLs")
	}
	for key, text := range upstreams {
		method, resource, ok := strings.Cut(key, " ")
		if !ok || !madeOf(method, 1, 16, "") || !strings.HasPrefix(resource, "/") {
			return fmt.Errorf("settings: upstreams: %q must be a method and a resource, such as GET /orders", key)
		}
		if plain := strings.NewReplacer("{", "", "}", "").Replace(text); !isURL(plain) || strings.Contains(plain, "?") {
			return fmt.Errorf("settings: upstreams: %s must be an https URL (http for loopback names only) without query and fragment", key)
		}
	}
	*u = upstreams
	return nil
}

// compact writes JSON without escaping HTML: the environment is small.
func compact(v any, size int) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}
