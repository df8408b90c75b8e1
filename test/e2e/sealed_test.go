package e2e

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sealer reads and writes sealed cookies from their documented form alone, so
// that the test can look for the tokens inside, and make cookies that a
// browser would never be given.
type sealer struct {
	id   []byte
	aead cipher.AEAD
}

func newSealer(hexKey string) (*sealer, error) {
	key, err := hex.DecodeString(hexKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(append([]byte("token handler cookie key id\x00"), key...))
	return &sealer{id[:4], aead}, nil
}

type content struct {
	session []byte // 16 bytes
	expires uint64
	token   string
}

var base64url = base64.RawURLEncoding

func (s *sealer) open(name, value string) (content, error) {
	raw, err := base64url.DecodeString(value)
	if err != nil || len(raw) < 17 {
		return content{}, errors.New("e2e: not a sealed cookie")
	}
	plain, err := s.aead.Open(nil, raw[5:17], raw[17:], append(raw[:5:5], name...))
	if err != nil {
		return content{}, err
	}
	c := content{session: plain[:16], expires: binary.BigEndian.Uint64(plain[16:24])}
	if plain[24] == 0 {
		c.token = string(plain[25:])
		return c, nil
	}
	// A JWT: two segments with their lengths in front, then the signature.
	rest, segments := plain[25:], []string{}
	for range 2 {
		n, size := binary.Uvarint(rest)
		segments = append(segments, base64url.EncodeToString(rest[size:size+int(n)]))
		rest = rest[size+int(n):]
	}
	c.token = strings.Join(append(segments, base64url.EncodeToString(rest)), ".")
	return c, nil
}

func (s *sealer) seal(name string, c content) string {
	prefix := append([]byte{2}, s.id...)
	nonce := make([]byte, 12)
	rand.Read(nonce)
	plain := binary.BigEndian.AppendUint64(append([]byte{}, c.session...), c.expires)
	plain = append(append(plain, 0), c.token...)
	sealed := s.aead.Seal(append(append([]byte{}, prefix...), nonce...), nonce, plain, append(append([]byte{}, prefix...), name...))
	return base64url.EncodeToString(sealed)
}

func inOneHour() uint64 { return uint64(time.Now().Add(time.Hour).Unix()) }

// lambdaEnvironments returns the environment of every Lambda process that
// runs from the cloud assembly in out. Only Linux shows it.
func lambdaEnvironments(out string) ([]map[string]string, error) {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(files) == 0 {
		return nil, errors.New("e2e: this system does not show the environment of processes")
	}
	var environments []map[string]string
	for _, file := range files {
		exe, err := os.Readlink(filepath.Join(filepath.Dir(file), "exe"))
		if err != nil || !strings.HasPrefix(exe, out) {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		env := map[string]string{}
		for pair := range strings.SplitSeq(string(raw), "\x00") {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		environments = append(environments, env)
	}
	if len(environments) == 0 {
		return nil, errors.New("e2e: no Lambda process runs from " + out)
	}
	return environments, nil
}
