// Package proxyheader lists the request headers in which reverse proxies name
// the client and the original request. An API behind the gateway
// may trust them, so a client must not be able to send them: "A reverse proxy
// MUST therefore sanitize any inbound requests to ensure the authenticity and
// integrity of all header values relevant for the security of the application
// servers" (RFC 9700 section 4.13).
//
// The list has the headers of common proxies and identity-aware services. It
// cannot be complete.
package proxyheader

import "strings"

// Identity are the headers that name a user or a client certificate.
var Identity = []string{
	"Remote-User", "X-Remote-User",
	"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", // OAuth2 Proxy
	"X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", // OAuth2 Proxy behind nginx
	"X-Webauth-User",                                                      // Grafana's auth proxy
	"X-Amzn-Oidc-Identity", "X-Amzn-Oidc-Data", "X-Amzn-Oidc-Accesstoken", // Application Load Balancer
	"X-Goog-Authenticated-User-Email", "X-Goog-Iap-Jwt-Assertion", // Identity-Aware Proxy
	"X-Ms-Client-Principal", "X-Ms-Client-Principal-Id", // App Service
	"Cf-Access-Jwt-Assertion", "Cf-Access-Authenticated-User-Email", // Cloudflare Access
	"Client-Cert", "Client-Cert-Chain", // RFC 9440
	"X-Client-Cert", "X-Forwarded-Client-Cert", "X-Ssl-Client-Cert", // nginx, Envoy
	"X-Ssl-Client-Verify", "X-Ssl-Client-S-Dn", "X-Amzn-Mtls-Clientcert-Subject", // nginx, Application Load Balancer
}

// Routing are the headers with the source and the destination of a request,
// each with the API Gateway expression of the true value.
var Routing = []struct{ Name, Source string }{
	{"Forwarded", "'for=unknown'"}, // RFC 7239 section 6.2
	{"X-Forwarded-For", "context.identity.sourceIp"},
	{"X-Real-Ip", "context.identity.sourceIp"},
	{"X-Client-Ip", "context.identity.sourceIp"},
	{"True-Client-Ip", "context.identity.sourceIp"},
	{"X-Forwarded-Host", "context.domainName"},
	{"X-Forwarded-Proto", "'https'"},
	{"X-Forwarded-Port", "'443'"},
	{"X-Forwarded-Prefix", "'/'"},
	{"X-Original-Url", "context.path"},
	{"X-Rewrite-Url", "context.path"},
}

// Reserved reports whether a header, in any letter case, is one of the list.
func Reserved(name string) bool {
	for _, known := range Identity {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	for _, known := range Routing {
		if strings.EqualFold(name, known.Name) {
			return true
		}
	}
	return false
}
