package keys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/partition"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/sigv4"
)

// errNoVersion: the secret has no version with this stage.
var errNoVersion = errors.New("keys: the secret has no such version")

// maxAnswer bounds a response: a secret has at most 65,536 bytes.
const maxAnswer = 128 << 10

// client calls GetSecretValue of one secret (AWS Secrets Manager API
// Reference).
type client struct {
	arn      string
	endpoint string
	region   string
	env      func(string) string
	now      func() time.Time
	http     *http.Client
}

// newClient takes the region from the secret's ARN. The variable
// AWS_ENDPOINT_URL_SECRETS_MANAGER, which AWS SDKs honour too, names another
// endpoint, such as a VPC endpoint or that of a local run.
func newClient(arn string, env func(string) string, now func() time.Time) (*client, error) {
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) != 7 {
		return nil, errors.New("keys: expected the ARN of a secret")
	}
	c := &client{arn: arn, region: parts[3], env: env, now: now, endpoint: env("AWS_ENDPOINT_URL_SECRETS_MANAGER")}
	switch {
	case c.endpoint != "":
		u, err := url.Parse(c.endpoint)
		if err != nil || !settings.IsURL(c.endpoint) || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
			return nil, errors.New("keys: AWS_ENDPOINT_URL_SECRETS_MANAGER is malformed: expected an https URL (http for loopback names only) without path")
		}
		c.endpoint = u.Scheme + "://" + u.Host + "/"
	default:
		suffix, err := partition.Suffix(parts[1])
		if err != nil {
			return nil, fmt.Errorf("keys: %w; AWS_ENDPOINT_URL_SECRETS_MANAGER can name the endpoint", err)
		}
		c.endpoint = "https://secretsmanager." + c.region + "." + suffix + "/"
	}
	c.http = &http.Client{
		// A redirect would send the signature, and the secret, elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       fetchTime,
	}
	return c, nil
}

// get returns the version of the secret with a stage. It tries twice where the
// network or the service fails.
func (c *client) get(ctx context.Context, stage string) (version, error) {
	v, retry, err := c.call(ctx, stage)
	if retry {
		v, _, err = c.call(ctx, stage)
	}
	return v, err
}

func (c *client) call(ctx context.Context, stage string) (v version, retry bool, err error) {
	body, err := json.Marshal(map[string]string{"SecretId": c.arn, "VersionStage": stage})
	if err != nil {
		return version{}, false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return version{}, false, errors.New("keys: the endpoint of Secrets Manager is malformed")
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
	err = sigv4.Sign(r, body, sigv4.FromEnvironment(c.env), c.region, "secretsmanager", c.now())
	if err != nil {
		return version{}, false, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return version{}, true, errors.New("keys: Secrets Manager " + backchannel.Reason(err))
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return version{}, true, errors.New("keys: the answer of Secrets Manager broke off")
	}
	v, err = parseAnswer(answer.StatusCode, text)
	return v, answer.StatusCode >= 500, err
}

// parseAnswer reads a response. Errors show only its error type.
func parseAnswer(status int, text []byte) (version, error) {
	var fields struct {
		VersionID    string `json:"VersionId"`
		SecretString string
		CreatedDate  json.RawMessage
		Type         string `json:"__type"`
	}
	malformed := json.Unmarshal(text, &fields) != nil
	// An error's type is "ResourceNotFoundException", perhaps with a namespace
	// before a #.
	kind := fields.Type[strings.LastIndexByte(fields.Type, '#')+1:]
	switch {
	case status == http.StatusOK && !malformed && fields.VersionID != "" && fields.SecretString != "":
		return version{fields.VersionID, settings.Secret(fields.SecretString), parseDate(fields.CreatedDate)}, nil
	case status == http.StatusOK:
		return version{}, errors.New("keys: Secrets Manager answered no version with a string")
	case status == http.StatusBadRequest && !malformed && kind == "ResourceNotFoundException":
		return version{}, errNoVersion
	case !isErrorType(kind):
		kind = "an error of no known type"
	}
	return version{}, fmt.Errorf("keys: Secrets Manager answered %d, %s", status, kind)
}

// parseDate reads a CreatedDate, "the date and time that this version of the
// secret was created", in seconds since the epoch, such as 1523477145.713 (AWS
// Secrets Manager API Reference, GetSecretValue). It returns the zero time for
// anything else.
func parseDate(text []byte) time.Time {
	var seconds float64
	if json.Unmarshal(text, &seconds) != nil || seconds <= 0 {
		return time.Time{}
	}
	whole, part := math.Modf(min(seconds, 1<<40)) // later dates are far enough in the future
	return time.Unix(int64(whole), int64(part*float64(time.Second)))
}

func isErrorType(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
