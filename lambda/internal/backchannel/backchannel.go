// Package backchannel makes the authorizer's own calls to the provider:
// introspection and key sets.
//
// A call is bounded in time and in what is read of the answer. Redirects are
// not followed: they would carry a token and credentials to a place nobody
// configured. Proxies of the environment are not used. A connection that was
// refused or broke before an answer came is tried once more, on a new
// connection; nothing else is repeated. No error tells the URL, what was sent
// or what was answered.
package backchannel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// DefaultTimeout bounds one attempt. Two of them fit into the five seconds
// that the authorizer may take.
const DefaultTimeout = 2 * time.Second

// MaxBody bounds an answer, decompressed.
const MaxBody = 64 << 10

// Answer is an HTTP response that was read to its end.
type Answer struct {
	Status    int
	MediaType string // of the Content-Type, in lower case, without parameters
	Body      []byte
}

// Client makes calls. It is safe for use by several goroutines.
type Client struct {
	http *http.Client
}

// New makes a client whose attempts take no longer than timeout, or
// [DefaultTimeout] if that is 0.
func New(timeout time.Duration) *Client {
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	return &Client{&http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            (&net.Dialer{Timeout: timeout}).DialContext,
			TLSHandshakeTimeout:    timeout,
			MaxResponseHeaderBytes: 32 << 10,
			MaxIdleConnsPerHost:    4,
			// A Lambda is frozen between requests, and a connection that died
			// meanwhile shows only when it is used: see broken.
			IdleConnTimeout: 20 * time.Second,
		},
	}}
}

// Do sends a request and reads the answer. The request's body must have been
// given to http.NewRequest as a reader it can repeat (a strings.Reader or the
// like).
func (c *Client) Do(ctx context.Context, r *http.Request) (Answer, error) {
	answer, err := c.attempt(r.WithContext(ctx))
	if err == nil || !broken(err) || ctx.Err() != nil {
		return answer, plain(err)
	}
	again := r.Clone(ctx)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return Answer{}, plain(err)
		}
	}
	// The others in the pool are as old as the one that broke.
	c.http.CloseIdleConnections()
	answer, err = c.attempt(again)
	return answer, plain(err)
}

func (c *Client) attempt(r *http.Request) (Answer, error) {
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	if err != nil {
		// Not %w: the answer had begun, which is not what broken means.
		return Answer{}, fmt.Errorf("the answer broke off: %v", err)
	}
	if len(body) > MaxBody {
		return Answer{}, fmt.Errorf("expected an answer of at most %d bytes", MaxBody)
	}
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || len(response.Header.Values("Content-Type")) != 1 {
		mediaType = ""
	}
	return Answer{Status: response.StatusCode, MediaType: mediaType, Body: body}, nil
}

// broken reports whether the connection was refused, or ended before any
// answer: then nobody has decided anything, and the same question may be asked
// again. A timeout is not: it has used up the time there was.
func broken(err error) bool {
	for _, target := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// plain takes the URL out of an error: its query may be nobody's business.
func plain(err error) error {
	if err == nil {
		return nil
	}
	var withURL *url.Error
	if errors.As(err, &withURL) {
		if withURL.Timeout() {
			return errors.New("backchannel: no answer in time")
		}
		err = withURL.Err
	}
	return fmt.Errorf("backchannel: %w", err)
}
