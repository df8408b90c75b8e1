package e2e

import (
	"net/http"
	"strings"
	"sync"

	"github.com/tokenhandler/aws/internal/openapitest"
)

var description = sync.OnceValues(func() (*openapitest.Description, error) {
	return openapitest.Load("../../docs/openapi.yaml")
})

// Every answer of the agent, and every one the gateway gives in its place, is
// as docs/openapi.yaml says. Preflights are the gateway's own.
func init() {
	described = func(req *http.Request, resp *http.Response, body string) error {
		endpoint, agent := strings.CutPrefix(strings.Replace(req.URL.Path, "/admin-agent", "/oauth-agent", 1), "/oauth-agent")
		if !agent || !strings.HasPrefix(req.URL.Hostname(), "api.") || req.Method == http.MethodOptions {
			return nil
		}
		d, err := description()
		if err != nil {
			return err
		}
		return d.Check(req.Method, endpoint, resp.StatusCode, resp.Header, body)
	}
}
