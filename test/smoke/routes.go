package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

type route struct{ method, path string }

func (r route) String() string { return r.method + " " + r.path }

// example returns a path that the route serves.
func (r route) example() string { return r.with("smoke-test") }

// with returns the path with a value in place of every parameter.
func (r route) with(value string) string {
	return parameterRE.ReplaceAllString(r.path, value)
}

var parameterRE = regexp.MustCompile(`\{[^}]*\}`)

// sendable returns the methods to send to the route.
func (r route) sendable() []string {
	if r.method == "ANY" {
		return []string{"GET", "POST"}
	}
	return []string{r.method}
}

// matches reports whether the route serves the method and the path.
func (r route) matches(method, path string) bool {
	if !slices.Contains(r.sendable(), method) {
		return false
	}
	want, got := strings.Split(r.path, "/"), strings.Split(path, "/")
	for i, segment := range want {
		switch {
		case strings.HasSuffix(segment, "+}"):
			return len(got) > i
		case i >= len(got), !strings.HasPrefix(segment, "{") && segment != got[i]:
			return false
		}
	}
	return len(got) == len(want)
}

// serving finds the route that serves a GET of a path. A literal segment takes
// precedence over a parameter, and a parameter over a greedy one.
func (o *options) serving(path string) (found route, known bool) {
	rank := func(r route) int { return strings.Count(r.path, "{") + 100*strings.Count(r.path, "+}") }
	for _, r := range slices.Concat(o.routes, o.public) {
		if r.matches("GET", path) && (!known || rank(r) < rank(found)) {
			found, known = r, true
		}
	}
	return found, known
}

// withParameter returns the first GET route with a path parameter, greedy or not.
func (o *options) withParameter(greedy bool) (route, bool) {
	for _, r := range o.routes {
		if slices.Contains(r.sendable(), "GET") && strings.Contains(r.path, "{") && strings.Contains(r.path, "+}") == greedy {
			return r, true
		}
	}
	return route{}, false
}

func sortRoutes(routes []route) {
	slices.SortFunc(routes, func(a, b route) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.method, b.method))
	})
}
