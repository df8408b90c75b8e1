// Command smoke tests a deployed token handler from outside, as a browser and an
// attacker see it. It prints a table with the results pass, fail and unknown, and
// exits with status 1 if a check failed.
//
//	go run ./test/smoke -url https://api.example.com -template cdk.out
//	go run ./test/smoke -url https://api.example.com -origin https://www.example.com -route 'GET /orders' -route 'POST /orders'
//
// The template, as "cdk synth" wrote it, contains the routes, the trusted origins,
// the cookie prefix and the CSRF header. Flags take precedence. Some checks need
// the template: it contains the validators of the routes and the headers that
// reach upstream. If it has several token handlers, choose one with -prefix or
// -agent.
//
// # With a session
//
// With the session of a signed-in user it also checks the headers that reach the
// upstream API, and answers questions that the documentation of API Gateway leaves
// open: the rows of the area "gateway". Copy the Cookie request header of a call
// to the agent from the browser's developer tools into a file that only you can
// read, and name the file with -session. Or put the header into the environment
// variable SMOKE_COOKIE. Other users of the machine could read a command line
// argument. The session stays valid unless -end is given: then the command
// refreshes it and signs out, to check the cookies that are set and removed.
//
// -echo names a GET route whose upstream returns the request headers that it
// received, as JSON: {"headers": …} or {"received": {"headers": …}}, names alone
// or with their values, and optionally "path". Name one route of each kind, mapped
// and transparent: -echo /orders,/raw/echo. The upstream gets the session's access
// token, so it must be yours. It should mask tokens and cookies, but return the
// constant "none", which the gateway writes over them.
//
// -unreachable names a protected GET route whose upstream cannot be reached, to
// check the gateway's error. A test stage may have such a route.
//
// A sound system refuses every request of this command, except preflights, GETs of
// the session, of public routes and of the echo routes, and one login that is
// begun and abandoned. It is safe for production. Checks that are impossible from
// outside are listed as unknown.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
)

type options struct {
	url, untrusted        string
	origins               []string // trusted; checks that need one use the first
	agent, prefix, csrf   string
	routes, public        []route
	echoes                []string
	unreachable           string
	session               string // a Cookie header
	end                   bool
	bearer                bool
	template, sessionFile string
	timeout               time.Duration
	facts                 facts
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := command(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is the whole program: 0 passed, 1 something failed, 2 not run.
func command(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) int {
	o, err := parse(args, getenv, errs)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(errs, "smoke:", err)
		}
		return 2
	}
	r := newRun(ctx, o)
	if err := r.reachable(); err != nil {
		fmt.Fprintln(errs, "smoke:", err)
		return 2
	}
	r.preflights()
	r.authorizers()
	r.publicRoutes()
	r.gatewayErrors()
	r.endpoints()
	r.signedIn()
	r.questions()
	r.endSession()
	return r.report.print(out)
}

func parse(args []string, getenv func(string) string, errs io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("smoke", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.url, "url", "", "base `URL` of the API, with the stage if it has one in its path")
	flags.StringVar(&o.template, "template", "", "`folder` of the synthesized templates (cdk.out) or one of them")
	flags.Func("origin", "trusted `origin`; may be repeated (default: those of the template)", func(s string) error {
		o.origins = append(o.origins, list(s)...)
		return nil
	})
	flags.StringVar(&o.untrusted, "untrusted-origin", "https://untrusted.example", "an origin that is not trusted")
	flags.StringVar(&o.agent, "agent", "", "path of the agent (default: the template's, or /oauth-agent)")
	flags.StringVar(&o.prefix, "prefix", "", "prefix of the cookies' names (default: the template's, or th)")
	flags.StringVar(&o.csrf, "csrf-header", "", "CSRF header (default: the template's, or x-<prefix>-csrf)")
	flags.Func("route", "a protected `route` such as 'GET /orders'; may be repeated", func(s string) error {
		method, path, ok := strings.Cut(s, " ")
		if !ok || !strings.HasPrefix(path, "/") {
			return errors.New("must be a method and a path, such as 'GET /orders'")
		}
		o.routes = append(o.routes, route{method, path})
		return nil
	})
	flags.Func("echo", "`path` of a GET route whose upstream returns the headers it received; may be repeated", func(s string) error {
		o.echoes = append(o.echoes, list(s)...)
		return nil
	})
	flags.StringVar(&o.unreachable, "unreachable", "", "`path` of a protected GET route whose upstream cannot be reached")
	flags.StringVar(&o.sessionFile, "session", "", "`file` with the Cookie header of a signed-in user (or SMOKE_COOKIE in the environment)")
	flags.BoolVar(&o.end, "end", false, "refresh the session and sign out at the end; the browser is then signed out too")
	flags.BoolVar(&o.bearer, "bearer", false, "the token handler accepts callers with access tokens of their own")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "time for one request")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.template != "" {
		if err := o.readTemplates(o.template); err != nil {
			return o, err
		}
	}
	o.agent = cmp.Or(o.agent, "/oauth-agent")
	o.prefix = cmp.Or(o.prefix, "th")
	o.csrf = cmp.Or(o.csrf, contract.CSRFHeader(o.prefix))
	o.session = getenv("SMOKE_COOKIE")
	if o.sessionFile != "" {
		content, err := os.ReadFile(o.sessionFile)
		if err != nil {
			return o, err
		}
		o.session = string(content)
	}
	o.session = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(o.session), "Cookie:"))
	return o, o.check()
}

func (o *options) check() error {
	o.url = strings.TrimSuffix(o.url, "/")
	u, err := url.Parse(o.url)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("-url must be the base URL of the API, such as https://api.example.com")
	// A session must not be sent in the clear.
	case u.Scheme == "http" && o.session != "" && !isLoopback(u.Hostname()):
		return errors.New("-url must be https, or http on this machine")
	case len(o.origins) == 0:
		return errors.New("-origin must be a trusted origin, such as https://www.example.com, unless -template is given")
	case len(o.routes) == 0:
		return errors.New("-route must be given at least once, such as 'GET /orders', unless -template is given")
	case slices.ContainsFunc(append(o.echoes, cmp.Or(o.unreachable, "/")), func(path string) bool { return !strings.HasPrefix(path, "/") }):
		return errors.New("-echo and -unreachable must be paths, such as /orders")
	case strings.ContainsAny(o.session, "\r\n"):
		return errors.New("-session must contain one Cookie header")
	}
	return nil
}
