// Command size synthesizes an API with as many mapped methods as its argument
// says and prints the size of its templates: go run ./test/bench -size runs it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func main() {
	debug.SetGCPercent(400)
	methods, err := strconv.Atoi(strings.Join(os.Args[1:], " "))
	if err == nil {
		err = measure(methods)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

// measure synthesizes three methods for each path.
func measure(methods int) error {
	dir, err := os.MkdirTemp("", "size-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(dir), AnalyticsReporting: jsii.Bool(false),
		Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}}, // no Lambda is compiled
	})
	// In a Stage: below an App, CDK would run its own validation.
	stage := awscdk.NewStage(app, jsii.String("Size"), nil)
	handler := tokenhandler.New(awscdk.NewStack(stage, jsii.String("Stack"), nil), "TokenHandler", &tokenhandler.Props{
		Application: tokenhandler.Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/"},
		Provider:    tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa-client"},
	})
	for n := 0; n < methods; n += 3 {
		verbs := []string{"GET", "PUT", "DELETE"}
		handler.Protect(tokenhandler.Route{
			Path:            fmt.Sprintf("/things%d", n/3),
			Methods:         verbs[:min(3, methods-n)],
			Upstream:        fmt.Sprintf("https://upstream.internal.example/v1/things%d", n/3),
			QueryParameters: []string{"expand"},
		})
	}
	app.Synth(nil)
	taken := time.Since(began)

	files, err := filepath.Glob(filepath.Join(dir, "assembly-Size", "*.template.json"))
	if err != nil {
		return err
	}
	var sizes, resources []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var template struct{ Resources map[string]any }
		if err := json.Unmarshal(text, &template); err != nil {
			return err
		}
		sizes, resources = append(sizes, len(text)), append(resources, len(template.Resources))
	}
	total := 0
	for _, size := range sizes {
		total += size
	}
	fmt.Printf("| %5d | %2d | %9d | %7d | %3d | %5.1f s |\n",
		methods, len(files), total, slices.Max(sizes), slices.Max(resources), taken.Seconds())
	return nil
}
