package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/sealedtest"
)

// sealer is a sealedtest.Sealer.
type sealer struct{ *sealedtest.Sealer }

func newSealer(s *system, hexKey string) (*sealer, error) {
	sealed, err := sealedtest.New(hexKey, sealedtest.Deployment{Name: s.login + " spa-client"})
	return &sealer{sealed}, err
}

type content struct {
	session []byte // 16 bytes
	expires uint64
	token   string
}

func (s *sealer) open(name, value string) (content, error) {
	c, err := s.Open(name, value)
	return content{c.Session, c.Expires, c.Token}, err
}

func (s *sealer) seal(name string, c content) string {
	return s.Seal(name, sealedtest.Content{Session: c.session, Expires: c.expires, Token: c.token})
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
