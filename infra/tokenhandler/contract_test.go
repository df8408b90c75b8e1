package tokenhandler

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
)

// Gateway responses use the codes of the contract, with their statuses.
func TestGatewayResponsesMatchContract(t *testing.T) {
	answered := map[string]bool{}
	for _, r := range gatewayResponses {
		if strings.HasPrefix(r.code, "$") {
			if want := contract.InTemplate(contract.ContextCode); r.code != want || r.status != "401" {
				t.Errorf("%s has code %s and status %s, want %s and 401", r.kind, r.code, r.status, want)
			}
			continue
		}
		answered[r.code] = true
		known, ok := contract.Find(r.code)
		if !ok || known.By&contract.Gateway == 0 {
			t.Errorf("%s has code %s, which is not one of the gateway", r.kind, r.code)
		}
		if status, err := strconv.Atoi(r.status); r.status != "" && (err != nil || !slices.Contains(known.Statuses, status)) {
			t.Errorf("%s has code %s and status %s, want one of %v", r.kind, r.code, r.status, known.Statuses)
		}
	}
	for _, code := range contract.Codes(contract.Gateway) {
		if !answered[code] {
			t.Errorf("no gateway response has the code %s", code)
		}
	}
}
