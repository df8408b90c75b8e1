package main

import (
	"context"
	"fmt"

	"github.com/tokenhandler/aws/internal/localsecrets"
	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/template"
)

// secrets is the Secrets Manager of the run. It is nil where no Lambda reads a
// secret: then the values are in their environments already.
type secrets struct {
	store     *localsecrets.Store
	server    *server
	url       string
	rotations []template.Rotation
}

// startSecrets serves the secrets that the Lambdas read or rotate, with the
// values made for this run, or given. A rotation is asked for as on AWS, with
// RotateSecret.
func startSecrets(o options, c *console, t *template.Template) (*secrets, error) {
	read, rotations := t.ReadSecrets(), t.Rotations()
	if len(read) == 0 && len(rotations) == 0 {
		return nil, nil
	}
	listeners, err := listen("Secrets Manager", "-secrets-port", o.secretsPort)
	if err != nil {
		return nil, err
	}
	s := &secrets{store: localsecrets.New(), rotations: rotations, url: "http://" + listeners[0].Addr().String()}
	s.store.Log = func(line string) { c.child("secrets", line) }
	for _, r := range read {
		s.store.Add(r.ARN, r.Value.Reveal())
	}
	for _, r := range rotations {
		s.store.Add(r.SecretARN, r.Value.Reveal())
	}
	s.server = serve(s.store, listeners, nil)
	c.part("secrets", s.url, 0)
	return s, nil
}

// environment tells the Lambdas its address, in the variable that AWS SDKs
// read, too. It is in no template.
func (s *secrets) environment() map[string]string {
	if s == nil {
		return nil
	}
	return map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": s.url}
}

// rotateWith lets the template's rotation functions do the rotations.
func (s *secrets) rotateWith(invoke func(context.Context, string, []byte) (gateway.Result, error)) error {
	if s == nil {
		return nil
	}
	for _, r := range s.rotations {
		err := s.store.OnRotate(r.SecretARN, func(ctx context.Context, event []byte) error {
			result, err := invoke(ctx, r.FunctionID, event)
			if err == nil && result.FunctionError {
				err = fmt.Errorf("local: the rotation function failed: %s", result.Payload)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *secrets) stop() {
	if s != nil {
		s.server.stop()
	}
}
