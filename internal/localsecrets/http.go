package localsecrets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// AccessKey is the id and the secret of the only accepted credentials: those
// that the local run gives to every Lambda. They are no secret. They prove that
// requests are signed.
const AccessKey = "local"

// ServeHTTP serves the JSON 1.1 protocol. Pages in a browser cannot call it:
// the header X-Amz-Target needs a preflight, which gets no response.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer, err := s.serve(r)
	if err != nil {
		var f fault
		if !errors.As(err, &f) {
			f = fault{"InvalidRequestException", "malformed"}
		}
		w.Header().Set("X-Amzn-Errortype", f.kind)
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": f.kind, "Message": f.message}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *Store) serve(r *http.Request) (any, error) {
	target := r.Header.Get("X-Amz-Target")
	if r.Method != http.MethodPost || r.URL.Path != "/" || target == "" {
		return nil, fault{"UnknownOperationException", "expected a POST with X-Amz-Target"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 128<<10))
	if err != nil {
		return nil, err
	}
	if err := checkSignature(r, body); err != nil {
		return nil, err
	}
	var params request
	if err := json.Unmarshal(body, &params); err != nil {
		return nil, fault{"SerializationException", "the body is not JSON"}
	}
	return s.call(target, params)
}

// checkSignature signs the same request again, with AWS's own signer.
func checkSignature(r *http.Request, body []byte) error {
	denied := fault{"InvalidSignatureException", "the request signature does not match"}
	authorization := r.Header.Get("Authorization")
	_, scope, _ := strings.Cut(authorization, "Credential="+AccessKey+"/")
	parts := strings.Split(scope, "/") // date, region, service, aws4_request, …
	_, signed, _ := strings.Cut(authorization, "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || len(parts) < 4 || time.Since(at).Abs() > 5*time.Minute {
		return denied
	}
	again, err := http.NewRequestWithContext(context.Background(), r.Method, "http://"+r.Host+"/", bytes.NewReader(body))
	if err != nil {
		return denied
	}
	again.ContentLength = -1
	needed := map[string]bool{"host": true, "x-amz-date": true, "x-amz-target": true}
	for name := range strings.SplitSeq(signed, ";") {
		delete(needed, name)
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = int64(len(body))
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{
		AccessKeyID: AccessKey, SecretAccessKey: AccessKey, SessionToken: r.Header.Get("X-Amz-Security-Token"),
	}, again, hex.EncodeToString(sum[:]), "secretsmanager", parts[1], at)
	if err != nil || len(needed) > 0 || subtle.ConstantTimeCompare([]byte(again.Header.Get("Authorization")), []byte(authorization)) != 1 {
		return denied
	}
	return nil
}
