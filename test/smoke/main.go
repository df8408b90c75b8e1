// Command smoke looks at a deployed token handler from outside, as a browser
// and an attacker would, and prints what it found as a table of pass, fail and
// unknown. It exits with status 1 if anything failed.
//
//	go run ./test/smoke -url https://api.example.com -template cdk.out
//	go run ./test/smoke -url https://api.example.com -origin https://www.example.com -route 'GET /orders' -route 'POST /orders'
//
// The template, as "cdk synth" wrote it, gives the routes, the trusted origins,
// the cookies' prefix and the CSRF header; flags win. Some checks need it: it
// tells what a route demands and whether upstream gets all headers or a list.
// Where it has several token handlers, -prefix or -agent says which is meant.
//
// # With a session
//
// With the session of somebody who is signed in it also looks at what reaches
// the upstream API, and answers what the documentation of API Gateway leaves
// open: the rows of the area "gateway". Copy the Cookie request header of a
// call to the agent out of the browser's developer tools into a file that
// nobody else can read, and name it with -session, or put it into the
// environment variable SMOKE_COOKIE. It is not taken as an argument, which
// other users of the machine could read. The session stays good, unless -end
// is given: then it is refreshed and signed out at last, to look at the
// cookies that are set and removed.
//
// -echo names a GET route whose upstream answers with the request headers it
// received, as JSON: {"headers": …} or {"received": {"headers": …}}, names
// alone or with their values, and beside them, if it can, "path". Name one for
// each kind of route there is, mapped and transparent: -echo /orders,/raw/echo.
// It gets the session's access token; it must be yours, and should answer with
// something else in the place of tokens and cookies, but let the constant
// "none" stand, which the gateway writes over them.
//
// -unreachable names a protected GET route whose upstream cannot be reached,
// to see what the gateway answers then. A test stage may have one.
//
// What it sends is refused by a sound system, except preflights, GETs of the
// session, of public routes and of the echo routes, and one login that is begun
// and left. It is good for production. What cannot be seen from outside is
// listed as unknown.
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
	origins               []string // trusted; the first is used where one is enough
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
			return errors.New("expected a method and a path, such as 'GET /orders'")
		}
		o.routes = append(o.routes, route{method, path})
		return nil
	})
	flags.Func("echo", "`path` of a GET route whose upstream answers with the headers it received; may be repeated", func(s string) error {
		o.echoes = append(o.echoes, list(s)...)
		return nil
	})
	flags.StringVar(&o.unreachable, "unreachable", "", "`path` of a protected GET route whose upstream cannot be reached")
	flags.StringVar(&o.sessionFile, "session", "", "`file` with the Cookie header of somebody who is signed in (or SMOKE_COOKIE in the environment)")
	flags.BoolVar(&o.end, "end", false, "refresh the session and sign it out at last: it is used up, in the browser too")
	flags.BoolVar(&o.bearer, "bearer", false, "callers with access tokens of their own are let in")
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
		return errors.New("-url: expected the base URL of the API, such as https://api.example.com")
	// A session must not be sent in the clear.
	case u.Scheme == "http" && o.session != "" && !isLoopback(u.Hostname()):
		return errors.New("-url: expected https, http only on this machine")
	case len(o.origins) == 0:
		return errors.New("-origin: expected a trusted origin, such as https://www.example.com, or -template")
	case len(o.routes) == 0:
		return errors.New("-route: expected at least one, such as 'GET /orders', or -template")
	case slices.ContainsFunc(append(o.echoes, cmp.Or(o.unreachable, "/")), func(path string) bool { return !strings.HasPrefix(path, "/") }):
		return errors.New("-echo, -unreachable: expected paths, such as /orders")
	case strings.ContainsAny(o.session, "\r\n"):
		return errors.New("-session: expected one Cookie header")
	}
	return nil
}
