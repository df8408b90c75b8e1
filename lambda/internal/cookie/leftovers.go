package cookie

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// maxLeftovers bounds the cookies that one response removes. They are chosen at
// random, so the next responses remove the rest.
const maxLeftovers = 24

// maxParents bounds the domains derived from a host.
const maxParents = 4

// Occasion is the reason to look for leftovers.
type Occasion int

const (
	// Sweep leaves cookies of names in use alone if the only received value is the
	// session's.
	Sweep Occasion = iota
	// SignIn comes before every cookie of the session is replaced.
	SignIn
	// SignOut comes before every cookie of the session is removed. With the form
	// of Curity it includes cookies that the other implementation may have set:
	// otherwise the user would stay signed in.
	SignOut
)

// Leftovers returns removals of cookies that other configurations of this
// deployment left in the browser, and of cookies from this deployment's
// sessions that other hosts planted there. It never removes a cookie of the
// current configuration.
//
// It looks at names that this deployment may have used and that were received,
// and removes:
//
//   - host-only cookies, which no other host can set,
//   - cookies of the domains and paths in [Options.Former],
//   - cookies of the current domain and of the domains above the hosts, if a
//     value proves that it is of this deployment: it opens in that place, or in
//     a form without a place.
//
// A value that does not open stays: it may be a session of another deployment
// with the same prefix.
func (n Names) Leftovers(ring *Ring, received Received, o Opened, on Occasion, hosts ...string) []*http.Cookie {
	l := leftovers{n, ring, received, o, on, hosts}
	var removed []*http.Cookie
	for _, prefix := range n.prefixes() {
		for _, first := range []string{"__Host-", "__Secure-", ""} {
			for _, kind := range []string{"at", "auth", "id", "csrf", "session", "over"} {
				removed = append(removed, l.of(prefix, kind, first+prefix+"-"+kind, MaxParts)...)
			}
			for i := 1; i <= MaxLogins; i++ {
				removed = append(removed, l.of(prefix, "login", first+prefix+"-login-"+string(rune('0'+i)), 1)...)
			}
		}
	}
	rand.Shuffle(len(removed), func(i, j int) { removed[i], removed[j] = removed[j], removed[i] })
	return removed[:min(len(removed), maxLeftovers)]
}

func bare(prefix string) string {
	return strings.TrimPrefix(strings.TrimPrefix(prefix, "__Host-"), "__Secure-")
}

func (n Names) prefixes() []string {
	prefixes := []string{bare(n.options.Prefix)}
	for _, former := range n.options.Former {
		if !strings.ContainsAny(former, "./") {
			prefixes = append(prefixes, former)
		}
	}
	return prefixes
}

type leftovers struct {
	Names
	ring     *Ring
	received Received
	opened   Opened
	on       Occasion
	hosts    []string
}

// of returns the removals of one name and its parts.
func (l leftovers) of(prefix, kind, name string, parts int) []*http.Cookie {
	if !l.received.Has(name) {
		return nil
	}
	own, current := l.places[name]
	_, chosen := l.opened.Contents.Get(name)
	if current && chosen && l.on == Sweep && len(l.received[name]) < 2 {
		return nil
	}
	var removed []*http.Cookie
	for _, p := range l.candidates(name) {
		if current && p.domain == own.domain && p.path == own.path ||
			!p.sure && !l.evidence(name, NewPlace(kind, l.options.Deployment, prefix, name, p.domain, p.path)) {
			continue
		}
		for i := range parts {
			if len(l.received[part(name, i)]) > 0 {
				removed = append(removed, expired(&http.Cookie{Name: part(name, i), Domain: p.domain, Path: p.path,
					Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}))
			}
		}
	}
	return removed
}

// evidence reports whether a value shows that a cookie of this deployment may
// be in this place.
func (l leftovers) evidence(name string, p Place) bool {
	own, current := l.places[name]
	chosen, _ := l.opened.Contents.Get(name)
	for _, value := range l.received.values(name) {
		if c, err := l.ring.openVersion1(value); err == nil && c.Unbound && (!l.options.Curity || l.on == SignOut) {
			return true
		}
		c, err := l.ring.Open(p, value)
		if err != nil && current {
			// It was sealed for the current place, and planted in another.
			if c, err = l.ring.Open(own, value); err == nil && c == chosen {
				continue
			}
		}
		if err == nil && (l.on != Sweep || c != chosen) {
			return true
		}
	}
	return false
}

// candidate is a place where a cookie may be.
type candidate struct {
	domain, path string
	sure         bool // no other deployment has a cookie of ours there
}

func (l leftovers) candidates(name string) []candidate {
	if hostOnly(name) {
		return []candidate{{"", "/", true}}
	}
	paths, domains := []string{"/"}, []string{""}
	if l.options.BasePath != "/" {
		paths = append(paths, l.options.BasePath)
	}
	for _, former := range l.options.Former {
		switch {
		case strings.HasPrefix(former, "/"):
			paths = append(paths, former)
		case strings.Contains(former, "."):
			domains = append(domains, former)
		}
	}
	listed := len(domains)
	derived := []string{l.options.Domain}
	for _, host := range l.hosts {
		derived = append(derived, parents(host)...)
	}
	for _, domain := range derived {
		if domain != "" && !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	var all []candidate
	for i, domain := range domains {
		for _, path := range paths {
			all = append(all, candidate{domain, path, i < listed})
		}
	}
	return all
}

// parents returns the host and the domains above it that have at least two
// labels. A browser ignores a cookie for a public suffix.
func parents(host string) []string {
	var domains []string
	for domain := host; strings.Contains(domain, "."); _, domain, _ = strings.Cut(domain, ".") {
		// net/http leaves an invalid Domain out, which would name another cookie.
		if (&http.Cookie{Name: "x", Domain: domain}).Valid() != nil || strings.Trim(domain, "0123456789.") == "" {
			return nil
		}
		domains = append(domains, domain)
	}
	return domains[max(0, len(domains)-maxParents):]
}
