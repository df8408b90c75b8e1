package keys

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

type credentials struct {
	id     string
	secret settings.Secret
	token  settings.Secret // of temporary credentials, as Lambda has them
}

// sign adds the headers of Signature Version 4 to a request of path "/" and no
// query, with all the headers it has ("Create a signed AWS API request", IAM
// User Guide).
//
// What is not done, since no caller needs it: paths, queries, headers with
// several values, bodies that are streamed.
func sign(r *http.Request, body []byte, c credentials, region, service string, now time.Time) error {
	if c.id == "" || c.secret == "" {
		return errors.New("keys: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing: expected the credentials of the Lambda's role")
	}
	timestamp := now.UTC().Format("20060102T150405Z")
	date := timestamp[:8]
	r.Header.Set("X-Amz-Date", timestamp)
	if c.token != "" {
		r.Header.Set("X-Amz-Security-Token", c.token.Reveal())
	}

	headers := map[string]string{"host": r.URL.Host}
	for name := range r.Header {
		// "Convert sequential spaces to a single space", and none at the ends.
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
	key := []byte("AWS4" + c.secret.Reveal())
	for _, part := range []string{date, region, service, "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.id+"/"+scope+", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
	return nil
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
