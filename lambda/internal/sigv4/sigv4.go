// Package sigv4 signs requests to AWS with Signature Version 4. The AWS SDK would
// make the authorizer 3 MB larger.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
)

// Credentials sign requests.
type Credentials struct {
	ID     string
	Secret settings.Secret
	Token  settings.Secret // of temporary credentials, as Lambda has them
}

// FromEnvironment returns the credentials that Lambda sets.
func FromEnvironment(env func(string) string) Credentials {
	return Credentials{env("AWS_ACCESS_KEY_ID"), settings.Secret(env("AWS_SECRET_ACCESS_KEY")), settings.Secret(env("AWS_SESSION_TOKEN"))}
}

// Sign adds the headers of Signature Version 4 to a request of path "/" and no
// query, with all the headers it has ("Create a signed AWS API request", IAM
// User Guide).
//
// It does not support paths, queries, headers with several values, and streamed
// bodies, because no caller needs them.
func Sign(r *http.Request, body []byte, c Credentials, region, service string, now time.Time) error {
	if c.ID == "" || c.Secret == "" {
		return errors.New("sigv4: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing: expected the credentials of the Lambda's role")
	}
	timestamp := now.UTC().Format("20060102T150405Z")
	date := timestamp[:8]
	r.Header.Set("X-Amz-Date", timestamp)
	if c.Token != "" {
		r.Header.Set("X-Amz-Security-Token", c.Token.Reveal())
	}

	headers := map[string]string{"host": r.URL.Host}
	for name := range r.Header {
		// "Convert sequential spaces to a single space", without spaces at the ends.
		headers[strings.ToLower(name)] = strings.Join(strings.Fields(r.Header.Get(name)), " ")
	}
	names := slices.Sorted(maps.Keys(headers))
	canonical := r.Method + "\n/\n\n"
	for _, name := range names {
		canonical += name + ":" + headers[name] + "\n"
	}
	signed := strings.Join(names, ";")
	canonical += "\n" + signed + "\n" + hexSum(body)

	scope := date + "/" + region + "/" + service + "/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + timestamp + "\n" + scope + "\n" + hexSum([]byte(canonical))
	key := []byte("AWS4" + c.Secret.Reveal())
	for _, part := range []string{date, region, service, "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.ID+"/"+scope+", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
	return nil
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
