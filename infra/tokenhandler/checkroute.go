package tokenhandler

import (
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/proxyheader"
	"github.com/tokenhandler/aws/internal/settings"
)

// knownMethods are those a route or a preflight may name. OPTIONS is the preflight's, and ANY
// includes OPTIONS.
var knownMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

func isMethod(m string) bool   { return slices.Contains(knownMethods, m) }
func isVariable(s string) bool { return strings.HasPrefix(s, "{") }

// Names as API Gateway takes them. Parameters: "Parameter name should match the
// following regular expression: ^[a-zA-Z0-9:._$-]+$" (its error, measured in
// floci pull request #3549). Path parts: the same, as CDK checks them. Headers
// are tokens (RFC 9110 section 5.6.2) besides, and $ would be a reference in the
// template of a preflight.
const parameterName = `[A-Za-z0-9:._$-]{1,64}`

var (
	greedyRE      = regexp.MustCompile(`^\{` + parameterName + `\+\}$`)
	segmentRE     = regexp.MustCompile(`^([A-Za-z0-9:._$-]+|\{` + parameterName + `\})$`)
	parameterRE   = regexp.MustCompile(`\{(` + parameterName + `)\}`)
	queryRE       = regexp.MustCompile(`^` + parameterName + `$`)
	routeHeaderRE = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// reservedUp are request headers a route must not pass on: they carry the
// session or a credential of the client, or the gateway writes them. Those of
// package proxyheader let a client speak for the gateway.
var reservedUp = slices.Concat(contract.MethodOverrides, []string{
	contract.HeaderVersion,
	"authorization", "cookie", "origin", "host",
	"connection", "content-length", "content-encoding", "expect", "keep-alive", "proxy-authenticate",
	"proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "via",
	"range", "if-range", // mapped routes pass whole texts
	"content-type", "accept", // always passed on
})

// reservedDown are response headers a route must not pass on.
var reservedDown = []string{
	"set-cookie", "vary", "connection", "content-length", "content-encoding", "transfer-encoding", "trailer", "upgrade",
	"www-authenticate",                                // API Gateway remaps it
	"content-type", "etag", "location", "retry-after", // always passed on
	"strict-transport-security", "x-content-type-options", // always written
}

// checkRoute returns the path parameters the upstream URL uses, or panics.
func (h *ProtectedAPI) checkRoute(r Route, public bool) []string {
	checkKind(&r)
	parameters := h.checkPath(&r)
	if len(r.Methods) == 0 {
		r.misuse(&r.Methods, "of %s is empty: expected some of %s", r.Path, strings.Join(knownMethods, ", "))
	}
	if r.whole() && slices.Equal(r.Methods, []string{"ANY"}) {
		r.Methods = nil // the methods need no check
	}
	for i, m := range r.Methods {
		if !isMethod(m) || slices.Contains(r.Methods[:i], m) {
			r.misuse(&r.Methods, "of %s has %q: expected each once out of %s", r.Path, m, strings.Join(knownMethods, ", "))
		}
	}
	for i, q := range r.QueryParameters {
		if !queryRE.MatchString(q) || slices.Contains(r.QueryParameters[:i], q) {
			r.misuse(&r.QueryParameters, "of %s has %q: expected names of letters, digits and :._$-, each once", r.Path, q)
		}
	}
	c := newChecker(&r)
	checkStatuses(c, r.Statuses, " (route "+r.Path+")")
	refuse(c.Faults())
	h.checkValidation(&r)
	reserved := append([]string{h.props.Cookies.CSRFHeaderName()}, reservedUp...)
	if h.props.AccessTokens.DPoP {
		reserved = append(reserved, contract.HeaderProof) // the authorizer's to write
	}
	for _, header := range h.props.AccessTokens.ClaimHeaders.Names() {
		reserved = append(reserved, strings.ToLower(header)) // or a client could write it
	}
	checkHeaders(&r, &r.RequestHeaders, reserved, "x-forwarded-", "x-amz", "sec-", "proxy-")
	checkHeaders(&r, &r.ResponseHeaders, reservedDown, "access-control-", "x-amz")
	if r.Function != nil {
		return nil
	}
	used := checkUpstream(&r, parameters)
	if name, greedy := greedyParameter(r.Path); greedy && !slices.Contains(used, name) {
		r.misuse(&r.Upstream, "of %s is %q: expected {%s} in its path", r.Path, r.Upstream, name)
	}
	if public && len(used) > 0 {
		// The authorizer refuses paths that climb, and does not run here.
		// API Gateway decodes path parameters before it puts them into the URL
		// (fireprox issue #44), so that "..%2f..%2fadmin" would reach /admin. It
		// has no mapping that encodes them and no validation of their values.
		r.misuse(&r.Upstream, "of the public route %s uses {%s}: a client could climb out of the path with %%2f and dots. "+
			"Expected a constant path; pass the value as a query parameter, or use Protect or a Function", r.Path, used[0])
	}
	return used
}

// whole reports whether the route passes requests on as a whole.
func (r Route) whole() bool { return r.Transparent || r.Function != nil }

// checkKind panics if the fields of a route contradict each other.
func checkKind(r *Route) {
	switch {
	case (r.Upstream == "") == (r.Function == nil):
		r.misuse(&r.Upstream, "or %s of %s: expected one of them", r.setting(&r.Function), r.Path)
	case r.Function != nil && (r.Transparent || r.VPCLink != nil):
		r.misuse(&r.Function, "of %s: expected neither %s nor %s with it, which are for %s", r.Path, r.setting(&r.Transparent), r.setting(&r.VPCLink), r.setting(&r.Upstream))
	case r.PrivateLink != nil && (!r.Transparent || r.VPCLink != nil):
		r.misuse(&r.PrivateLink, "of %s: expected %s and no %s", r.Path, r.setting(&r.Transparent), r.setting(&r.VPCLink))
	case r.PrivateLink != nil && (!isToken(r.PrivateLink.ID) && !linkRE.MatchString(r.PrivateLink.ID) ||
		!isToken(r.PrivateLink.LoadBalancer) && !balancerRE.MatchString(r.PrivateLink.LoadBalancer)):
		r.misuse(&r.PrivateLink, "of %s is %q and %q: expected the id of a VPC link V2 and the ARN of a load balancer or its listener", r.Path, r.PrivateLink.ID, r.PrivateLink.LoadBalancer)
	case r.Stream && !r.whole():
		r.misuse(&r.Stream, "of %s: expected %s or %s, API Gateway cannot map streamed answers", r.Path, r.setting(&r.Transparent), r.setting(&r.Function))
	case r.Timeout != 0 && (r.Timeout < minTimeout || r.Timeout > r.maxTimeout() || r.Timeout%time.Millisecond != 0):
		r.misuse(&r.Timeout, "of %s is %s: expected whole milliseconds from %s to %s", r.Path, r.Timeout, minTimeout, r.maxTimeout())
	case r.whole() && len(r.QueryParameters)+len(r.ResponseHeaders)+len(r.Statuses) > 0:
		r.misuse(&r.Path, "%s passes on everything: expected neither %s nor %s nor %s", r.Path, r.setting(&r.QueryParameters), r.setting(&r.ResponseHeaders), r.setting(&r.Statuses))
	}
}

// Limits of timeouts. AWS, "Amazon API Gateway quotas": "50 milliseconds - 29
// seconds for all integration types", which Regional and private APIs may have
// raised; "Stream the integration response": "You can stream a response for up
// to 15 minutes".
const (
	minTimeout  = 50 * time.Millisecond
	maxBuffered = 5 * time.Minute
	maxStream   = 15 * time.Minute
)

func (r Route) maxTimeout() time.Duration {
	if r.Stream {
		return maxStream
	}
	return maxBuffered
}

var (
	linkRE     = regexp.MustCompile(`^[a-z0-9]{1,64}$`)
	balancerRE = regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:(loadbalancer|listener)/(app|net)/[A-Za-z0-9/-]+$`)
)

// private reports whether requests reach the upstream inside a VPC.
func (r Route) private() bool { return r.VPCLink != nil || r.PrivateLink != nil }

// greedyParameter is the name of a path's greedy parameter.
func greedyParameter(path string) (string, bool) {
	last := path[strings.LastIndex(path, "/")+1:]
	return strings.Trim(last, "{+}"), greedyRE.MatchString(last)
}

func checkHeaders(r *Route, field *[]string, reserved []string, prefixes ...string) {
	for i, name := range *field {
		lower := strings.ToLower(name)
		same := func(other string) bool { return strings.EqualFold(other, name) }
		switch {
		case !routeHeaderRE.MatchString(name), slices.ContainsFunc((*field)[:i], same):
			r.misuse(field, "of %s has %q: expected names of headers, each once", r.Path, name)
		case slices.ContainsFunc(reserved, same), proxyheader.Reserved(name),
			slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(lower, p) }):
			r.misuse(field, "of %s has %q: expected none of those the token handler or the gateway writes or withholds", r.Path, textproto.CanonicalMIMEHeaderKey(name))
		}
	}
}

// checkPath returns the parameters of a path.
func (h *ProtectedAPI) checkPath(r *Route) []string {
	path, greedy := r.Path, r.whole()
	var parameters []string
	if path != "/" {
		all := segments(path)
		for i, segment := range all {
			last := greedy && i == len(all)-1 && greedyRE.MatchString(segment)
			if !strings.HasPrefix(path, "/") || !segmentRE.MatchString(segment) && !last || segment == "." || segment == ".." {
				r.misuse(&r.Path, "is %q: expected a path such as /orders/{id}, without trailing slash, and {proxy+} at most at the end of a Transparent or Function route", path)
			}
			if isVariable(segment) {
				name := strings.Trim(segment, "{+}")
				if slices.Contains(parameters, name) {
					r.misuse(&r.Path, "is %q: expected each parameter once", path)
				}
				parameters = append(parameters, name)
			}
		}
	}
	// Custom domain names serve these paths themselves.
	if path == "/ping" || path == "/sping" {
		r.misuse(&r.Path, "is %q: expected another, API Gateway reserves /ping and /sping", path)
	}
	for _, s := range h.siblings() {
		if agent := s.props.Application.AgentPath; s.owner != nil && (path == agent || strings.HasPrefix(path, agent+"/")) {
			r.misuse(&r.Path, "is %q: expected one outside of the agent's path %s", path, agent)
		}
		for _, earlier := range s.routes {
			refuseCollision(r, earlier)
		}
	}
	return parameters
}

// refuseCollision panics if two paths are the same, or differ in the name of a
// parameter below the same resource, which API Gateway refuses at deployment.
func refuseCollision(r *Route, earlier string) {
	path := r.Path
	if path == earlier {
		r.misuse(&r.Path, "%q is protected already: expected one Route with all methods of a path", path)
	}
	a, b := segments(path), segments(earlier)
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		if isVariable(a[i]) && isVariable(b[i]) {
			r.misuse(&r.Path, "%q has parameter %s where the earlier route %q has %s: expected the same name", path, a[i], earlier, b[i])
		}
		return
	}
}

func segments(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

// checkUpstream returns the parameters that the upstream URL uses. They stand
// in the path only: the client must not choose the host.
func checkUpstream(r *Route, declared []string) []string {
	fail := func(expected string) {
		r.misuse(&r.Upstream, "of %s is %q: expected %s", r.Path, r.Upstream, expected)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(r.Upstream, "https://"), "http://"), "/")
	var used []string
	for _, match := range parameterRE.FindAllStringSubmatch(r.Upstream, -1) {
		if !slices.Contains(declared, match[1]) || slices.Contains(used, match[1]) || strings.Contains(host, match[0]) {
			fail("parameters of Route.Path only, each once and in the path")
		}
		used = append(used, match[1])
	}
	if isToken(r.Upstream) {
		// The rest is known only at deployment.
		if !strings.HasPrefix(r.Upstream, "https://") && !(r.private() && strings.HasPrefix(r.Upstream, "http://")) {
			fail("a literal https:// in front of the token")
		}
		return used
	}
	u, err := url.Parse(parameterRE.ReplaceAllString(r.Upstream, "x"))
	if err != nil || strings.ContainsAny(r.Upstream, " '\"$\\") || strings.ContainsAny(parameterRE.ReplaceAllString(r.Upstream, ""), "{}") {
		fail("a URL such as https://api.internal.example/orders/{id}")
	}
	origin := u.Scheme + "://" + u.Host
	if r.private() && u.Scheme == "http" {
		origin = "https://" + u.Host
	}
	if u.User != nil || !settings.IsOrigin(origin) {
		fail("https (http for loopback names, and inside a VPC) and a constant host in lower case, without default port and user info")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(r.Upstream, "#") {
		fail("no query and no fragment; list Route.QueryParameters")
	}
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == "." || segment == ".." {
			fail("no . or .. segment")
		}
	}
	return used
}

// checkStatuses checks a list of statuses, which is a field of the root of c.
func checkStatuses(c *settings.Checker, codes []int, of string) {
	for i, code := range codes {
		c.Must(code >= 200 && code <= 599 && !slices.Contains(codes[:i], code), &codes[i], "be a status from 200 to 599, each once"+of)
	}
}
