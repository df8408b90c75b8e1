package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/site"
	"github.com/tokenhandler/aws/local/internal/synth"
	"github.com/tokenhandler/aws/local/internal/template"
	"github.com/tokenhandler/aws/local/internal/trace"
	"github.com/tokenhandler/aws/local/internal/upstream"
)

// stage is the one of cdk.json that is run without -stage.
const stage = "local"

// origins of the parts, as a browser names them.
func (o options) www() string   { return o.origin("www", o.wwwPort) }
func (o options) api() string   { return o.origin("api", o.apiPort) }
func (o options) login() string { return o.origin("login", o.loginPort) }

func (o options) origin(name string, port int) string {
	scheme := "http"
	if o.tls {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s.%s:%d", scheme, name, o.domain, port)
}

// Programs other than browsers often do not resolve *.localhost, so what the
// Lambdas and the upstream API call is named by its address.
// They do not know the certificate of the run either, so the back channel is
// http.
func (o options) backChannel() string {
	port := o.loginPort
	if o.tls {
		port = o.backPort
	}
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}
func (o options) sample() string { return fmt.Sprintf("http://127.0.0.1:%d", o.upstreamPort) }

// overrides are the fields of the stage that follow from the flags. A provider
// of the stage's own is left as it is, and so are the routes then: the sample
// upstream API knows only the bundled provider.
func (o options) overrides(root string, external bool) ([]string, error) {
	fields := []string{
		"origins=" + o.www(),
		"redirectUri=" + o.www() + "/",
		"postLogoutRedirectUri=" + o.www() + "/",
	}
	if external && o.upstream == "" {
		return append(fields, o.set...), nil
	}
	routes, err := synth.RoutesTo(root, o.stage, o.behind())
	if err != nil {
		return nil, err
	}
	fields = append(fields, "routes="+routes)
	if external {
		return append(fields, o.set...), nil
	}
	fields = append(fields,
		"issuer="+o.login(),
		"authorizeEndpoint="+o.login()+"/auth",
		"logoutEndpoint="+o.login()+"/session/end",
		"tokenEndpoint="+o.backChannel()+"/token",
		"userInfoEndpoint="+o.backChannel()+"/me",
		"jwksEndpoint="+o.backChannel()+"/jwks",
		"revocationEndpoint="+o.backChannel()+"/token/revocation",
		"introspectionUrl="+o.backChannel()+"/token/introspection",
	)
	return append(fields, o.set...), nil
}

// behind is the origin of the upstream API.
func (o options) behind() string {
	if o.upstream != "" {
		return strings.TrimSuffix(o.upstream, "/")
	}
	return o.sample()
}

// run does all of it, until ctx ends. What it started it stops.
func run(ctx context.Context, o options, c *console) error {
	began := time.Now()
	ports, err := takePorts(o)
	if err != nil {
		return err
	}
	defer ports.close()
	var cert *certificate
	if o.tls {
		if cert, err = newCertificate(began, o.names()...); err != nil {
			return err
		}
	}
	var requests *trace.Log
	if o.tracePort != 0 {
		requests = trace.NewLog()
		page := serve(requests.Handler(o.tracePort), ports.trace, nil)
		page.http.RegisterOnShutdown(requests.Close)
		defer page.stop()
	}
	c.printf("\n%s\n\n", c.paint(bold, "The token handler, from its synthesized template"))

	root, node, err := prepare(ctx, c)
	if err != nil {
		return err
	}
	external, err := o.external(root)
	if err != nil {
		return err
	}
	t, err := synthesize(ctx, o, c, root, node, external)
	if err != nil {
		return err
	}
	secrets, err := startSecrets(o, c, t)
	if err != nil {
		return err
	}
	defer secrets.stop()
	o.environment = secrets.environment()
	lambdas, err := startLambdas(ctx, o, c, root, t, requests)
	if err != nil {
		return err
	}
	defer lambdas.close()
	if err := secrets.rotateWith(lambdas.invoke); err != nil {
		return err
	}

	var providerEnded <-chan struct{} // never, if it is not ours
	if external {
		c.part("provider", lambdas.agent.Issuer+", as stage "+o.stage+" has it; the bundled one is not started", 0)
	} else {
		secret := settings.Secret(rand.Text())
		idp, err := startProvider(ctx, o, c, root, lambdas.agent, lambdas.others, secret)
		if err != nil {
			return err
		}
		defer idp.Stop()
		providerEnded = idp.Done()
		login := front(idp.Addr(), requests)
		defer serve(login, ports.login, cert).stop()
		defer serve(login, ports.back, nil).stop()

		sample, err := upstream.New(upstream.Config{
			IntrospectionURL: o.backChannel() + "/token/introspection", ClientID: ordersClient, ClientSecret: secret,
		})
		if err != nil {
			return err
		}
		defer serve(sample, ports.upstream, nil).stop()
		c.part("upstream", o.sample(), 0)
	}

	api, err := gateway.New(t.API(), gateway.Options{Invoke: lambdas.invoke, Log: c.requests(), Trace: lambdas.traceOptions(t, requests, cert.spki())})
	if err != nil {
		return err
	}
	defer serve(api, ports.api, cert).stop()
	c.part("api", o.api(), 0)

	page := site.Config{Dir: cmp.Or(o.site, filepath.Join(root, "spa")), API: o.api(), AgentPath: lambdas.agent.BasePath}
	if err := page.Validate(); err != nil {
		return err
	}
	defer serve(site.Handler(page), ports.www, cert).stop()
	c.part("spa", o.www(), 0)
	if o.tracePort != 0 {
		c.part("trace", fmt.Sprintf("http://127.0.0.1:%d", o.tracePort), 0)
	}
	if cert != nil {
		c.part("pin", "sha256/"+cert.pin, 0)
	}

	c.routes(api.Routes(), lambdas.names)
	if external {
		c.printf("  Open %s and sign in at %s, where %s is to be registered as redirect URI\n", c.paint(bold, o.www()), lambdas.agent.Issuer, c.paint(bold, o.www()+"/"))
	} else {
		c.printf("  Open %s and sign in as %s with the password %s\n", c.paint(bold, o.www()), c.paint(bold, demoUser), c.paint(bold, demoPassword))
	}
	c.printf("  %s\n\n", c.paint(dim, fmt.Sprintf("Ready in %.1f s. Ctrl-C stops everything", time.Since(began).Seconds())))

	select {
	case <-ctx.Done():
		c.printf("\n  stopping\n")
		return nil
	case <-providerEnded:
		return errors.New("local: the OpenID Provider ended: run again, with -v to see what it says")
	}
}

// prepare checks the tools and installs the npm packages.
func prepare(ctx context.Context, c *console) (root, node string, err error) {
	began := time.Now()
	here, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	if root, err = setup.Root(here); err != nil {
		return "", "", err
	}
	if err := setup.Go(); err != nil {
		return "", "", err
	}
	node, version, err := setup.Node(ctx)
	if err != nil {
		return "", "", err
	}
	installed, err := setup.Packages(ctx, root)
	if err != nil {
		return "", "", err
	}
	packages := "npm packages in place"
	if installed {
		packages = "npm packages installed"
	}
	c.part("set-up", "Node.js "+version+", "+packages, time.Since(began))
	return root, node, nil
}

func synthesize(ctx context.Context, o options, c *console, root, node string, external bool) (*template.Template, error) {
	began := time.Now()
	out := o.out
	if !filepath.IsAbs(out) {
		out = filepath.Join(root, out)
	}
	values, err := readSecrets(o.secrets)
	if err != nil {
		return nil, err
	}
	overrides, err := o.overrides(root, external)
	if err != nil {
		return nil, err
	}
	slow := time.AfterFunc(8*time.Second, func() {
		c.printf("  %s\n", c.paint(dim, "           compiling the app and the Lambdas; the first time takes a few minutes"))
	})
	defer slow.Stop()
	if err := synth.Run(ctx, synth.Config{Root: root, Node: node, Out: out, Stage: o.stage, Overrides: overrides}); err != nil {
		return nil, err
	}
	stack, options, err := o.stack(root)
	if err != nil {
		return nil, err
	}
	options.Secrets = values
	t, err := template.Load(out, stack, options)
	if err != nil {
		return nil, err
	}
	shown := out
	if relative, err := filepath.Rel(root, out); err == nil && !strings.HasPrefix(relative, "..") {
		shown = relative
	}
	c.part("synth", "stack "+stack+" for "+synth.Architecture()+" into "+shown, time.Since(began))
	return t, nil
}
