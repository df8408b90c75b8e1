package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/local/internal/child"
	"github.com/tokenhandler/aws/local/internal/template"
)

// tables is the DynamoDB of the run: the npm package dynalite, with the tables
// in memory. It is nil if no sessions are recorded.
type tables struct {
	process *child.Process
	url     string
	made    map[string]bool // by name
}

// startTables starts DynamoDB if a token handler of the template records
// sessions, and makes the tables that are missing. Tables stay over a reload.
func (r *runner) startTables(ctx context.Context, t *template.Template) error {
	wanted := t.Tables()
	if len(wanted) == 0 {
		return nil
	}
	if r.tables == nil {
		began := time.Now()
		started, err := launchTables(ctx, r.options, r.console, r.project)
		if err != nil {
			return err
		}
		r.tables = started
		r.console.part("dynamodb", started.url, time.Since(began))
	}
	for _, table := range wanted {
		if r.tables.made[table.Name] {
			continue
		}
		if err := r.tables.call(ctx, "CreateTable", table.Request); err != nil {
			return err
		}
		r.tables.made[table.Name] = true
	}
	return nil
}

func launchTables(ctx context.Context, o options, c *console, p *project) (*tables, error) {
	// The port is free: a program that has it would answer in the place of ours.
	taken, err := listen("DynamoDB", "-tables-port", o.tablesPort)
	if err != nil {
		return nil, err
	}
	for _, l := range taken {
		l.Close()
	}
	script := filepath.Join(p.home, "node_modules", "dynalite", "cli.js")
	if _, err := os.Stat(script); err != nil {
		return nil, fmt.Errorf("local: package dynalite is not installed: run npm ci: %w", err)
	}
	lines := child.NewLines(func(line string) {
		if o.verbose {
			c.child("dynamodb", line)
		}
	})
	cmd := exec.Command(p.node, script, "--host", "127.0.0.1", "--port", strconv.Itoa(o.tablesPort), "--createTableMs", "0")
	cmd.Stdout, cmd.Stderr = lines, lines
	t := &tables{url: fmt.Sprintf("http://127.0.0.1:%d", o.tablesPort), made: map[string]bool{}}
	if t.process, err = child.Start(cmd); err != nil {
		return nil, fmt.Errorf("local: dynalite: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for t.call(ctx, "ListTables", map[string]any{}) != nil {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-t.process.Done():
			return nil, fmt.Errorf("local: dynalite ended at its start: %v", t.process.Err())
		case <-ctx.Done():
			t.stop()
			return nil, fmt.Errorf("local: dynalite did not start: %w", ctx.Err())
		}
	}
	return t, nil
}

// call makes a call of the DynamoDB API. Dynalite demands a signature and does
// not check it.
func (t *tables) call(ctx context.Context, operation string, request any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("local: %s: %w", operation, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("local: %s: %w", operation, err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("local: DynamoDB: %s: %w", operation, err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(got.Body, 4<<10))
		return fmt.Errorf("local: DynamoDB: %s: status %d: %s", operation, got.StatusCode, text)
	}
	return nil
}

// environment tells the Lambdas the address, in the variable that AWS SDKs read
// too. The template has no such variable.
func (t *tables) environment() map[string]string {
	if t == nil {
		return nil
	}
	return map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": t.url}
}

func (t *tables) stop() {
	if t != nil {
		t.process.Stop(2 * time.Second)
	}
}

// logoutURI is the address at which the bundled provider reports the end of its
// sessions to an agent (OpenID Connect Back-Channel Logout 1.0).
func (o options) logoutURI(agent settings.Agent) string {
	port := o.apiPort
	if o.tls {
		port = o.backPort
	}
	return fmt.Sprintf("http://127.0.0.1:%d%s", port, logoutPath(agent))
}

func logoutPath(agent settings.Agent) string {
	return agent.Application.AgentPath + "/" + contract.EndpointBackChannelLogout
}

// backChannel serves the back channel of a run with https, in both directions:
// logout tokens go to the API, all else to the provider.
func (r *runner) backChannel() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/"+contract.EndpointBackChannelLogout) {
			r.api.ServeHTTP(w, req)
			return
		}
		r.login.ServeHTTP(w, req)
	})
}
