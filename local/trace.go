package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/template"
	"github.com/tokenhandler/aws/local/internal/trace"
)

// traceOptions describe the token handler's functions to the gateway's trace.
func (l *lambdas) traceOptions(t *template.Template, log *trace.Log, pin string) gateway.TraceOptions {
	o := gateway.TraceOptions{Log: log, Pin: pin, Names: l.names, Agents: map[string]bool{}, AccessCookies: map[string]string{}}
	for _, f := range t.Functions() {
		prefix := f.Environment["COOKIE_NAME_PREFIX"]
		switch {
		case !ours(f):
		case f.Environment["REDIRECT_URI"] != "":
			o.Agents[f.LogicalID] = true
		default:
			if prefix == "" {
				prefix = "th"
			}
			o.AccessCookies[f.LogicalID] = prefix + "-at"
		}
	}
	return o
}

// ours reports whether a function is the token handler's own. The log of other
// functions may contain anything, so it does not reach the trace.
func ours(f template.Function) bool {
	name := shortName(f.ConstructPath)
	return (name == "agent" || name == "authorizer") && f.Environment["TRUSTED_WEB_ORIGINS"] != ""
}

// logged are the fields of a log line that the trace shows.
var logged = []string{"endpoint", "code", "reason", "note", "error", "duration_ms"}

// annotate adds a line of an agent's or authorizer's log to its request.
func annotate(log *trace.Log, name, line string) {
	if log == nil || !strings.HasPrefix(line, "{") {
		return
	}
	var fields map[string]any
	if json.Unmarshal([]byte(line), &fields) != nil {
		return
	}
	id, _ := fields["request_id"].(string)
	if id == "" {
		id, _ = fields["requestId"].(string)
	}
	s := trace.Step{Name: "log", Title: "Log of the " + name, Result: "info"}
	for _, field := range logged {
		if v, ok := fields[field]; ok {
			s.Rows = append(s.Rows, trace.Row{Name: field, Value: fmt.Sprint(v)})
		}
	}
	interesting := func(r trace.Row) bool { return slices.Contains([]string{"reason", "note", "error"}, r.Name) }
	// The authorizer's step has the reason already.
	if fields["msg"] != "refused" && slices.ContainsFunc(s.Rows, interesting) {
		log.Annotate(id, s)
	}
}
