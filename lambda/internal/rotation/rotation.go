// Package rotation rotates the cookie key in Secrets Manager. The rotation
// Lambda runs it ("Lambda rotation functions", AWS Secrets Manager User Guide).
//
// Secrets Manager invokes it four times per rotation. Each step may be repeated
// and has no effect the second time:
//
//	createSecret  puts a new key, 32 random bytes, as version AWSPENDING
//	setSecret     has no effect, because no other system knows the key
//	testSecret    checks that AWSPENDING is a key
//	finishSecret  makes it AWSCURRENT; the former current version becomes AWSPREVIOUS
//
// Logs and errors contain no part of a key.
package rotation

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/tokenhandler/aws/internal/settings"
)

const (
	stageCurrent = "AWSCURRENT"
	stagePending = "AWSPENDING"
)

// Event is the event that Secrets Manager sends.
type Event struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken string // id of the version to make
	Step               string
}

// Rotator rotates secrets through a client.
type Rotator struct{ Client *secretsmanager.Client }

// Handle is the Lambda function.
func (r Rotator) Handle(ctx context.Context, e Event) error {
	steps := map[string]func(context.Context, Event) error{
		"createSecret": r.create,
		"setSecret":    func(context.Context, Event) error { return nil },
		"testSecret":   r.test,
		"finishSecret": r.finish,
	}
	step, known := steps[e.Step]
	if !known || e.SecretID == "" || e.ClientRequestToken == "" {
		return errors.New("rotation: expected an event of Secrets Manager with one of the four steps")
	}
	stages, err := r.stages(ctx, e)
	switch {
	case err != nil:
		return err
	case slices.Contains(stages[e.ClientRequestToken], stageCurrent):
		return nil // finished before
	case !slices.Contains(stages[e.ClientRequestToken], stagePending):
		return errors.New("rotation: the version is not AWSPENDING: this rotation was given up")
	}
	return step(ctx, e)
}

// stages returns the stages of each version.
func (r Rotator) stages(ctx context.Context, e Event) (map[string][]string, error) {
	secret, err := r.Client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &e.SecretID})
	if err != nil {
		return nil, fmt.Errorf("rotation: DescribeSecret: %w", err)
	}
	if !aws.ToBool(secret.RotationEnabled) {
		return nil, errors.New("rotation: the secret is not set up for rotation")
	}
	return secret.VersionIdsToStages, nil
}

func (r Rotator) create(ctx context.Context, e Event) error {
	_, err := r.pending(ctx, e)
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		return err // nil: it was made before
	}
	var key [32]byte
	rand.Read(key[:]) // never fails: crypto/rand ends the program instead
	_, err = r.Client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &e.SecretID, ClientRequestToken: &e.ClientRequestToken,
		SecretString: aws.String(hex.EncodeToString(key[:])), VersionStages: []string{stagePending},
	})
	if err != nil {
		return fmt.Errorf("rotation: PutSecretValue: %w", err)
	}
	return nil
}

func (r Rotator) pending(ctx context.Context, e Event) (settings.Secret, error) {
	value, err := r.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: &e.SecretID, VersionId: &e.ClientRequestToken, VersionStage: aws.String(stagePending),
	})
	if err != nil {
		return "", fmt.Errorf("rotation: GetSecretValue: %w", err)
	}
	return settings.Secret(aws.ToString(value.SecretString)), nil
}

// test does not compare with the current key: to try a new schedule, Secrets
// Manager runs this step alone, on a version of its own making.
func (r Rotator) test(ctx context.Context, e Event) error {
	key, err := r.pending(ctx, e)
	if err != nil {
		return err
	}
	if !settings.IsKey(key.Reveal()) {
		return errors.New("rotation: version AWSPENDING is no key: expected 64 hexadecimal characters, not all the same")
	}
	return nil
}

func (r Rotator) finish(ctx context.Context, e Event) error {
	if err := r.test(ctx, e); err != nil {
		return err // only a key becomes current
	}
	stages, err := r.stages(ctx, e)
	if err != nil {
		return err
	}
	var current *string
	for id, of := range stages {
		if slices.Contains(of, stageCurrent) {
			current = &id
		}
	}
	_, err = r.Client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &e.SecretID, VersionStage: aws.String(stageCurrent), MoveToVersionId: &e.ClientRequestToken, RemoveFromVersionId: current,
	})
	if err != nil {
		return fmt.Errorf("rotation: UpdateSecretVersionStage: %w", err)
	}
	return nil
}
