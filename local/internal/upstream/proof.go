package upstream

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// bound matches credentials with the scheme of RFC 9449 §7.1: token68 as for Bearer.
var bound = regexp.MustCompile(`^(?i:DPoP) +([A-Za-z0-9._~+/-]+=*)$`)

// proofAge is how far iat may be from now, to either side; maxProof bounds the header.
const (
	proofAge = time.Minute
	maxProof = 4 << 10
)

var errProof = errors.New("upstream: the proof of possession is not for this request")

// proofs checks proofs of possession and remembers those it has seen for as long as they would do again.
type proofs struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[string]time.Time
}

// check makes the checks of RFC 9449 §4.3 but for the nonce, which is not demanded, and of §7.1.
func (p *proofs) check(r *http.Request, accessToken, thumbprint string) error {
	values := r.Header.Values("DPoP")
	if len(values) != 1 || len(values[0]) > maxProof { // 1. not more than one field
		return errProof
	}
	jws, err := jose.ParseSignedCompact(values[0], []jose.SignatureAlgorithm{jose.ES256}) // 2., 5. asymmetric
	if err != nil {
		return errProof
	}
	header := jws.Signatures[0].Protected
	key := header.JSONWebKey
	if header.ExtraHeaders["typ"] != "dpop+jwt" || key == nil || !key.IsPublic() { // 4., 7.
		return errProof
	}
	if _, ec := key.Key.(*ecdsa.PublicKey); !ec {
		return errProof
	}
	payload, err := jws.Verify(key) // 6.
	if err != nil {
		return errProof
	}
	var claims struct {
		ID       string `json:"jti"`
		Method   string `json:"htm"`
		URL      string `json:"htu"`
		IssuedAt int64  `json:"iat"`
		Hash     string `json:"ath"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.ID == "" || len(claims.ID) > 128 { // 3.
		return errProof
	}
	age := p.now().Sub(time.Unix(claims.IssuedAt, 0))
	hash := sha256.Sum256([]byte(accessToken))
	jkt, err := key.Thumbprint(crypto.SHA256)
	switch {
	case claims.Method != r.Method: // 8.
	case claims.URL != "http://"+r.Host+r.URL.EscapedPath(): // 9.
	case age > proofAge || age < -proofAge: // 11.
	case claims.Hash != base64.RawURLEncoding.EncodeToString(hash[:]): // 12. the token's
	case err != nil || base64.RawURLEncoding.EncodeToString(jkt) != thumbprint: // and of the token's key
	case !p.first(claims.ID): // §11.1
	default:
		return nil
	}
	return errProof
}

// first reports whether an id comes for the first time, and remembers it.
func (p *proofs) first(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for other, until := range p.seen {
		if now.After(until) {
			delete(p.seen, other)
		}
	}
	if _, again := p.seen[id]; again {
		return false
	}
	p.seen[id] = now.Add(2 * proofAge)
	return true
}
