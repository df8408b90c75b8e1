package oauthagent

import (
	"strings"
	"sync"

	"github.com/tokenhandler/aws/internal/openapitest"
)

var description = sync.OnceValues(func() (*openapitest.Description, error) {
	return openapitest.Load("../../../docs/openapi.yaml")
})

// Every response in every test matches docs/openapi.yaml.
func init() {
	described = func(w *world, method, path string, got *response) {
		w.Helper()
		d, err := description()
		if err != nil {
			w.Fatal(err)
		}
		if err := d.Check(method, strings.TrimPrefix(path, "/oauth-agent"), got.StatusCode, got.Header, got.text); err != nil {
			w.Error(err)
		}
	}
}
