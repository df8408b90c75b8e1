package kmssigner_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/kmssigner"
)

const arn = "arn:aws:kms:eu-north-1:123456789012:key/0b2c"

// service is the KMS endpoint: AWS JSON 1.1, as the AWS KMS API Reference has
// it for Sign. It signs with a real key.
type service struct {
	*testing.T
	key    crypto.Signer
	answer http.HandlerFunc // instead
	calls  int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls++
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	if r.Header.Get("X-Amz-Target") != "TrentService.Sign" || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDTEST/") ||
		!strings.Contains(r.Header.Get("Authorization"), "/eu-north-1/kms/aws4_request") || r.Header.Get("X-Amz-Security-Token") != "session" {
		s.Errorf("got %v", r.Header)
	}
	var in struct{ KeyId, Message, MessageType, SigningAlgorithm string }
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &in); err != nil || in.KeyId != arn || in.MessageType != "DIGEST" {
		s.Errorf("got %s, %v", body, err)
	}
	digest, _ := base64.StdEncoding.DecodeString(in.Message)
	var options crypto.SignerOpts
	switch in.SigningAlgorithm {
	case "ECDSA_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256":
		options = crypto.SHA256
	case "RSASSA_PSS_SHA_256":
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case "ECDSA_SHA_384":
		options = crypto.SHA384
	default:
		s.Errorf("got the algorithm %s", in.SigningAlgorithm)
		return
	}
	if len(digest) != options.HashFunc().Size() {
		s.Errorf("got a message of %d bytes, want the digest only", len(digest))
	}
	signature, err := s.key.Sign(rand.Reader, digest, options)
	if err != nil {
		s.Error(err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(map[string]string{
		"KeyId": arn, "SigningAlgorithm": in.SigningAlgorithm, "Signature": base64.StdEncoding.EncodeToString(signature),
	})
}

func start(t *testing.T, key crypto.Signer, algorithm string) (*service, *kmssigner.Signer) {
	t.Helper()
	s := &service{T: t, key: key}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	signer, err := kmssigner.New(kmssigner.Config{
		Key: arn, Algorithm: algorithm, KeyID: "k1", Region: "eu-north-1", Endpoint: server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret-leak", "session"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, signer
}

// Rule 33: an assertion whose key never leaves KMS verifies like any other.
func TestSign(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, tt := range []struct {
		key             crypto.Signer
		algorithm, want string
	}{{p256, "", "ES256"}, {p384, "ES384", "ES384"}, {rsaKey, "PS256", "PS256"}, {rsaKey, "RS256", "RS256"}} {
		t.Run(tt.want, func(t *testing.T) {
			_, signer := start(t, tt.key, tt.algorithm)
			text, err := clientauth.Sign(t.Context(), signer, "JWT", map[string]any{"sub": "spa"})
			if err != nil {
				t.Fatal(err)
			}
			jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(tt.want)})
			if err != nil {
				t.Fatal(err)
			}
			if payload, err := jws.Verify(tt.key.Public()); err != nil || string(payload) != `{"sub":"spa"}` || jws.Signatures[0].Header.KeyID != "k1" {
				t.Errorf("got %s, %v", payload, err)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	aws := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", code)
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(status)
			io.WriteString(w, `{"__type":"`+code+`","message":"leak `+arn+`"}`)
		}
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
		calls  int
	}{
		{"not allowed", aws(400, "AccessDeniedException"), "AccessDeniedException", 1},
		{"disabled", aws(400, "DisabledException"), "DisabledException", 1},
		{"unknown code", aws(400, "LeakException"), "unknown error", 1},
		{"internal, tried twice", aws(500, "KMSInternalException"), "KMSInternalException", 2},
		{"not DER", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			io.WriteString(w, `{"Signature":"bGVhaw=="}`)
		}, "expected an ECDSA signature", 1},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<leak>") }, "unknown error", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, signer := start(t, key, "")
			s.answer = tt.answer
			_, err := signer.Sign(t.Context(), []byte("input"))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "leak") || strings.Contains(err.Error(), arn) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if tt.calls != 0 && s.calls != tt.calls {
				t.Errorf("got %d calls, want %d", s.calls, tt.calls)
			}
		})
	}
	t.Run("no answer in time", func(t *testing.T) {
		s, signer := start(t, key, "")
		s.answer = func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := signer.Sign(ctx, nil); err == nil {
			t.Error("got no error")
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []kmssigner.Config{
		{Algorithm: "ES256", Region: "eu-north-1"}, {Key: arn}, {Key: arn, Region: "eu-north-1", Algorithm: "EdDSA"},
	} {
		if _, err := kmssigner.New(c); err == nil {
			t.Errorf("%+v: got no error", c)
		}
	}
}

// Without credentials in the environment no other source is asked.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if _, err := kmssigner.Environment(t.Context()); err == nil {
		t.Error("got no error")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	t.Setenv("AWS_SESSION_TOKEN", "c")
	if c, err := kmssigner.Environment(t.Context()); err != nil || c.SessionToken != "c" {
		t.Errorf("got %v", err)
	}
}
