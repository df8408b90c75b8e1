package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const maxIntrospection = 64 << 10

// errInactive means that the provider does not stand behind the token.
var errInactive = errors.New("upstream: token is not active")

// Token describes an active access token: the members of RFC 7662 §2.2 that the sample shows.
type Token struct {
	Active   bool   `json:"active"`
	Subject  string `json:"sub"`
	Scope    string `json:"scope"`
	ClientID string `json:"client_id"`
	Expires  int64  `json:"exp"` // seconds since 1970
	Type     string `json:"token_type"`

	Thumbprint string `json:"-"` // of the key that the token is bound to (RFC 9449 §6.2)
}

type introspector struct {
	cfg    Config
	client *http.Client
	now    func() time.Time
}

func newIntrospector(cfg Config) (*introspector, error) {
	u, err := url.Parse(cfg.IntrospectionURL)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("expected an introspection URL http://127.0.0.1:port/path")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("expected an introspection URL on a loopback address, got host %q", u.Hostname())
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" {
		return nil, errors.New("expected a client id and a client secret for introspection")
	}
	client := &http.Client{
		Timeout: 5 * time.Second,
		// Following a redirect would hand the token and the credentials to wherever it leads.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 10, IdleConnTimeout: 30 * time.Second},
	}
	return &introspector{cfg: cfg, client: client, now: time.Now}, nil
}

// introspect asks the provider about an access token that came with this scheme. errInactive is the provider's no; any other error means that
// it is not known. No error contains the token or the provider's response.
func (in *introspector) introspect(ctx context.Context, token, scheme string) (Token, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, in.cfg.IntrospectionURL, strings.NewReader(form))
	if err != nil {
		return Token{}, err
	}
	// RFC 6749 §2.3.1: id and secret are form-url-encoded before they become Basic credentials.
	r.SetBasicAuth(url.QueryEscape(in.cfg.ClientID), url.QueryEscape(in.cfg.ClientSecret.Reveal()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	resp, err := in.client.Do(r)
	if err != nil {
		return Token{}, fmt.Errorf("upstream: introspection: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxIntrospection+1))
	if err != nil {
		return Token{}, fmt.Errorf("upstream: introspection: %w", err)
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || mediaType != "application/json" || len(body) > maxIntrospection {
		return Token{}, fmt.Errorf("upstream: introspection: expected JSON with status 200, got status %d", resp.StatusCode)
	}
	var answer struct {
		Token
		Active *bool `json:"active"` // REQUIRED (RFC 7662 §2.2)
		Key    struct {
			Thumbprint string `json:"jkt"`
		} `json:"cnf"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Active == nil {
		return Token{}, errors.New("upstream: introspection: expected an object with a boolean member active")
	}
	t := answer.Token
	t.Active, t.Thumbprint = *answer.Active, answer.Key.Thumbprint
	// token_type keeps a refresh token from passing for an access token: a provider calls both active. And RFC 9449 §7.2:
	// a bound token that comes as a bearer token is refused.
	if !t.Active || t.Subject == "" || !strings.EqualFold(t.Type, scheme) || t.Expires <= in.now().Unix() {
		return Token{}, errInactive
	}
	return t, nil
}
