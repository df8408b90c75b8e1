package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
)

// Config configures a provider. All of it goes through a pipe: no secret is ever in an argument, a
// variable or a file.
type Config struct {
	Script string // path of local/provider/provider.mjs
	Issuer string // http://name:port, or https with Proxied
	// Proxied has the provider listen on a port of its own choice, [Provider.Addr], behind a proxy on the issuer's port
	// that sets X-Forwarded-Proto. Otherwise it listens on the issuer's port. Either is on loopback only.
	Proxied bool
	// Hosts are further hosts, with ports, that the proxy passes on.
	Hosts           []string
	AccessTokenTTL  time.Duration // in whole seconds; default 5 minutes
	Clients         []Client
	ResourceServers []ResourceServer
	Users           []User
	Features        Features
	Log             func(line string) // takes the provider's stderr, one call at a time; nil drops it
}

// Features are optional features that few clients use. The zero value turns all of them off.
type Features struct {
	RequirePAR      bool     `json:"require_par,omitempty"`      // RFC 9126; it is always understood
	SignedRequests  bool     `json:"signed_requests,omitempty"`  // RFC 9101
	SignedResponses bool     `json:"signed_responses,omitempty"` // JARM
	SignedUserInfo  bool     `json:"signed_userinfo,omitempty"`
	Resources       []string `json:"resources,omitempty"` // RFC 8707: APIs that access tokens may be asked for
	ACRValues       []string `json:"acr_values,omitempty"`
	// BackChannelLogout has the provider report the end of its sessions to clients with a backchannel_logout_uri.
	BackChannelLogout bool `json:"backchannel_logout,omitempty"`
}

// Client is a web application: authorization code with PKCE, client_secret_basic or the method in Metadata, and always a
// refresh token.
type Client struct {
	ID                     string
	Secret                 settings.Secret
	Name                   string // shown to the user
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	// Metadata is added to the registration, under the names of OpenID Connect Dynamic Client Registration §2, such as
	// token_endpoint_auth_method and jwks. With it there need be no secret.
	Metadata map[string]any
}

// ResourceServer is an API that may only introspect access tokens (RFC 7662).
type ResourceServer struct {
	ID     string
	Secret settings.Secret
}

// User can sign in. Claims are those of OpenID Connect Core §5.1 (name, email, …); the provider gives out the ones
// that the scopes profile and email stand for.
type User struct {
	Subject  string
	Login    string
	Password settings.Secret
	Claims   map[string]any
}

// encode checks the configuration and returns it as provider.mjs reads it: one line of JSON. It is the one place
// where the secrets are revealed.
func (c Config) encode() ([]byte, error) {
	port, err := c.port()
	if err != nil {
		return nil, err
	}
	if len(c.Clients) == 0 || len(c.Users) == 0 {
		return nil, errors.New("expected at least one client and one user")
	}
	ttl := c.AccessTokenTTL
	if ttl == 0 {
		ttl = 5 * time.Minute
	}
	if ttl < time.Second || ttl > 24*time.Hour {
		return nil, fmt.Errorf("expected an access token lifetime of one second to a day, got %s", ttl)
	}
	type object = map[string]any
	clients, servers, users := []object{}, []object{}, []object{}
	for _, v := range c.Clients {
		if v.ID == "" || v.Secret == "" && v.Metadata == nil || len(v.RedirectURIs) == 0 {
			return nil, fmt.Errorf("client %q: expected an id, a secret and a redirect URI", v.ID)
		}
		client := object{
			"client_id": v.ID, "redirect_uris": v.RedirectURIs,
			"post_logout_redirect_uris": append([]string{}, v.PostLogoutRedirectURIs...),
		}
		if v.Secret != "" {
			client["client_secret"] = v.Secret.Reveal()
		}
		for name, value := range v.Metadata {
			if _, taken := client[name]; taken {
				return nil, fmt.Errorf("client %q: metadata %s has a field of its own", v.ID, name)
			}
			client[name] = value
		}
		if v.Name != "" {
			client["client_name"] = v.Name
		}
		clients = append(clients, client)
	}
	for _, v := range c.ResourceServers {
		if v.ID == "" || v.Secret == "" {
			return nil, fmt.Errorf("resource server %q: expected an id and a secret", v.ID)
		}
		servers = append(servers, object{"client_id": v.ID, "client_secret": v.Secret.Reveal()})
	}
	for _, v := range c.Users {
		if v.Subject == "" || v.Login == "" || v.Password == "" {
			return nil, fmt.Errorf("user %q: expected a subject, a login and a password", v.Login)
		}
		users = append(users, object{
			"sub": v.Subject, "login": v.Login, "password": v.Password.Reveal(), "claims": v.Claims,
		})
	}
	line, err := json.Marshal(object{
		"issuer": c.Issuer, "port": port, "proxied": c.Proxied, "hosts": append([]string{}, c.Hosts...), "access_token_ttl": int(math.Round(ttl.Seconds())),
		"clients": clients, "resource_servers": servers, "users": users,
		"features": c.Features,
	})
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

func (c Config) port() (int, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "http" && !(c.Proxied && u.Scheme == "https") || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return 0, fmt.Errorf("expected an issuer http://name:port, got %q", c.Issuer)
	}
	_, text, err := net.SplitHostPort(u.Host)
	if err != nil {
		return 0, fmt.Errorf("expected an issuer with a port, got %q", c.Issuer)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("expected an issuer with a port, got %q", c.Issuer)
	}
	return int(port), nil
}
