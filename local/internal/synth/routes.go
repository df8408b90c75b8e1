package synth

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// RoutesTo returns the routes of a stage in cdk.json, as JSON, with the origin
// of every upstream replaced: the paths stay, the API behind them is another,
// and no VPC link leads to it. Routes to a Lambda stay as they are.
func RoutesTo(root, stage, origin string) (string, error) {
	to, err := url.Parse(origin)
	if err != nil || to.Host == "" || to.Path != "" || to.RawQuery != "" {
		return "", fmt.Errorf("synth: expected the origin of an upstream API, such as http://127.0.0.1:8080, got %q", origin)
	}
	file, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return "", fmt.Errorf("synth: %w", err)
	}
	var config struct {
		Context struct {
			Stages map[string]struct {
				Routes []map[string]any `json:"routes"`
			} `json:"stages"`
		} `json:"context"`
	}
	if err := json.Unmarshal(file, &config); err != nil {
		return "", fmt.Errorf("synth: cdk.json: %w", err)
	}
	routes := config.Context.Stages[stage].Routes
	for _, route := range routes {
		upstream, ok := route["upstream"].(string)
		if !ok {
			continue
		}
		delete(route, "vpcLinkId")
		u, err := url.Parse(upstream)
		if err != nil {
			return "", fmt.Errorf("synth: cdk.json: stage %s: expected a URL as upstream, got %q", stage, upstream)
		}
		u.Scheme, u.Host = to.Scheme, to.Host
		// Not u.String(): it would escape the braces of {id}.
		route["upstream"] = u.Scheme + "://" + u.Host + u.Path
	}
	out, err := json.Marshal(routes)
	return string(out), err
}
