// Package sessions keeps a record of each session in a DynamoDB table. With it,
// repeated refreshes make one call to the provider, and the end of a session
// takes effect with the next request.
//
// A record exists while the session lasts. A request without a record of its
// session is refused. If the call to the table fails, the request fails. So a
// session never goes on unchecked.
//
// # The table
//
// The partition key is pk. The attributes of a record are
//
//	pk  hash of the session id
//	e   end of the session, Unix seconds; the table's TTL attribute
//	u   hash of the subject; partition key of the index bySubject
//	s   hash of the provider's session id, or of the subject if that id is not
//	    known; partition key of the index bySid
//	v   how often the session was refreshed
//	l   a refresh is under way until then, Unix milliseconds
//	o   who makes it, random
//	h   hashes of the refresh tokens that were redeemed, and until when their
//	    repetition is answered, Unix milliseconds: "hash:until hash:until"
//	a   the answer to repetitions, sealed by the caller
//
// A record of a logout token that was used has pk, a hash of its jti, and e.
//
// Hashes are HMAC-SHA256 with a key of their own, which is not rotated with the
// key of the cookies. DynamoDB deletes expired items "within a few days"
// (Developer Guide, "Using time to live"), so this package compares e itself.
//
// # Limits
//
// Reads are strongly consistent, but the indexes are not: ending the sessions of
// a subject may miss one that began in the same moment. Do not use a global table
// from several regions: it does not coordinate conditional writes between them.
package sessions

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/partition"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

// Config configures a table.
type Config struct {
	Name       string
	Key        settings.Secret // 64 hexadecimal characters
	Deployment string          // of [settings.DeploymentOf]: several may share a table
	// Repeat is how long the repetition of a refresh gets the same answer.
	Repeat time.Duration
	// Env returns the region, the credentials and, for a local run,
	// AWS_ENDPOINT_URL_DYNAMODB, which AWS SDKs honour too.
	Env func(string) string
	Now func() time.Time
}

// Table is the table of one deployment. It is safe for use by several
// goroutines.
type Table struct {
	name, endpoint, region, deployment string

	key    []byte
	repeat time.Duration
	env    func(string) string
	now    func() time.Time
	clock  clock
	http   *http.Client
}

// New returns the table. It makes no call.
func New(c Config) (*Table, error) {
	key, err := hex.DecodeString(c.Key.Reveal())
	if err != nil || len(key) != 32 {
		return nil, errors.New("sessions: expected a key of 64 hexadecimal characters")
	}
	t := &Table{name: c.Name, deployment: c.Deployment, key: key, repeat: c.Repeat, env: c.Env, now: c.Now,
		region: c.Env("AWS_REGION"), endpoint: c.Env("AWS_ENDPOINT_URL_DYNAMODB")}
	switch {
	case t.region == "":
		return nil, errors.New("sessions: AWS_REGION is missing: expected the region of the table")
	case t.endpoint != "":
		if !settings.IsURL(t.endpoint) {
			return nil, errors.New("sessions: AWS_ENDPOINT_URL_DYNAMODB is malformed: expected an https URL (http for loopback names only)")
		}
		t.endpoint = strings.TrimSuffix(t.endpoint, "/") + "/"
	default:
		t.endpoint = "https://dynamodb." + t.region + "." + partition.SuffixOfRegion(t.region) + "/"
	}
	t.http = &http.Client{
		// A redirect would take the signature elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return t, nil
}

func (t *Table) hash(kind, text string) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(kind + "\x00" + t.deployment + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (t *Table) sessionKey(id cookie.SessionID) item {
	return item{"pk": {S: t.hash("session", string(id[:]))}}
}

func seconds(t time.Time) value { return value{N: strconv.FormatInt(t.Unix(), 10)} }

func number(v value) int64 {
	n, _ := strconv.ParseInt(v.N, 10, 64)
	return n
}

// get returns a record that is not over, or nil.
func (t *Table) get(ctx context.Context, key item, attributes string) (item, error) {
	request := map[string]any{"Key": key, "ConsistentRead": true}
	if attributes != "" {
		request["ProjectionExpression"] = attributes
	}
	var answer struct{ Item item }
	if err := t.call(ctx, "GetItem", request, &answer); err != nil {
		return nil, err
	}
	if answer.Item == nil || number(answer.Item["e"]) <= t.time().Unix() {
		return nil, nil
	}
	return answer.Item, nil
}

// Live reports whether a session goes on. It makes one call.
func (t *Table) Live(ctx context.Context, id cookie.SessionID) (bool, error) {
	found, err := t.get(ctx, t.sessionKey(id), "e")
	return found != nil, err
}

// Session is a session that begins.
type Session struct {
	ID      cookie.SessionID
	Subject string // empty: not known
	SID     string // the provider's id of its own session; empty: not known
	Expires time.Time
}

// Begin records a session. It makes one call.
func (t *Table) Begin(ctx context.Context, s Session) error {
	record := t.sessionKey(s.ID)
	record["e"] = seconds(s.Expires)
	record["v"] = value{N: "0"}
	if s.Subject != "" {
		record["u"] = value{S: t.hash("subject", s.Subject)}
	}
	switch {
	case s.SID != "":
		record["s"] = value{S: t.hash("sid", s.SID)}
	case s.Subject != "":
		record["s"] = value{S: t.hash("no sid", s.Subject)}
	}
	return t.call(ctx, "PutItem", map[string]any{"Item": record}, nil)
}

// End ends a session, whether it is recorded or not. It makes one call.
func (t *Table) End(ctx context.Context, id cookie.SessionID) error {
	return t.call(ctx, "DeleteItem", map[string]any{"Key": t.sessionKey(id)}, nil)
}

// EndSubject ends all sessions of a subject and returns their number.
func (t *Table) EndSubject(ctx context.Context, subject string) (int, error) {
	return t.endAll(ctx, "bySubject", "u", t.hash("subject", subject))
}

// EndSID ends all sessions that one session of the provider began, and returns
// their number. It may also end sessions of the subject whose SID is unknown.
// With an empty subject only sessions with this SID end.
func (t *Table) EndSID(ctx context.Context, sid, subject string) (int, error) {
	ended, err := t.endAll(ctx, "bySid", "s", t.hash("sid", sid))
	if err != nil || subject == "" {
		return ended, err
	}
	unknown, err := t.endAll(ctx, "bySid", "s", t.hash("no sid", subject))
	return ended + unknown, err
}

func (t *Table) endAll(ctx context.Context, index, attribute, hash string) (ended int, err error) {
	request := map[string]any{
		"IndexName": index, "KeyConditionExpression": attribute + " = :x", "ProjectionExpression": "pk",
		"ExpressionAttributeValues": item{":x": {S: hash}},
	}
	for {
		var page struct {
			Items            []item
			LastEvaluatedKey item
		}
		if err := t.call(ctx, "Query", request, &page); err != nil {
			return ended, err
		}
		for _, each := range page.Items {
			if err := t.call(ctx, "DeleteItem", map[string]any{"Key": item{"pk": each["pk"]}}, nil); err != nil {
				return ended, err
			}
			ended++
		}
		if page.LastEvaluatedKey == nil {
			return ended, nil
		}
		request["ExclusiveStartKey"] = page.LastEvaluatedKey
	}
}

// Once reports whether an id is used for the first time. It remembers the id
// until the given time, or until [Table.Forget].
func (t *Table) Once(ctx context.Context, id string, until time.Time) (bool, error) {
	err := t.call(ctx, "PutItem", map[string]any{
		"Item":                item{"pk": {S: t.hash("once", id)}, "e": seconds(until)},
		"ConditionExpression": "attribute_not_exists(pk)",
	}, nil)
	if errors.Is(err, errCondition) {
		return false, nil
	}
	return err == nil, err
}

// Forget makes [Table.Once] forget an id.
func (t *Table) Forget(ctx context.Context, id string) error {
	return t.call(ctx, "DeleteItem", map[string]any{"Key": item{"pk": {S: t.hash("once", id)}}}, nil)
}

func random() string { return rand.Text() }
