// Command check applies the token handler's rules to synthesized CloudFormation
// templates and exits with status 1 if one is violated:
//
//	go run github.com/tokenhandler/aws/infra/check cdk.out
//
// It needs neither the construct nor the CDK, only the templates: files, or a
// folder with *.template.json. It recognises the OAuth proxy and the OAuth agent
// by the settings in their environment, in any of the templates. The token
// handler's authorizers are those that invoke the OAuth proxy. If the function is
// of another app, name the authorizer with -authorizer. Name public methods with
// their reason:
//
//	check -public 'GET /health=asked by the load balancer' cdk.out
//
// The rules are listed in docs/construct.md. Exit status 2: the templates cannot
// be read, or they have no method to check.
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

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/cloudformation"
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
			fmt.Fprintln(errs, "check: "+err.Error())
		}
		return 2
	}
	return 0
}

func parse(args []string, errs io.Writer) (rules.Options, []string, error) {
	options := rules.Options{Public: map[string]string{}}
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

// check writes a line for every finding and returns the number of errors.
func check(paths []string, options rules.Options, out io.Writer) (int, error) {
	var files []cloudformation.File
	var left []string
	for _, path := range paths {
		read, old, err := cloudformation.ReadAll(path)
		if err != nil {
			return 0, err
		}
		files, left = append(files, read...), append(left, old...)
	}
	if len(left) > 0 {
		fmt.Fprintf(out, "%s of an earlier run left out, such as %s: not in manifest.json\n", number(len(left), "template"), left[0])
	}
	var errs, warnings, looked int
	kinds, unused := map[string]int{}, maps.Clone(options.Public)
	options.Functions = rules.FunctionsOf(files)
	for _, file := range files {
		report := rules.Check(file.Template, options)
		for _, finding := range report.Findings {
			kind := ""
			if finding.Advice {
				kind = "warning: "
			}
			fmt.Fprintf(out, "%s: %s%s\n", file.Name, kind, finding)
		}
		for _, route := range slices.Sorted(maps.Keys(report.Public)) {
			fmt.Fprintf(out, "%s: public: %s: %s\n", file.Name, route, report.Public[route])
			delete(unused, route)
		}
		errs += len(report.Errors())
		warnings += len(report.Warnings())
		for kind, n := range report.Methods {
			kinds[kind] += n
			looked += n
		}
	}
	for _, route := range slices.Sorted(maps.Keys(unused)) {
		return 0, fmt.Errorf("-public names %s, which no template has without an authorizer", route)
	}
	if looked == 0 && errs == 0 {
		return 0, fmt.Errorf("%s without a method of a REST API", number(len(files), "template"))
	}
	fmt.Fprintf(out, "%s, %s: %d protected, %d of the agent, %s, %d public; %s, %s\n", number(len(files), "template"), number(looked, "method"),
		kinds[rules.Protected], kinds[rules.Agent], number(kinds[rules.Preflight], "preflight"), kinds[rules.Public], number(errs, "finding"), number(warnings, "warning"))
	return errs, nil
}

func number(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}
