package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// overTLS has every local run of the suite serve https: E2E_TLS=1 go test
// ./test/e2e.
var overTLS = os.Getenv("E2E_TLS") != ""

func scheme(tls bool) string {
	if tls {
		return "https"
	}
	return "http"
}

// accepted are the certificates of this process's local runs and servers. The
// client trusts no others for them.
var accepted struct {
	sync.Mutex
	pins map[string]bool
	pem  []byte
}

var printedPin = regexp.MustCompile(`sha256/([A-Za-z0-9+/=]{44})`)

// accept trusts the certificate of a run, if it is the one whose pin the run
// printed.
func (s *system) accept(t *testing.T) {
	t.Helper()
	if !strings.HasPrefix(s.api, "https:") {
		return
	}
	printed := printedPin.FindStringSubmatch(s.output.String())
	if printed == nil {
		t.Fatalf("the run did not print a pin\n%s", s.output.String())
	}
	address := "127.0.0.1:" + s.api[strings.LastIndexByte(s.api, ':')+1:]
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cert := conn.ConnectionState().PeerCertificates[0]
	if pin := spkiPin(cert.RawSubjectPublicKeyInfo); pin != printed[1] {
		t.Fatalf("the certificate has the pin %s, and the run printed %s", pin, printed[1])
	}
	trust(cert)
}

// trust makes the client, the browser and the smoke test trust a certificate.
func trust(cert *x509.Certificate) {
	accepted.Lock()
	defer accepted.Unlock()
	if accepted.pins == nil {
		accepted.pins = map[string]bool{}
	}
	accepted.pins[spkiPin(cert.RawSubjectPublicKeyInfo)] = true
	accepted.pem = append(accepted.pem, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
}

func spkiPin(spki []byte) string {
	hash := sha256.Sum256(spki)
	return base64.StdEncoding.EncodeToString(hash[:])
}

// clientTLS verifies by pin.
func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(state tls.ConnectionState) error {
		accepted.Lock()
		defer accepted.Unlock()
		if !accepted.pins[spkiPin(state.PeerCertificates[0].RawSubjectPublicKeyInfo)] {
			return errors.New("e2e: the certificate is of no local run")
		}
		return nil
	}}
}

// browserPins are the pins as a flag of Chromium takes them.
func browserPins() string {
	accepted.Lock()
	defer accepted.Unlock()
	var pins []string
	for pin := range accepted.pins {
		pins = append(pins, pin)
	}
	return strings.Join(pins, ",")
}

// trustedFile is a file with the certificates of the tests' own servers and of
// the local runs, for the smoke test.
func trustedFile(t *testing.T) string {
	t.Helper()
	accepted.Lock()
	defer accepted.Unlock()
	file := filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(file, accepted.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
