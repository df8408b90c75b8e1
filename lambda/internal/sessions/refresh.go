package sessions

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

const (
	// leaseTime is longer than the agent may run: Lambda ends it after 15 s.
	leaseTime = 20 * time.Second
	// patience is how long a refresh waits for another one.
	patience = 8 * time.Second
	// unrotated is how long a refresh is repeated if the provider returned no new
	// refresh token. Another refresh then costs no session.
	unrotated = 5 * time.Second
)

// Errors of [Table.Claim].
var (
	// ErrEnded means that the session is over.
	ErrEnded = errors.New("sessions: the session has ended")
	// ErrBusy means that another refresh has been under way for too long.
	ErrBusy = errors.New("sessions: another refresh is under way")
)

// Refresh is a refresh that the caller must make, or the answer to one that has
// been made.
type Refresh struct {
	// Answer is the answer to the refresh that this one repeats. If it is empty,
	// the caller must make the refresh, and then call Finish or Release.
	Answer string

	table   *Table
	key     item
	token   string // hash
	owner   string
	version int64
	history string
}

// Claim claims the refresh of a session with a refresh token. Of many
// simultaneous callers one gets the claim. The others wait for its answer, and
// later callers get the answer, too. Claim makes two calls to claim, and one to
// get an answer.
func (t *Table) Claim(ctx context.Context, id cookie.SessionID, refreshToken string) (*Refresh, error) {
	r := &Refresh{table: t, key: t.sessionKey(id), token: t.hash("refresh", refreshToken), owner: random()}
	pause := 20 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		record, err := t.get(ctx, r.key, "")
		switch {
		case err != nil:
			return nil, err
		case record == nil:
			return nil, ErrEnded
		case redeemed(record["h"].S, r.token, t.time()):
			r.Answer = record["a"].S
			return r, nil
		case record["o"].S == r.owner: // the response to our own claim was lost
			return r, nil
		case number(record["l"]) <= t.time().UnixMilli():
			r.version, r.history = number(record["v"]), record["h"].S
			err := r.claim(ctx)
			if err == nil {
				return r, nil
			}
			if !errors.Is(err, errCondition) {
				return nil, err
			}
		}
		if time.Now().After(deadline) {
			return nil, ErrBusy
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 400*time.Millisecond)
		case <-ctx.Done():
			return nil, ErrBusy
		}
	}
}

func (r *Refresh) claim(ctx context.Context) error {
	now := r.table.time()
	return r.table.call(ctx, "UpdateItem", map[string]any{
		"Key":                 r.key,
		"UpdateExpression":    "SET l = :until, o = :owner",
		"ConditionExpression": "attribute_exists(pk) AND v = :v AND (attribute_not_exists(l) OR l <= :now)",
		"ExpressionAttributeValues": item{
			":until": millis(now.Add(leaseTime)), ":owner": {S: r.owner}, ":now": millis(now),
			":v": {N: strconv.FormatInt(r.version, 10)},
		},
	}, nil)
}

// Finish records the answer of a refresh that the caller made, and the new end
// of the session. It returns [ErrEnded] if the session ended meanwhile: the
// caller must not deliver the answer. rotated means that there is a new refresh
// token. It makes one call.
func (r *Refresh) Finish(ctx context.Context, answer string, rotated bool, expires time.Time) error {
	now := r.table.time()
	until := now.Add(r.table.repeat)
	if !rotated {
		until = now.Add(min(unrotated, r.table.repeat))
	}
	history := r.token + ":" + strconv.FormatInt(until.UnixMilli(), 10)
	for entry := range strings.FieldsSeq(r.history) {
		token, end, _ := strings.Cut(entry, ":")
		if n, _ := strconv.ParseInt(end, 10, 64); token != r.token && n > now.UnixMilli() {
			history += " " + entry
		}
	}
	err := r.table.call(ctx, "UpdateItem", map[string]any{
		"Key":                 r.key,
		"UpdateExpression":    "SET a = :a, h = :h, e = :e, v = :v REMOVE l, o",
		"ConditionExpression": "attribute_exists(pk) AND o = :owner",
		"ExpressionAttributeValues": item{
			":a": {S: answer}, ":h": {S: history}, ":e": seconds(expires), ":owner": {S: r.owner},
			":v": {N: strconv.FormatInt(r.version+1, 10)},
		},
	}, nil)
	if !errors.Is(err, errCondition) {
		return err
	}
	// The first attempt may have succeeded, and its response may be lost.
	record, err := r.table.get(ctx, r.key, "")
	if err == nil && (record == nil || record["h"].S != history || record["a"].S != answer) {
		err = ErrEnded
	}
	return err
}

// Release gives a claim up, so that another caller can make the refresh.
func (r *Refresh) Release(ctx context.Context) error {
	err := r.table.call(ctx, "UpdateItem", map[string]any{
		"Key": r.key, "UpdateExpression": "REMOVE l, o", "ConditionExpression": "attribute_exists(pk) AND o = :owner",
		"ExpressionAttributeValues": item{":owner": {S: r.owner}},
	}, nil)
	if errors.Is(err, errCondition) {
		return nil
	}
	return err
}

// redeemed reports whether the history contains a refresh token and the time to
// answer its repetition has not passed.
func redeemed(history, token string, now time.Time) bool {
	for entry := range strings.FieldsSeq(history) {
		hash, end, _ := strings.Cut(entry, ":")
		if until, _ := strconv.ParseInt(end, 10, 64); hash == token && until > now.UnixMilli() {
			return true
		}
	}
	return false
}

func millis(t time.Time) value { return value{N: strconv.FormatInt(t.UnixMilli(), 10)} }
