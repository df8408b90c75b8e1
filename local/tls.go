package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certificate is a self-signed certificate of the run. Its key exists only in
// memory, and it is installed nowhere: a browser accepts it by its pin or with
// a click.
type certificate struct {
	config *tls.Config
	// pin is the Base64 SHA-256 hash of the public key's SubjectPublicKeyInfo,
	// as in RFC 7469 section 2.4.
	pin string
}

func newCertificate(now time.Time, names ...string) (*certificate, error) {
	fail := func(err error) (*certificate, error) { return nil, fmt.Errorf("local: certificate: %w", err) }
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fail(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "token handler, local run"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(7 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fail(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fail(err)
	}
	hash := sha256.Sum256(spki)
	return &certificate{
		config: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		pin:    base64.StdEncoding.EncodeToString(hash[:]),
	}, nil
}

// spki is the pin, or "" for a run on http.
func (c *certificate) spki() string {
	if c == nil {
		return ""
	}
	return c.pin
}

// names are the hosts that browsers of this run visit.
func (o options) names() []string {
	return []string{"*." + o.domain, "www." + o.domain, "api." + o.domain, "login." + o.domain}
}
