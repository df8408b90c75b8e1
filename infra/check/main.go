// Command check looks at synthesized CloudFormation templates and exits with
// status 1 if a method of a REST API is not behind the token handler:
//
//	go run github.com/tokenhandler/aws/infra/check cdk.out
//
// It needs neither the construct nor the CDK, only the templates: files, or a
// folder with *.template.json. The OAuth proxy and the OAuth agent are the
// functions with the settings of one in their environment, in any of the
// templates. The token handler's authorizers are those that invoke the OAuth
// proxy, and cache nothing, or by all that the decision reads. Where the
// function is of another app, -authorizer names the authorizer. Public methods
// are named with their reason:
//
//	check -public 'GET /health=asked by the load balancer' cdk.out
//
// Exit status 2: the templates cannot be read, or have no method to look at.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/infra/internal/templatecheck"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	options, paths, err := parse(args, errs)
	if err == nil {
		var found int
		if found, err = check(paths, options, out); err == nil && found > 0 {
			return 1
		}
	}
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(errs, "check: "+strings.TrimPrefix(err.Error(), "templatecheck: "))
		}
		return 2
	}
	return 0
}

func parse(args []string, errs io.Writer) (templatecheck.Options, []string, error) {
	options := templatecheck.Options{Public: map[string]string{}}
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprintln(errs, "usage: check [flags] <cdk.out or template> …")
		flags.PrintDefaults()
	}
	flags.Func("api", "logical `id` of the REST API, if others of the templates are not to be checked; may be repeated", func(s string) error {
		options.APIs = append(options.APIs, s)
		return nil
	})
	flags.Func("authorizer", "logical `id` of the token handler's authorizer, or its id or import if it is in another stack; may be repeated", func(s string) error {
		options.Authorizers = append(options.Authorizers, s)
		return nil
	})
	flags.Func("public", "'`METHOD /path=reason`' of a method that is open to everyone; may be repeated", func(s string) error {
		route, reason, _ := strings.Cut(s, "=")
		method, path, ok := strings.Cut(route, " ")
		if reason = strings.TrimSpace(reason); !ok || reason == "" || method != strings.ToUpper(method) || !strings.HasPrefix(path, "/") {
			return errors.New("expected 'METHOD /path=reason'")
		}
		options.Public[route] = reason
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return options, nil, flag.ErrHelp // told already
	}
	if flags.NArg() == 0 {
		return options, nil, errors.New("expected a folder such as cdk.out, or templates")
	}
	return options, flags.Args(), nil
}

// check writes a line for every finding and returns their number.
func check(paths []string, options templatecheck.Options, out io.Writer) (int, error) {
	var found, looked int
	kinds, unused := map[string]int{}, maps.Clone(options.Public)
	files, err := templatecheck.ReadAll(paths...)
	if err != nil {
		return 0, err
	}
	options.Functions = templatecheck.FunctionsOf(files)
	for _, file := range files {
		report := templatecheck.Check(file.Template, options)
		for _, finding := range report.Findings {
			fmt.Fprintf(out, "%s: %s\n", file.Name, finding)
		}
		for _, route := range slices.Sorted(maps.Keys(report.Public)) {
			fmt.Fprintf(out, "%s: public: %s: %s\n", file.Name, route, report.Public[route])
			delete(unused, route)
		}
		found += len(report.Findings)
		for kind, n := range report.Methods {
			kinds[kind] += n
			looked += n
		}
	}
	for _, route := range slices.Sorted(maps.Keys(unused)) {
		return 0, fmt.Errorf("-public names %s, which no template has without an authorizer", route)
	}
	if looked == 0 && found == 0 {
		return 0, fmt.Errorf("%s, no method of a REST API in it", number(len(files), "template"))
	}
	fmt.Fprintf(out, "%s, %s: %d protected, %d of the agent, %s, %d public; %s\n", number(len(files), "template"), number(looked, "method"),
		kinds["protected"], kinds["agent"], number(kinds["preflight"], "preflight"), kinds["public"], number(found, "finding"))
	return found, nil
}

func number(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}
