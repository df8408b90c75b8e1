package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/local/internal/provider"
	"github.com/tokenhandler/aws/local/internal/socket"
	"github.com/tokenhandler/aws/local/internal/synth"
	"github.com/tokenhandler/aws/local/internal/trace"
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

// Programs other than browsers often do not resolve *.localhost, so the
// Lambdas and the upstream API call addresses.
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
	origins, err := o.localOrigins(root)
	if err != nil {
		return nil, err
	}
	fields := []string{
		"origins=" + strings.Join(origins, ","),
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

// run starts the parts and serves until ctx ends. It stops all that it started.
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
	r := &runner{options: o, console: c, cert: cert, sockets: socket.NewServer()}
	if o.tracePort != 0 {
		r.trace = trace.NewLog()
		page := serve(r.trace.Handler(o.tracePort), ports.trace, nil)
		page.http.RegisterOnShutdown(r.trace.Close)
		defer page.stop()
	}
	c.printf("\n%s\n\n", c.paint(bold, "The token handler, from its synthesized template"))
	if r.project, err = o.project(ctx, c); err != nil {
		return err
	}
	defer r.close()
	if r.project.own && !r.project.external {
		if r.launched, err = provider.Launch(ctx, providerScript(r.project.home), providerLog(o, c)); err != nil {
			return err
		}
	}
	changes := r.watcher()
	if err := r.reload(ctx); err != nil {
		return err
	}
	defer serve(ownHosts(&r.api), ports.api, cert).stop()
	defer serve(&r.www, ports.www, cert).stop()
	if r.provider != nil {
		defer serve(&r.login, ports.login, cert).stop()
		defer serve(r.backChannel(), ports.back, nil).stop()
		defer serve(r.sample, ports.upstream, nil).stop()
	}
	r.tell(began)
	for {
		select {
		case <-ctx.Done():
			c.printf("\n  stopping\n")
			return nil
		case <-r.providerEnded():
			return errors.New("local: the OpenID Provider ended: run again, with -v to see its log")
		case <-changes.next(ctx):
			began := time.Now()
			if err := r.reload(ctx); err != nil {
				c.printf("  %s\n  %s\n", c.paint(red, err.Error()), c.paint(dim, "the previous template goes on"))
				continue
			}
			c.printf("  %s\n", c.paint(green, fmt.Sprintf("reloaded in %.1f s", time.Since(began).Seconds())))
		}
	}
}

// prepare checks the tools and installs the npm packages.
func prepare(ctx context.Context, c *console) (*project, error) {
	began := time.Now()
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	p := &project{}
	if p.home, p.module, err = home(ctx, here); err != nil {
		return nil, err
	}
	if err := setup.Go(); err != nil {
		return nil, err
	}
	var version string
	if p.node, version, err = setup.Node(ctx); err != nil {
		return nil, err
	}
	installed, err := setup.Packages(ctx, p.home)
	if err != nil {
		return nil, err
	}
	packages := "npm packages in place"
	if installed {
		packages = "npm packages installed"
	}
	c.part("set-up", "Node.js "+version+", "+packages, time.Since(began))
	return p, nil
}
