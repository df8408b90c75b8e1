package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/provider"
	"github.com/tokenhandler/aws/local/internal/site"
	"github.com/tokenhandler/aws/local/internal/socket"
	"github.com/tokenhandler/aws/local/internal/synth"
	"github.com/tokenhandler/aws/local/internal/template"
	"github.com/tokenhandler/aws/local/internal/trace"
	"github.com/tokenhandler/aws/local/internal/upstream"
)

// runner is a run: the parts that stay, and those that a reload replaces.
type runner struct {
	options options
	console *console
	project *project
	cert    *certificate
	trace   *trace.Log

	template *template.Template
	stack    string
	secrets  *secrets
	tables   *tables
	lambdas  *lambdas
	gateway  *gateway.Gateway

	sockets     *socket.Server
	webSockets  *socket.APIs
	connections *connections

	launched   *provider.Launched // nil once it is started, or if it is not needed
	provider   *provider.Provider // nil: the app uses another
	registered string             // the configuration of the running provider
	sample     http.Handler
	orders     settings.Secret // of the sample API at the provider

	api, www, login swap
}

// swap is a handler that can be replaced while it serves.
type swap struct{ handler atomic.Pointer[http.Handler] }

func (s *swap) set(h http.Handler) { s.handler.Store(&h) }

func (s *swap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := s.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	http.Error(w, "not ready yet", http.StatusServiceUnavailable)
}

// reload synthesizes, starts the template's functions and serves its API. If it
// fails, the previous ones go on.
func (r *runner) reload(ctx context.Context) error {
	first := r.template == nil
	t, stack, err := r.synthesize(ctx)
	if err != nil {
		return err
	}
	if r.secrets == nil {
		if r.secrets, err = startSecrets(r.options, r.console, t); err != nil {
			return err
		}
	}
	if err := r.startTables(ctx, t); err != nil {
		return err
	}
	if err := r.startConnections(t); err != nil {
		return err
	}
	started, err := startLambdas(ctx, r, t)
	if err != nil {
		return err
	}
	if first {
		if err := r.secrets.rotateWith(func(ctx context.Context, id string, event []byte) (gateway.Result, error) {
			return r.lambdas.invoke(ctx, id, event)
		}); err != nil {
			started.close()
			return err
		}
	}
	if err := r.startProvider(ctx, started); err != nil {
		started.close()
		return err
	}
	traced := started.traceOptions(t, r.trace, r.cert.spki())
	api, err := gateway.New(t.API(), gateway.Options{Invoke: started.invoke, InvokeStream: started.invokeStream, Log: r.console.requests(), Trace: traced})
	if err != nil {
		started.close()
		return err
	}
	webSockets, err := socket.New(t.WebSocketAPIs(), socket.Options{Invoke: started.invoke, Domain: r.connections.address(), Log: r.console.requests(), Trace: traced})
	if err != nil {
		started.close()
		return err
	}
	page := site.Config{Dir: r.options.page(r.project.home), API: r.options.api(), AgentPath: started.agent.Application.AgentPath,
		WebSockets: len(t.WebSocketAPIs()) > 0}
	if err := page.Validate(); err != nil {
		started.close()
		return err
	}
	before := r.lambdas
	r.template, r.stack, r.lambdas, r.gateway, r.webSockets = t, stack, started, api, webSockets
	r.sockets.Use(webSockets)
	r.api.set(r.sockets.Handler(api))
	r.www.set(site.Handler(page))
	if before != nil {
		before.close()
	}
	return nil
}

func (o options) page(home string) string {
	if o.site != "" {
		return o.site
	}
	return filepath.Join(home, "spa")
}

func (r *runner) synthesize(ctx context.Context) (*template.Template, string, error) {
	began, c, p := time.Now(), r.console, r.project
	slow := time.AfterFunc(8*time.Second, func() {
		c.printf("  %s\n", c.paint(dim, "           compiling the app and the Lambdas; the first time takes a few minutes"))
	})
	defer slow.Stop()
	skipped, err := p.synthesize(ctx, r.options.fresh)
	if err != nil {
		return nil, "", err
	}
	t, stack, err := p.load(r.template)
	if err != nil {
		return nil, "", err
	}
	shown := p.out
	if relative, err := filepath.Rel(p.home, p.out); err == nil && !strings.HasPrefix(relative, "..") {
		shown = relative
	}
	what := "stack " + stack + " into " + shown
	switch {
	case p.own && !skipped:
		what = "stack " + stack + " for " + synth.Architecture() + " into " + shown
	case p.config == nil:
		what = "stack " + stack + " of " + shown
	case skipped:
		what = "stack " + stack + ", unchanged in " + shown
	}
	c.part("synth", what, time.Since(began))
	if out := leftOut(t); out != "" {
		c.part("left out", out, 0)
	}
	return t, stack, nil
}

// bundled reports whether the agent's provider is the one of the run.
func (r *runner) bundled(agent settings.Agent) bool {
	if r.project.own {
		return !r.project.external
	}
	return agent.Provider.Issuer == r.options.login()
}

// startProvider starts the OpenID Provider, unless it runs already for the same
// clients.
func (r *runner) startProvider(ctx context.Context, l *lambdas) error {
	if !r.bundled(l.agent) {
		if issuer := l.agent.Provider.Issuer; r.registered != issuer {
			r.registered = issuer
			r.console.part("provider", issuer+"; the bundled provider is not started", 0)
		}
		return nil
	}
	registered := fmt.Sprintf("%+v", []any{l.agent.Provider.Issuer, l.agent.Provider.ClientID, l.agent.Provider.ClientSecret.Reveal(), redirectURIs(&l.agent.Application), l.agent.Application.PostLogoutRedirectURI, l.agent.Sessions.Table, len(l.others)})
	if r.provider != nil && r.registered == registered {
		return nil
	}
	if r.orders == "" {
		r.orders = settings.Secret(rand.Text())
	}
	launched := r.launched
	r.launched = nil
	idp, err := startProvider(ctx, r.options, r.console, r.project.home, launched, l.agent, l.others, r.orders)
	if err != nil {
		return err
	}
	if r.provider != nil {
		r.provider.Stop()
	}
	r.provider, r.registered = idp, registered
	r.login.set(front(idp.Addr(), r.trace))
	if r.sample == nil {
		r.sample, err = upstream.New(upstream.Config{
			IntrospectionURL: r.options.backChannel() + "/token/introspection", ClientID: ordersClient, ClientSecret: r.orders,
			Origins: l.agent.Application.TrustedWebOrigins,
		})
	}
	return err
}

// providerEnded never is where the provider is not ours.
func (r *runner) providerEnded() <-chan struct{} {
	if r.provider == nil {
		return nil
	}
	return r.provider.Done()
}

func (r *runner) close() {
	if r.launched != nil {
		r.launched.Stop()
	}
	r.sockets.Close()
	if r.lambdas != nil {
		r.lambdas.close()
	}
	r.connections.stop()
	if r.provider != nil {
		r.provider.Stop()
	}
	r.secrets.stop()
	r.tables.stop()
}

// tell prints the addresses, the routes and how to sign in.
func (r *runner) tell(began time.Time) {
	o, c := r.options, r.console
	if r.provider != nil {
		c.part("upstream", o.sample(), 0)
	}
	c.part("api", o.api(), 0)
	for _, api := range r.template.WebSocketAPIs() {
		for _, path := range api.Paths {
			c.part("websocket", "ws"+strings.TrimPrefix(o.api(), "http")+path, 0)
		}
	}
	name := "spa"
	for _, origin := range r.origins() {
		c.part(name, origin, 0)
		name = ""
	}
	if o.tracePort != 0 {
		c.part("trace", fmt.Sprintf("http://127.0.0.1:%d", o.tracePort), 0)
	}
	if r.cert != nil {
		c.part("pin", "sha256/"+r.cert.pin, 0)
	}
	c.routes(append(r.gateway.Routes(), r.webSockets.Routes()...), r.lambdas.names)
	www := c.paint(bold, o.www())
	switch {
	case !r.lambdas.agent.Application.Trusts(o.www()):
		c.printf("  %s\n", c.paint(red, fmt.Sprintf("The stack trusts %s, and not %s: pages there are refused", list(r.lambdas.agent.Application.TrustedWebOrigins), o.www())))
	case r.provider == nil:
		c.printf("  Open %s and sign in at %s, where %s must be registered as redirect URI\n", www, r.lambdas.agent.Provider.Issuer, c.paint(bold, r.lambdas.agent.Application.RedirectURI))
	default:
		c.printf("  Open %s and sign in as %s with the password %s\n", www, c.paint(bold, demoUser), c.paint(bold, demoPassword))
	}
	c.printf("  %s\n\n", c.paint(dim, fmt.Sprintf("Ready in %.1f s. Ctrl-C stops everything", time.Since(began).Seconds())))
}

// origins are the trusted origins that this run serves, its own first.
func (r *runner) origins() []string {
	out := []string{r.options.www()}
	for _, origin := range r.lambdas.agent.Application.TrustedWebOrigins {
		if strings.HasSuffix(origin, fmt.Sprintf(".%s:%d", r.options.domain, r.options.wwwPort)) && !slices.Contains(out, origin) {
			out = append(out, origin)
		}
	}
	return out
}
