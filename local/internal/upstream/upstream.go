// Package upstream is the sample API behind the gateway of the local run: a small resource server for orders.
//
// It asks the provider about each access token (RFC 7662) and returns the caller's orders and the received
// headers, so that a reader sees the access token arrive without cookies and CSRF header. It never repeats the value of
// a credential. It is for loopback: it speaks http and keeps its orders in memory.
package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
)

// Config tells whom to ask about tokens.
type Config struct {
	IntrospectionURL string // on a loopback address
	ClientID         string // the API's own client at the provider
	ClientSecret     settings.Secret
	Origins          []string // of pages that may read /events, which the gateway adds no CORS headers to
}

// Error codes of the API. The first three are RFC 6750 §3.1's and go into WWW-Authenticate, too.
const (
	codeInvalidRequest = "invalid_request"
	codeInvalidToken   = "invalid_token"
	codeMissingToken   = "missing_token"
	codeUnavailable    = "temporarily_unavailable"
)

type api struct {
	introspector *introspector
	orders       *orders
	proofs       *proofs
	origins      []string
}

// New returns the API: for callers with a token GET and POST /orders, GET /events, which streams new orders, and /echo,
// which answers under any method and path with the received request; GET /health for everybody.
func New(cfg Config) (http.Handler, error) {
	in, err := newIntrospector(cfg)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	a := &api{introspector: in, origins: cfg.Origins, orders: newOrders(time.Now), proofs: &proofs{now: time.Now, seen: map[string]time.Time{}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /orders", a.withToken(a.list))
	mux.HandleFunc("POST /orders", a.withToken(a.create))
	mux.HandleFunc("GET /events", a.withToken(a.events))
	mux.HandleFunc("/orders", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, POST")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "expected GET or POST")
	})
	mux.HandleFunc("/echo/", a.withToken(echo))
	mux.HandleFunc("/echo", a.withToken(echo))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not_found", "only /orders and /echo exist here")
	})
	return mux, nil
}

// received is the request as the API got it.
type received struct {
	Method        string              `json:"method"`
	Path          string              `json:"path"`          // as it was escaped
	Headers       map[string][]string `json:"headers"`       // by name in lower case
	Authorization string              `json:"authorization"` // "Bearer" or "DPoP": other schemes have been refused
	Token         Token               `json:"token"`
}

func describe(r *http.Request, token Token) received {
	headers := map[string][]string{"host": {hidden}} // Go keeps it apart from the others
	for name, values := range r.Header {
		name = strings.ToLower(name)
		for _, value := range values {
			headers[name] = append(headers[name], shown(r, name, value))
		}
	}
	return received{Method: r.Method, Path: r.URL.EscapedPath(), Headers: headers, Authorization: scheme(r), Token: token}
}

// hidden stands for every value that could be a credential.
const hidden = "(hidden)"

// inTheClear are headers that proxies write and that hold no credential. The smoke test asks whether a client's own
// value arrives in them.
var inTheClear = []string{"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-user"}

func shown(r *http.Request, name, value string) string {
	switch {
	case slices.Contains(inTheClear, name), value == "none": // the gateway overwrites cookies with it
		return value
	case name == "authorization":
		return scheme(r) + " " + hidden
	}
	return hidden
}

func echo(w http.ResponseWriter, r *http.Request, token Token) {
	reply(w, http.StatusOK, map[string]any{"received": describe(r, token)})
}

// bearer matches credentials = "Bearer" 1*SP b64token (RFC 6750 §2.1); the scheme in any case (RFC 9110 §11.1).
var bearer = regexp.MustCompile(`^(?i:Bearer) +([A-Za-z0-9._~+/-]+=*)$`)

const maxToken = 8 << 10

// scheme is DPoP, or Bearer for everything else.
func scheme(r *http.Request) string {
	if bound.MatchString(r.Header.Get("Authorization")) {
		return "DPoP"
	}
	return "Bearer"
}

type handler func(w http.ResponseWriter, r *http.Request, token Token)

// withToken lets a request through that carries exactly one access token, and that an active one.
func (a *api) withToken(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch values := r.Header.Values("Authorization"); {
		case len(values) == 0:
			// RFC 6750 §3.1: without authentication information no error code is included.
			challenge(w, "", "")
			refuse(w, http.StatusUnauthorized, codeMissingToken, "expected an access token")
		case len(values) > 1:
			challenge(w, codeInvalidRequest, "more than one Authorization header")
			refuse(w, http.StatusBadRequest, codeInvalidRequest, "expected one Authorization header")
		default:
			m := bearer.FindStringSubmatch(values[0])
			if scheme(r) == "DPoP" {
				m = bound.FindStringSubmatch(values[0])
			}
			if m == nil || len(m[1]) > maxToken {
				challenge(w, codeInvalidToken, "not a bearer token")
				refuse(w, http.StatusUnauthorized, codeInvalidToken, "expected a bearer token")
				return
			}
			token, err := a.introspector.introspect(r.Context(), m[1], scheme(r))
			if err == nil && scheme(r) == "DPoP" {
				err = a.proofs.check(r, m[1], token.Thumbprint)
			}
			switch {
			case errors.Is(err, errProof):
				w.Header().Set("WWW-Authenticate", `DPoP realm="orders", error="invalid_dpop_proof", algs="ES256"`)
				refuse(w, http.StatusUnauthorized, "invalid_dpop_proof", "expected a proof of possession for this request")
			case errors.Is(err, errInactive):
				challenge(w, codeInvalidToken, "the token is expired, revoked or unknown")
				refuse(w, http.StatusUnauthorized, codeInvalidToken, "the access token is not active")
			case err != nil:
				refuse(w, http.StatusServiceUnavailable, codeUnavailable, "the access token could not be checked")
			default:
				next(w, r, token)
			}
		}
	}
}

// challenge writes WWW-Authenticate. code and description are constants of this file.
func challenge(w http.ResponseWriter, code, description string) {
	value := `Bearer realm="orders"`
	if code != "" {
		value += `, error="` + code + `", error_description="` + description + `"`
	}
	w.Header().Set("WWW-Authenticate", value)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]string{"code": code, "message": message})
}

func reply(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic("upstream: internal error: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(data)
}
