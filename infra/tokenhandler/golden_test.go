package tokenhandler

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden templates anew")

func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(testing.TB) template
	}{
		{"one-origin", func(t testing.TB) template { return synth(t, oneOrigin(), withItem) }},
		{"several-origins", func(t testing.TB) template { return synth(t, severalOrigins(), withItem) }},
		{"cross-origin", crossOrigin},
		{"same-origin", sameOrigin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := indented(t, tt.make(t).raw)
			file := filepath.Join("testdata", tt.name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("differs from %s; if that is meant: go test ./infra/tokenhandler -run Golden -update\n%s", file, diff)
			}
		})
	}
}

// A different logical id of the deployment redeploys unchanged methods.
func TestSynthesisIsDeterministic(t *testing.T) {
	want := synth(t, severalOrigins(), withItem).raw
	for range 6 {
		if got := synth(t, severalOrigins(), withItem).raw; !bytes.Equal(got, want) {
			t.Fatal(cmp.Diff(string(indented(t, want)), string(indented(t, got))))
		}
	}
}

func withItem(_ awscdk.Stack, h *TokenHandler) {
	h.Protect(Route{
		Path: "/orders/{id}", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/v1/orders/{id}",
		QueryParameters: []string{"expand"}, RequestHeaders: []string{"If-None-Match"}, ResponseHeaders: []string{"Link"},
	})
}

func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}
