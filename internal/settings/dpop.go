package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Upstreams are the URLs that routes lead to, which proofs are for. The keys
// are those of [Requirements]; a URL may have parameters of the path, {id}.
type Upstreams map[string]string

// Encode is the form of UPSTREAMS. It is the same for the same routes, and ""
// for none.
func (u Upstreams) Encode() string {
	if len(u) == 0 {
		return ""
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // every byte counts
	if err := encoder.Encode(u); err != nil {
		panic(err) // strings only
	}
	return strings.TrimSpace(out.String())
}

// ParseUpstreams reads what Encode wrote.
func ParseUpstreams(s string) (Upstreams, error) {
	decoder := json.NewDecoder(strings.NewReader(s))
	var upstreams Upstreams
	if err := decoder.Decode(&upstreams); err != nil || upstreams == nil || decoder.More() {
		return nil, errors.New("settings: upstreams: expected a JSON object of URLs")
	}
	for key, text := range upstreams {
		method, resource, ok := strings.Cut(key, " ")
		if !ok || !madeOf(method, 1, 16, "") || !strings.HasPrefix(resource, "/") {
			return nil, fmt.Errorf("settings: upstreams: %q: expected a method and a resource, such as GET /orders", key)
		}
		if plain := strings.NewReplacer("{", "", "}", "").Replace(text); !isURL(plain) || strings.Contains(plain, "?") {
			return nil, fmt.Errorf("settings: upstreams: %s: expected an https URL (http for loopback names only) without query and fragment", key)
		}
	}
	return upstreams, nil
}

func isUpstreams(s string) bool { _, err := ParseUpstreams(s); return err == nil }

// dpopFaults is the part of [Authorizer.Complete] that is about DPoP.
func (a Authorizer) dpopFaults() []string {
	var faults []string
	fault := func(wrong bool, message string) {
		if wrong {
			faults = append(faults, message)
		}
	}
	fault(a.Upstreams != "" && !a.DPoP, "UPSTREAMS is set: expected none without DPOP")
	// What the provider answers goes upstream in the place of the token, and is
	// bound to no key; and introspection takes bearer tokens only.
	fault(a.DPoP && a.UsePhantomToken, "USE_PHANTOM_TOKEN is set: expected none with DPOP, a phantom token is bound to no key")
	// Their proofs are for this API and not for the one behind.
	fault(a.DPoP && a.AllowToken, "ALLOW_TOKEN is set: expected none with DPOP, a caller's token has no key here to prove")
	// RFC 9449 section 11.1: a server may take a proof once.
	fault(a.DPoP && a.CacheTTL != "", "CACHE_TTL is set: expected none with DPOP, a proof is for one request")
	return faults
}
