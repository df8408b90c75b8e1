package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

const (
	origin      = "https://www.example.com"
	redirectURI = origin + "/"
	clientID    = "spa"
	tableName   = "sessions"
	keyARN      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"
	agents      = 5
)

// world is a deployment: the provider, the table, the agents and an authorizer.
type world struct {
	ctx context.Context
	deployment
	short bool

	provider, table *fault
	keys            *keys
	idle            chan *lambdabench.Environment // agents without a request
	authorizer      *lambdabench.Environment
	agent           lambdabench.Bootstrap
	deciding        sync.Mutex

	requests atomic.Int64
	stops    []func()
}

func (w *world) close() {
	for _, stop := range w.stops {
		defer stop()
	}
}

// deployment is a kind of deployment.
type deployment struct {
	recorded bool // with a table
	grace    bool // the provider has a grace period
}

// newWorld starts a deployment.
func newWorld(ctx context.Context, d deployment, short bool) (_ *world, err error) {
	w := &world{ctx: ctx, deployment: d, short: short, keys: newKeys(), idle: make(chan *lambdabench.Environment, agents)}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	root, err := lambdabench.ModuleRoot()
	if err != nil {
		return nil, err
	}
	if _, err := setup.Packages(ctx, root); err != nil {
		return nil, err
	}
	if err := w.startProvider(root); err != nil {
		return nil, err
	}
	secrets := httptest.NewServer(w.keys)
	w.stops = append(w.stops, secrets.Close)
	shared := []string{
		"TRUSTED_WEB_ORIGINS=" + origin, "ENCRYPTION_KEY_SECRET_ARN=" + keyARN, "METRICS=none",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + secrets.URL, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
	}
	if d.recorded {
		if err := w.startTable(root); err != nil {
			return nil, err
		}
		shared = append(shared, "SESSIONS_TABLE="+tableName, "SESSIONS_KEY="+strings.Repeat("0123456789abcdef", 4), "AWS_ENDPOINT_URL_DYNAMODB="+w.table.url())
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() { os.RemoveAll(dir) })
	paths := map[string]string{}
	for _, name := range []string{"agent", "authorizer"} {
		if paths[name], err = lambdabench.Build(ctx, root, dir, "./lambda/"+name); err != nil {
			return nil, err
		}
	}
	w.agent = lambdabench.Bootstrap{Name: "agent", Path: paths["agent"], Env: append([]string{
		"ISSUER=" + w.provider.url(), "CLIENT_ID=" + clientID, "CLIENT_SECRET=secret", "REDIRECT_URI=" + redirectURI, "SCOPE=openid profile",
	}, shared...)}
	for range agents {
		if err := w.startAgent(); err != nil {
			return nil, err
		}
	}
	w.authorizer, err = lambdabench.Start(ctx, lambdabench.Bootstrap{Name: "authorizer", Path: paths["authorizer"],
		Env: append([]string{"DEPLOYMENT=" + w.provider.url() + " " + clientID}, shared...)})
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, w.authorizer.Close, func() {
		for range agents {
			(<-w.idle).Close()
		}
	})
	return w, nil
}

func (w *world) startAgent() error {
	e, err := lambdabench.Start(w.ctx, w.agent)
	if err == nil {
		w.idle <- e
	}
	return err
}

func (w *world) startProvider(root string) error {
	node, _, err := setup.Node(w.ctx)
	if err != nil {
		return err
	}
	w.provider = newFault()
	w.stops = append(w.stops, w.provider.close)
	issuer := w.provider.url()
	type object = map[string]any
	config, err := json.Marshal(object{
		"issuer": issuer, "port": 0, "proxied": true, "hosts": []string{strings.TrimPrefix(issuer, "http://")}, "access_token_ttl": 300,
		"clients":          []object{{"client_id": clientID, "client_secret": "secret", "redirect_uris": []string{redirectURI}}},
		"resource_servers": []object{}, "users": []object{{"sub": "alice", "login": "alice", "password": "alice", "claims": object{}}},
	})
	if err != nil {
		return err
	}
	cmd := exec.Command(node, filepath.Join(root, "local", "provider", "provider.mjs"))
	cmd.Env = []string{"NODE_ENV=production", "PATH=" + os.Getenv("PATH")}
	stdin, err := cmd.StdinPipe() // the provider ends when it is closed
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		return err
	}
	w.stops = append(w.stops, func() { stdin.Close(); cmd.Process.Kill(); cmd.Wait() })
	if _, err := stdin.Write(append(config, '\n')); err != nil {
		return err
	}
	var ready struct{ Port int }
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &ready) != nil || ready.Port == 0 {
		return errors.New("the provider did not start")
	}
	if err := w.provider.to(ready.Port); err != nil {
		return err
	}
	if w.grace {
		w.provider.works = &grace{provider: w.provider.works, answers: map[string]kept{}}
	}
	return nil
}

func (w *world) startTable(root string) error {
	node, _, err := setup.Node(w.ctx)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command(node, filepath.Join(root, "node_modules", "dynalite", "cli.js"), "--host", "127.0.0.1", "--port", strconv.Itoa(port), "--createTableMs", "0")
	if err := cmd.Start(); err != nil {
		return err
	}
	w.stops = append(w.stops, func() { cmd.Process.Kill(); cmd.Wait() })
	w.table = newFault()
	w.stops = append(w.stops, w.table.close)
	if err := w.table.to(port); err != nil {
		return err
	}
	create := `{"TableName":"` + tableName + `","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
		"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"u","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"}],
		"GlobalSecondaryIndexes":[{"IndexName":"bySubject","KeySchema":[{"AttributeName":"u","KeyType":"HASH"}],"Projection":{"ProjectionType":"KEYS_ONLY"}},
		{"IndexName":"bySid","KeySchema":[{"AttributeName":"s","KeyType":"HASH"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}`
	for range 300 {
		r, err := http.NewRequestWithContext(w.ctx, http.MethodPost, w.table.url()+"/", strings.NewReader(create))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.CreateTable")
		r.Header.Set("X-Amz-Date", "20260101T000000Z")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local")
		got, err := http.DefaultClient.Do(r)
		if err == nil {
			got.Body.Close()
			if got.StatusCode == 200 {
				return nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("dynalite did not start")
}

// fault is a proxy that breaks requests.
type fault struct {
	server *httptest.Server
	works  http.Handler // set before the first request
	mu     sync.Mutex
	breaks func(http.ResponseWriter, *http.Request, http.Handler) // nil: works
	tokens atomic.Int64                                           // calls of the token endpoint
}

func newFault() *fault {
	f := &fault{}
	f.server = httptest.NewServer(f)
	return f
}

func (f *fault) close() {
	f.server.CloseClientConnections()
	f.server.Close()
}

func (f *fault) url() string { return f.server.URL }

func (f *fault) to(port int) error {
	target, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	f.works = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("X-Forwarded-Proto", "http")
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return nil
}

// set breaks requests with the function; nil ends it.
func (f *fault) set(breaks func(http.ResponseWriter, *http.Request, http.Handler)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.breaks = breaks
}

func (f *fault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		f.tokens.Add(1)
	}
	f.mu.Lock()
	breaks := f.breaks
	f.mu.Unlock()
	if breaks != nil {
		breaks(w, r, f.works)
		return
	}
	f.works.ServeHTTP(w, r)
}

// keys is the Secrets Manager with the cookie key.
type keys struct {
	mu                sync.Mutex
	current, previous string
	version           int
}

func newKeys() *keys {
	return &keys{current: key(1), version: 1}
}

func key(n int) string { return strings.Repeat(fmt.Sprintf("%08x", 0x1234567*n), 8) }

// rotate makes a new key. It is in force at once: its date is an hour ago.
func (k *keys) rotate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	k.previous, k.current = k.current, key(k.version)
}

func (k *keys) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct{ VersionStage string }
	json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&request)
	k.mu.Lock()
	defer k.mu.Unlock()
	value, version := k.current, k.version
	if request.VersionStage == "AWSPREVIOUS" {
		value, version = k.previous, k.version-1
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if value == "" {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"ResourceNotFoundException"}`)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{
		"ARN": keyARN, "Name": "key", "SecretString": value, "VersionId": fmt.Sprintf("00000000-0000-0000-0000-%012d", version),
		"VersionStages": []string{request.VersionStage}, "CreatedDate": time.Now().Add(-time.Hour).Unix(),
	})
}
