// Command local runs the token handler on this machine, from the CloudFormation
// template that "cdk deploy" would deploy, without AWS and without Docker.
//
// It synthesizes the app, reads the template, and serves its REST API: the
// routes, the authorizer, the mappings and the gateway responses as the
// template has them, with the bundled Lambda binaries behind a Lambda Runtime
// API. Beside them run a real OpenID Provider, a sample upstream API and the
// sample single page application, all on loopback:
//
//	http://www.example.localhost:3000     the application
//	http://api.example.localhost:3001     the REST API
//	http://login.example.localhost:3002   the OpenID Provider
//	http://127.0.0.1:3003                 the upstream API
//	http://127.0.0.1:3004                 Secrets Manager, if the stage has cookieKeyRotation
//	http://127.0.0.1:3005                 the trace page: the way of each request
//	http://127.0.0.1:3007                 DynamoDB, if the stage records sessions
//	https://127.0.0.1:3008                @connections commands, if the template has a WebSocket API
//
// WebSocket APIs are served on the host of the REST API.
//
// Browsers resolve these names to loopback by themselves (RFC 6761 section
// 6.3). The run listens on no other interface. Secrets that the template asks Secrets
// Manager to generate are generated in memory, anew on each run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	domain                                    string
	wwwPort, apiPort, loginPort, upstreamPort int
	secretsPort, tracePort, backPort          int
	tablesPort, socketsPort                   int
	tls, watch, fresh                         bool
	app, assembly, stackName, restAPI         string
	upstream                                  string
	site                                      string
	out                                       string
	tokenLifetime                             time.Duration
	verbose                                   bool
	stage, secrets                            string
	set                                       []string // fields of the stage
}

// domainRE keeps to names that resolve to loopback (RFC 6761 section 6.3). A
// label before .localhost makes the site, so that its cookies are same-site.
var domainRE = regexp.MustCompile(`^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*\.localhost$`)

func main() {
	var o options
	flag.StringVar(&o.domain, "domain", "example.localhost", "`name` below .localhost that www, api and login are put in front of")
	flag.IntVar(&o.wwwPort, "www-port", 3000, "`port` of the single page application")
	flag.IntVar(&o.apiPort, "api-port", 3001, "`port` of the REST API")
	flag.IntVar(&o.loginPort, "login-port", 3002, "`port` of the OpenID Provider")
	flag.IntVar(&o.upstreamPort, "upstream-port", 3003, "`port` of the sample upstream API")
	flag.IntVar(&o.secretsPort, "secrets-port", 3004, "`port` of Secrets Manager, which listens only where the key is rotated")
	flag.IntVar(&o.tracePort, "trace-port", 3005, "`port` of the trace page; 0 turns it off")
	flag.IntVar(&o.backPort, "back-port", 3006, "`port` of the provider's back channel, which has one of its own with -tls")
	flag.IntVar(&o.tablesPort, "tables-port", 3007, "`port` of DynamoDB, which listens only if the template has a table")
	flag.IntVar(&o.socketsPort, "sockets-port", 3008, "`port` of the @connections commands, which listens only if the template has a WebSocket API")
	flag.BoolVar(&o.tls, "tls", false, "serve https, with a certificate made at the start that is installed nowhere")
	flag.StringVar(&o.upstream, "upstream", "", "origin of an upstream API of your own to put behind the routes, such as http://127.0.0.1:8080 (default: the sample)")
	flag.StringVar(&o.site, "site", "", "`folder` of a built single page application of your own to serve (default: the sample, spa)")
	flag.StringVar(&o.out, "out", ".local/cdk.out", "`folder` to synthesize into")
	flag.DurationVar(&o.tokenLifetime, "token-lifetime", 5*time.Minute, "lifetime of the provider's access tokens")
	flag.StringVar(&o.app, "app", "", "`folder` of another CDK project to run, with its cdk.json")
	flag.StringVar(&o.assembly, "assembly", "", "`folder` that cdk synth wrote, to run as it is")
	flag.StringVar(&o.stackName, "stack", "", "`name` of the stack to run, of -app or -assembly")
	flag.StringVar(&o.restAPI, "rest-api", "", "logical `id` of the REST API, if the stack has several")
	flag.BoolVar(&o.watch, "watch", false, "synthesize again and reload when the app changes")
	flag.BoolVar(&o.fresh, "fresh", false, "synthesize even if no source changed")
	flag.BoolVar(&o.verbose, "v", false, "print the logs of the Lambdas and the provider")
	flag.StringVar(&o.stage, "stage", stage, "`name` of the stage in cdk.json to run; one with a provider of its own uses that")
	flag.StringVar(&o.secrets, "secrets", "", "`file` with the values of secrets that the stage refers to by name, as a JSON object")
	flag.Func("c", "`field=value` of the stage in cdk.json to replace, as of cdk -c; may be repeated", func(field string) error {
		o.set = append(o.set, field)
		return nil
	})
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "local: unexpected argument %q; see -help\n", flag.Arg(0))
		os.Exit(2)
	}
	if o.app != "" && o.assembly != "" || (o.stackName != "" && o.app == "" && o.assembly == "") {
		fmt.Fprintln(os.Stderr, "local: expected -app or -assembly, not both, and -stack only with one of them")
		os.Exit(2)
	}
	if !domainRE.MatchString(o.domain) {
		fmt.Fprintf(os.Stderr, "local: -domain is %q, expected a name such as example.localhost\n", o.domain)
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, newConsole(os.Stdout))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
