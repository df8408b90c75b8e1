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

var (
	errContentType = errors.New("oauth: the answer is not of type application/json")
	errNotJSON     = errors.New("oauth: the answer is not JSON")
)

// statusError is a status other than 200 where only that will do.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("oauth: expected status 200, got %d", int(s)) }

// transport bounds every response and holds the token endpoint, the only one
// that is posted to, to JSON.
type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept", "application/json")
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	// RFC 6749 section 5.1: the parameters are sent "using the
	// application/json media type".
	if r.Method == http.MethodPost && response.StatusCode/100 == 2 && !isJSON(response) {
		response.Body.Close()
		return nil, errContentType
	}
	response.Body = http.MaxBytesReader(nil, response.Body, maxResponse)
	return response, nil
}

func isJSON(r *http.Response) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
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
