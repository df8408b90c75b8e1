// Package backchannel makes the calls of the agent and of the authorizer to the
// provider. Both use the same limits, the same proxy rule and the same words in
// their logs.
//
// A call is bounded in time and in the size of the response. Redirects are not
// followed: they would carry a token and credentials to an address that is not
// configured. HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment are used
// as net/http uses them: a proxy sees the host name of an https URL only, and
// loopback addresses need no proxy.
//
// An [*Error] is made of constants: it contains neither the URL nor any byte
// that was sent or received.
package backchannel

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	// DefaultTimeout bounds a call of the authorizer. Two of them, a key set and
	// an introspection, fit into the five seconds that it may take.
	DefaultTimeout = 2 * time.Second
	// MaxBody bounds a response, decompressed.
	MaxBody = 1 << 20

	connectTimeout = 2 * time.Second
	// idle is how long an unused connection is kept. Servers and the network
	// between forget connections while a Lambda is frozen.
	idle = 20 * time.Second
)

// Answer is a response that was read to its end.
type Answer struct {
	Status int
	Header http.Header
	// MediaType is that of the only Content-Type, in lower case and without
	// parameters, or empty.
	MediaType string
	// Body has no byte order mark (RFC 8259 section 8.1: parsers "MAY ignore the
	// presence of a byte order mark").
	Body []byte
}

// Error says why a call failed. Its text is a predicate, such as "did not
// answer in time".
type Error struct {
	reason string
	cause  error // for errors.Is on context errors
}

func (e *Error) Error() string { return e.reason }

// Unwrap returns the context's error if that ended the call.
func (e *Error) Unwrap() error { return e.cause }

// Config of a [Client]. The zero value is usable.
type Config struct {
	// Timeout bounds a call with its repetition; 0 stands for [DefaultTimeout].
	Timeout time.Duration
	// Certificate is shown to a server that asks for one.
	Certificate *tls.Certificate
	// CABundle are certificates in PEM form that are trusted besides those of the
	// system. Empty: the system's only.
	CABundle string
	// Transport replaces the package's own. For tests.
	Transport http.RoundTripper
}

// Client makes calls. It is safe for use by several goroutines.
type Client struct {
	http    *http.Client
	timeout time.Duration

	mu   sync.Mutex
	last time.Time // end of the previous call
}

// New returns a client. With Transport and one of Certificate and CABundle,
// Transport must be an *http.Transport. It panics on a CABundle without
// certificates, which the settings refuse.
func New(c Config) *Client {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{
			Proxy:       http.ProxyFromEnvironment,
			DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext,
			// HTTP/1.1 only: after a freeze net/http notices a dead HTTP/2
			// connection only when a request times out on it.
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        idle,
		}
	}
	if c.Certificate != nil || c.CABundle != "" {
		t := c.Transport.(*http.Transport).Clone()
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{}
		}
		if c.Certificate != nil {
			t.TLSClientConfig.Certificates = []tls.Certificate{*c.Certificate}
		}
		if c.CABundle != "" {
			t.TLSClientConfig.RootCAs = trusted(c.CABundle)
		}
		c.Transport = t
	}
	return &Client{timeout: c.Timeout, http: &http.Client{
		Transport:     c.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// trusted returns the authorities of the system and those of a bundle.
func trusted(bundle string) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // the bundle only
	}
	if !pool.AppendCertsFromPEM([]byte(bundle)) {
		panic("backchannel: internal error: the CA bundle has no certificate")
	}
	return pool
}

// Repeatable marks a request as one that may be sent twice, as net/http does
// for a request with this header. The header itself is not sent.
func Repeatable(r *http.Request) { r.Header["Idempotency-Key"] = nil }

// Do sends a request and reads the response. Its error is an [*Error].
//
// A request that never left, or a GET or [Repeatable] one whose connection
// broke before a response came, is sent once more on a new connection. Others
// are not: a code or a refresh token may be used up. The body must be one that
// http.NewRequest can repeat, such as a strings.Reader.
func (c *Client) Do(ctx context.Context, r *http.Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	c.dropOld()
	defer c.used()
	answer, err := c.attempt(r.Clone(ctx))
	if err == nil || !mayRepeat(r, err) || ctx.Err() != nil {
		return answer, plain(ctx, err)
	}
	again := r.Clone(ctx)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return Answer{}, plain(ctx, err)
		}
	}
	// The other connections of the pool are as old as the broken one.
	c.http.CloseIdleConnections()
	answer, err = c.attempt(again)
	return answer, plain(ctx, err)
}

// Get fetches a document. A status other than 200 is an error.
func (c *Client) Get(ctx context.Context, url, accept string) (Answer, error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return Answer{}, &Error{reason: "has a malformed URL"}
	}
	r.Header.Set("Accept", accept)
	answer, err := c.Do(ctx, r)
	if err == nil && answer.Status != http.StatusOK {
		return answer, &Error{reason: fmt.Sprintf("answered %d", answer.Status)}
	}
	return answer, err
}

// dropOld closes connections that a freeze has made old: the timer of
// IdleConnTimeout was frozen, too. The wall clock was not.
func (c *Client) dropOld() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.IsZero() && time.Now().Round(0).Sub(c.last) > idle {
		c.http.CloseIdleConnections()
	}
}

func (c *Client) used() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now().Round(0)
}

var (
	errBrokeOff = errors.New("the response broke off")
	errTooLarge = errors.New("the response is too large")
)

func (c *Client) attempt(r *http.Request) (Answer, error) {
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	switch {
	case err != nil && r.Context().Err() != nil:
		return Answer{}, err
	case err != nil:
		return Answer{}, errBrokeOff // the response had begun: not to be repeated
	case len(body) > MaxBody:
		return Answer{}, errTooLarge
	}
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || len(response.Header.Values("Content-Type")) != 1 {
		mediaType = ""
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	return Answer{Status: response.StatusCode, Header: response.Header, MediaType: mediaType, Body: body}, nil
}

// mayRepeat reports whether the server cannot have acted on the request, or
// may act on it again. A timeout is not repeated: the time is used up.
func mayRepeat(r *http.Request, err error) bool {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return true
	}
	if _, repeatable := r.Header["Idempotency-Key"]; r.Method != http.MethodGet && !repeatable {
		return false
	}
	for _, target := range []error{syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func plain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Reason(err), ctx.Err()}
}

// Reason classifies an error of net/http. It never quotes it, because
// net/http's own text repeats data of the server.
func Reason(err error) string {
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.Is(err, errTooLarge):
		return fmt.Sprintf("answered more than %d bytes", MaxBody)
	case errors.Is(err, context.Canceled):
		return "was given up: the request was cancelled"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "did not answer in time"
	case errors.As(err, &dns):
		return "has a name that does not resolve"
	case errors.As(err, &certificate):
		return "has a certificate that is not trusted"
	case errors.As(err, &op) && op.Op == "dial":
		return "cannot be reached"
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "cannot be reached through the proxy"
	}
	return "sent a response that cannot be used, or broke off"
}
