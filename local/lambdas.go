package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/lambdaruntime"
	"github.com/tokenhandler/aws/local/internal/template"
)

// lambdas are the template's functions, running.
type lambdas struct {
	functions map[string]*lambdaruntime.Function // by logical id
	names     map[string]string                  // by logical id
	agent     settings.Agent                     // of the stage's own client
	others    []settings.Agent                   // of further clients
}

func startLambdas(ctx context.Context, r *runner, t *template.Template) (*lambdas, error) {
	began, o, c := time.Now(), r.options, r.console
	l := &lambdas{functions: map[string]*lambdaruntime.Function{}, names: map[string]string{}}
	var sizes []string
	for _, f := range t.Functions() {
		name := shortName(f.ConstructPath)
		l.names[f.LogicalID] = displayName(f.ConstructPath)
		dir, command, err := r.executable(ctx, f, name)
		if err != nil {
			l.close()
			return nil, err
		}
		maps.Copy(f.Environment, r.secrets.environment())
		maps.Copy(f.Environment, r.tables.environment())
		r.connections.prepare(f, t.WebSocketAPIs())
		config := lambdaruntime.Config{
			Name: f.Name, Dir: dir, Command: command, Handler: f.Handler, Timeout: f.Timeout, MemoryMB: f.MemoryMB,
			Environment: f.Environment, Region: t.API().Region, FunctionARN: f.ARN,
		}
		traced, shown := ours(f), l.names[f.LogicalID]
		config.Log = func(line string) {
			if traced {
				annotate(r.trace, shown, line)
			}
			if o.verbose {
				c.child(name, line)
			}
		}
		function, err := lambdaruntime.New(config)
		if err == nil {
			l.functions[f.LogicalID] = function
			err = function.Warm(ctx)
		}
		if err != nil {
			l.close()
			return nil, err
		}
		if info, err := os.Stat(filepath.Join(f.AssetDir, "bootstrap")); err == nil {
			sizes = append(sizes, fmt.Sprintf("%s %.1f MB", name, float64(info.Size())/1e6))
		}
		if _, isAgent := f.Environment["REDIRECT_URI"]; isAgent {
			agent, err := settings.Load[settings.Agent](func(name string) (string, bool) { v, ok := f.Environment[name]; return v, ok })
			if err != nil {
				l.close()
				return nil, err
			}
			if clientOf(f.ConstructPath) == "" {
				l.agent = agent
			} else {
				l.others = append(l.others, agent)
			}
		}
	}
	if l.agent.Provider.Issuer == "" {
		l.close()
		return nil, errors.New("local: the template has no OAuth agent: expected a function with the variable REDIRECT_URI")
	}
	c.part("lambdas", strings.Join(sizes, ", "), time.Since(began))
	return l, nil
}

// shortName is a function's name for people: Stack/TokenHandler/AgentFunction
// is the agent.
func shortName(constructPath string) string {
	path := strings.TrimSuffix(constructPath, "/Resource")
	return strings.ToLower(strings.TrimSuffix(filepath.Base(path), "Function"))
}

func (l *lambdas) invoke(ctx context.Context, id string, payload []byte) (gateway.Result, error) {
	function, known := l.functions[id]
	if !known {
		return gateway.Result{}, fmt.Errorf("local: the template has no function %s", id)
	}
	result, err := function.Invoke(ctx, payload)
	if err != nil {
		return gateway.Result{}, err
	}
	return gateway.Result{Payload: result.Payload, FunctionError: result.FunctionError != ""}, nil
}

func (l *lambdas) invokeStream(ctx context.Context, id string, payload []byte, w io.Writer) (gateway.Result, error) {
	function, known := l.functions[id]
	if !known {
		return gateway.Result{}, fmt.Errorf("local: the template has no function %s", id)
	}
	result, err := function.InvokeStream(ctx, payload, w)
	return gateway.Result{Payload: result.Payload, FunctionError: result.FunctionError != ""}, err
}

func (l *lambdas) close() {
	for _, f := range l.functions {
		f.Close()
	}
}
