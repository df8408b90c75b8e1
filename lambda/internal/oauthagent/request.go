package oauthagent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// maxBody bounds request bodies. A page URL with a long code is far shorter.
const maxBody = 16 << 10

// call is one request on its way through the agent, with its response except
// for the body.
type call struct {
	request   *http.Request
	header    csrf.Header
	now       time.Time
	endpoint  string
	origin    string // trusted, or empty
	assistant bool
	allow     string
	headers   map[string]string // besides those of every response
	deviceKey string            // that the session is bound to, for [call.issue]
	notes     []string          // for the log
	place     string            // that the login just ended returns to

	cookies []*http.Cookie // to be set
	state                  // of the cookies received
}

// body is a request body of either content type.
type body struct {
	json []byte     // a JSON object, or nil
	form url.Values // or else this, perhaps empty
}

// read reads the body. An empty one is an empty form.
func (c *call) read() (body, error) {
	mediaType, err := c.contentType()
	if err != nil {
		return body{}, err
	}
	if c.request.Body == nil {
		return body{}, nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(nil, c.request.Body, maxBody))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return body{}, tooLarge
	case err != nil:
		// This includes malformed base64.
		return body{}, malformed.with("the body cannot be read")
	case len(text) == 0:
		return body{}, nil
	}
	switch mediaType {
	case "application/json":
		if text = bytes.TrimSpace(text); !bytes.HasPrefix(text, []byte("{")) || !json.Valid(text) {
			return body{}, malformed.with("the body is not a JSON object")
		}
		return body{json: text}, nil
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(text))
		if err != nil {
			return body{}, malformed.with("the body is not a form")
		}
		return body{form: form}, nil
	}
	return body{}, unsupportedType
}

// contentType returns the media type of the body. It is empty if the request
// has no type, which is allowed for an empty body. text/plain and other types
// that a page may send without a preflight are refused. Forms are the
// exception: the assistant sends them.
func (c *call) contentType() (string, error) {
	values := slices.Compact(slices.Clone(c.header("Content-Type")))
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", malformed.with("more than one content type")
	}
	mediaType, _, err := mime.ParseMediaType(values[0])
	if err != nil || mediaType != "application/json" && mediaType != "application/x-www-form-urlencoded" {
		return "", unsupportedType
	}
	return mediaType, nil
}

// empty reports whether the body has no parameters.
func (b body) empty() bool {
	var fields map[string]json.RawMessage
	return len(b.form) == 0 && b.decode(&fields) == nil && len(fields) == 0
}

// decode reads a JSON body into v. Without a JSON body it leaves v alone.
func (b body) decode(v any) error {
	if b.json == nil {
		return nil
	}
	if json.Unmarshal(b.json, v) != nil {
		return malformed.with("a field of the body has the wrong type")
	}
	return nil
}
