package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"
)

const (
	connectTimeout = 2 * time.Second
	totalTimeout   = 5 * time.Second
	// maxResponse bounds what is read of any response, decompressed.
	maxResponse = 1 << 20
)

func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	t.MaxResponseHeaderBytes = 64 << 10
	// A Lambda is frozen between requests, and a connection that died
	// meanwhile shows only when it is used.
	t.IdleConnTimeout = 20 * time.Second
	return t
}

func newHTTPClient(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: t,
		Timeout:   totalTimeout,
		// Following a redirect would carry credentials to a place nobody
		// configured; the redirect itself is then an unusable answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errNotJSON = errors.New("oauth: the answer is not JSON")

// statusError is a status other than 200 where only that will do.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("oauth: expected status 200, got %d", int(s)) }

// bounded bounds what is read of every response.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Accept") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Accept", "application/json")
	}
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = http.MaxBytesReader(nil, response.Body, maxResponse)
	return response, nil
}

// mediaType is that of the one Content-Type of a response, or empty.
func mediaType(r *http.Response) string {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || len(r.Header.Values("Content-Type")) != 1 {
		return ""
	}
	return mediaType
}

// documents fetches metadata and key sets. Whatever is not status 200 with
// JSON becomes an error of the request, so that "there are no keys to be had"
// can be told from "the signature is wrong".
type documents struct{ next http.RoundTripper }

func (d documents) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, statusError(response.StatusCode)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if !json.Valid(body) {
		return nil, errNotJSON
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
