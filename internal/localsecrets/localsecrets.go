// Package localsecrets implements the part of AWS Secrets Manager that the
// local run and the tests of the rotation need: an HTTP handler with the
// operations GetSecretValue, DescribeSecret, PutSecretValue,
// UpdateSecretVersionStage and RotateSecret. It accepts requests signed by an
// AWS SDK (Signature Version 4, verified with the SDK's own signer).
//
// Values are in memory only. AWS may keep a version without a stage for a
// while; here it disappears immediately. The operation Age, which AWS does not
// have, replaces the minutes that a new version needs until it seals.
package localsecrets

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Stages of a version.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

// Rotate invokes a rotation function with the event of one step.
type Rotate func(ctx context.Context, event []byte) error

// Store holds secrets. It is safe for use by several goroutines.
type Store struct {
	// Log gets a line for each rotation that failed, without any value.
	// Optional; it is to be set before the store is used.
	Log func(line string)

	mu      sync.Mutex
	secrets map[string]*secret // by ARN
	working sync.WaitGroup
}

type secret struct {
	arn      string
	versions map[string]*version // by id
	rotate   Rotate
}

type version struct {
	value   string // empty: RotateSecret has reserved it
	stages  []string
	created time.Time
}

// New returns an empty store.
func New() *Store { return &Store{secrets: map[string]*secret{}} }

// Add adds a secret with a first version.
func (s *Store) Add(arn, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[arn] = &secret{arn: arn, versions: map[string]*version{
		newID(): {value: value, stages: []string{current}, created: time.Now()},
	}}
}

// OnRotate names the function that rotates a secret.
func (s *Store) OnRotate(arn string, rotate Rotate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, ok := s.secrets[arn]
	if !ok {
		return fmt.Errorf("localsecrets: there is no secret %s", arn)
	}
	sec.rotate = rotate
	return nil
}

// Wait waits for the rotations under way.
func (s *Store) Wait() { s.working.Wait() }

// fault is an error of the API, with its type.
type fault struct{ kind, message string }

func (f fault) Error() string { return f.kind + ": " + f.message }

func notFound(what string) error {
	return fault{"ResourceNotFoundException", "Secrets Manager can't find the specified secret " + what}
}

// request has the parameters of all operations.
type request struct {
	SecretID            string `json:"SecretId"`
	VersionID           string `json:"VersionId"`
	VersionStage        string
	ClientRequestToken  string
	SecretString        string
	VersionStages       []string
	MoveToVersionID     string `json:"MoveToVersionId"`
	RemoveFromVersionID string `json:"RemoveFromVersionId"`
	Seconds             int    // of Age
}

// operations by the header X-Amz-Target.
var operations = map[string]func(*Store, *secret, request) (any, error){
	"secretsmanager.GetSecretValue":           (*Store).getSecretValue,
	"secretsmanager.DescribeSecret":           (*Store).describeSecret,
	"secretsmanager.PutSecretValue":           (*Store).putSecretValue,
	"secretsmanager.UpdateSecretVersionStage": (*Store).updateSecretVersionStage,
	"secretsmanager.RotateSecret":             (*Store).rotateSecret,
	"localsecrets.Age":                        (*Store).age,
}

func (s *Store) call(target string, r request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	serve, known := operations[target]
	sec := s.secrets[r.SecretID]
	switch {
	case !known:
		return nil, fault{"UnknownOperationException", "not implemented by the local run"}
	case sec == nil:
		return nil, notFound(r.SecretID)
	}
	return serve(s, sec, r)
}

func (s *Store) getSecretValue(sec *secret, r request) (any, error) {
	stage := r.VersionStage
	if stage == "" && r.VersionID == "" {
		stage = current
	}
	for id, v := range sec.versions {
		if (stage == "" || slices.Contains(v.stages, stage)) && (r.VersionID == "" || r.VersionID == id) && v.value != "" {
			return map[string]any{"ARN": sec.arn, "Name": sec.arn, "VersionId": id, "SecretString": v.value,
				"VersionStages": v.stages, "CreatedDate": float64(v.created.UnixMilli()) / 1000}, nil
		}
	}
	return nil, notFound("value for " + stage + " " + r.VersionID)
}

func (s *Store) describeSecret(sec *secret, _ request) (any, error) {
	stages := map[string][]string{}
	for id, v := range sec.versions {
		stages[id] = v.stages
	}
	return map[string]any{"ARN": sec.arn, "Name": sec.arn, "RotationEnabled": sec.rotate != nil, "VersionIdsToStages": stages}, nil
}

func (s *Store) putSecretValue(sec *secret, r request) (any, error) {
	if r.SecretString == "" || r.ClientRequestToken == "" {
		return nil, fault{"InvalidParameterException", "SecretString and ClientRequestToken are needed"}
	}
	v := sec.versions[r.ClientRequestToken]
	switch {
	case v == nil:
		v = &version{}
		sec.versions[r.ClientRequestToken] = v
	case v.value != "" && v.value != r.SecretString:
		return nil, fault{"ResourceExistsException", "the version has another value"}
	}
	v.value, v.created = r.SecretString, time.Now()
	stages := r.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	for _, stage := range stages {
		sec.move(stage, r.ClientRequestToken)
	}
	return map[string]any{"ARN": sec.arn, "VersionId": r.ClientRequestToken, "VersionStages": v.stages}, nil
}

func (s *Store) updateSecretVersionStage(sec *secret, r request) (any, error) {
	holder := sec.holder(r.VersionStage)
	switch {
	case sec.versions[r.MoveToVersionID] == nil:
		return nil, notFound("version " + r.MoveToVersionID)
	case holder != "" && holder != r.RemoveFromVersionID && holder != r.MoveToVersionID:
		// "If the staging label is currently attached to a different version …
		// you must also specify" that version.
		return nil, fault{"InvalidParameterException", "RemoveFromVersionId is not the version that has the stage"}
	}
	sec.move(r.VersionStage, r.MoveToVersionID)
	return map[string]any{"ARN": sec.arn}, nil
}

// move gives a stage to a version. If AWSCURRENT moves, the previous version
// becomes AWSPREVIOUS. Versions without a stage are deleted.
func (sec *secret) move(stage, to string) {
	from := sec.holder(stage)
	if from == to {
		return
	}
	if from != "" {
		sec.versions[from].drop(stage)
	}
	sec.versions[to].stages = append(sec.versions[to].stages, stage)
	if stage == current {
		// AWSPENDING "might be attached to the same version as the AWSCURRENT
		// version, or it might not be attached to any version" (RotateSecret).
		sec.versions[to].drop(pending)
	}
	if stage == current && from != "" {
		sec.move(previous, from)
	}
	for id, v := range sec.versions {
		if len(v.stages) == 0 {
			delete(sec.versions, id)
		}
	}
}

func (sec *secret) holder(stage string) string {
	for id, v := range sec.versions {
		if slices.Contains(v.stages, stage) {
			return id
		}
	}
	return ""
}

func (v *version) drop(stage string) {
	v.stages = slices.DeleteFunc(v.stages, func(s string) bool { return s == stage })
}

// rotateSecret returns immediately and runs the four steps afterwards, as AWS
// does.
func (s *Store) rotateSecret(sec *secret, r request) (any, error) {
	if sec.rotate == nil {
		return nil, fault{"InvalidRequestException", "the secret has no rotation function"}
	}
	if holder := sec.holder(pending); holder != "" && !slices.Contains(sec.versions[holder].stages, current) {
		return nil, fault{"InvalidRequestException", "a previous rotation isn't complete"}
	}
	id := r.ClientRequestToken
	if id == "" {
		id = newID()
	}
	if sec.versions[id] == nil {
		sec.versions[id] = &version{created: time.Now()}
	}
	sec.move(pending, id)
	rotate := sec.rotate
	s.working.Go(func() {
		if err := steps(rotate, sec.arn, id); err != nil && s.Log != nil {
			s.Log(err.Error())
		}
	})
	return map[string]any{"ARN": sec.arn, "VersionId": id}, nil
}

func steps(rotate Rotate, arn, id string) error {
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		event, err := json.Marshal(map[string]string{"SecretId": arn, "ClientRequestToken": id, "Step": step})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err = rotate(ctx, event)
		cancel()
		if err != nil {
			return errors.Join(fmt.Errorf("localsecrets: rotation: step %s failed", step), err)
		}
	}
	return nil
}

// age makes all versions of a secret older by some seconds.
func (s *Store) age(sec *secret, r request) (any, error) {
	if r.Seconds <= 0 {
		return nil, fault{"InvalidParameterException", "Seconds is needed"}
	}
	for _, v := range sec.versions {
		v.created = v.created.Add(-time.Duration(r.Seconds) * time.Second)
	}
	return map[string]any{"ARN": sec.arn}, nil
}

// newID returns a version id: AWS has UUIDs, of 36 characters.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
