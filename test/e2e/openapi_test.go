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

// Every response of the agent, and every response of the gateway instead of it,
// matches docs/openapi.yaml. Preflights belong to the gateway.
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
